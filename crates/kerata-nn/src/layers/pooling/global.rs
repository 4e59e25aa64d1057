//! `global!`: the layer that pools everything with a function of axes.

/// Declares the layer that pools a number of spatial axes away.
macro_rules! global {
    ($(#[$doc:meta])* $name:ident, $rank:literal, $function:path) => {
        config! {
            $(#[$doc])*
            pub struct $name {
                /// Where the channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
                /// Whether the pooled axes stay, with size one.
                keepdims: bool = false,
            }
        }

        impl Layer for $name {
            fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let first = if self.data_format == DataFormat::ChannelsFirst { 2 } else { 1 };
                let axes: Vec<i64> = (first..first + $rank).collect();
                Ok(vec![$function(inputs.only()?, &axes, self.keepdims)?])
            }
        }
    };
}

pub(super) use global;
