//! `zero_pad!`: the padding layer of a number of spatial axes.

/// Declares the padding layer of a number of spatial axes.
macro_rules! zero_pad {
    ($(#[$doc:meta])* $name:ident, $rank:literal) => {
        config! {
            $(#[$doc])*
            pub struct $name {
                /// How many zeros are put before and after each axis.
                padding: Pads = Pads::Everywhere(1),
                /// Where the channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl Layer for $name {
            fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let amounts = self.padding.of_rank($rank)?.into_iter().map(|[before, after]| (before, after));
                let widths: Vec<(usize, usize)> = match self.data_format {
                    DataFormat::ChannelsLast => [(0, 0)].into_iter().chain(amounts).chain([(0, 0)]).collect(),
                    DataFormat::ChannelsFirst => [(0, 0); 2].into_iter().chain(amounts).collect(),
                };
                Ok(vec![ops::pad(inputs.only()?, &widths, ops::PadMode::Constant, 0.0)?])
            }
        }
    };
}

pub(super) use zero_pad;
