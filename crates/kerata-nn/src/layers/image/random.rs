//! `random!`: layers that change images at random in training and give them as they are otherwise.

/// Declares a layer that changes images at random in training. What it does then is not computed here yet, and training
/// through it fails instead of going on without it.
macro_rules! random {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty = $default:expr),* $(,)? }) => {
        config! {
            $(#[$doc])*
            pub struct $name {
                /// Where the channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
                $($(#[$field_doc])* $field: $type = $default,)*
            }
        }

        impl Layer for $name {
            fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                crate::layers::image::random::unchanged(scope, inputs)
            }
        }
    };
}

use crate::layers::prelude::*;

pub(super) use random;

/// The inputs as they are, unless the call is one of training.
pub(super) fn unchanged(scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    if scope.training() {
        return Err(Error::unsupported("random changes of images in training")
            .hint("change the images before they are handed in, or leave the layer out of what is trained"));
    }
    // Keras computes images in the compute dtype, whatever comes in.
    let cast = |x: &Tensor| {
        if scope.compute_dtype().is_float() { ops::cast(x, scope.compute_dtype()) } else { Ok(x.clone()) }
    };
    inputs.iter().map(cast).collect()
}
