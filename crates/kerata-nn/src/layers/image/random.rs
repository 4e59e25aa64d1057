//! `random!`: layers that change images at random in training and give them as they are otherwise.

/// Declares a layer that changes images at random in training, by a function; `@config` declares only its arguments.
macro_rules! random {
    // With the function that changes a batch of images, channels last.
    (
        $(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty = $default:expr),* $(,)? }
        change $change:path
    ) => {
        random!(@config $(#[$doc])* $name { $($(#[$field_doc])* $field: $type = $default,)* });

        impl Layer for $name {
            fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
                crate::layers::image::random::build_seed(scope, &self.seed)
            }

            fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let change = |x: &Tensor| $change(self, scope, x);
                crate::layers::image::random::in_training(scope, inputs, self.data_format, change)
            }
        }
    };
    (@config $(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty = $default:expr),* $(,)? }) => {
        config! {
            $(#[$doc])*
            pub struct $name {
                /// Where the channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
                $($(#[$field_doc])* $field: $type = $default,)*
            }
        }
    };
}

use super::images::images;
use crate::layers::prelude::*;

pub(super) use random;

/// Name of the state of the random numbers.
const SEED: &str = "generator";

/// Declares the state of the random numbers.
pub(super) fn build_seed(scope: &mut Scope, seed: &Seed) -> Result<()> {
    scope.seed(SEED, seed)
}

/// A random number for each image, from `low` to `high`, beside the images.
pub(super) fn for_each_image(scope: &Scope, x: &Tensor, low: f64, high: f64) -> Result<Tensor> {
    let mut sizes = vec![ops::Size::Known(1); x.rank()];
    if let (4, Some(first)) = (x.rank(), sizes.first_mut()) {
        *first = x.size(0);
    }
    ops::random_uniform(&scope.next_seed(SEED)?, sizes, low, high, x.dtype())
}

/// A random number for each image of a batch, `[n]`.
pub(super) fn one_each(scope: &Scope, x: &Tensor, low: f64, high: f64) -> Result<Tensor> {
    one_each_of(scope, x, low, high, DType::Float32)
}

/// The same of a dtype.
pub(super) fn one_each_of(scope: &Scope, x: &Tensor, low: f64, high: f64, dtype: DType) -> Result<Tensor> {
    ops::random_uniform(&seed_of(scope)?, [x.size(0)], low, high, dtype)
}

/// The same as `[n, 1, 1, 1]`, to be met with images.
pub(super) fn beside(x: &Tensor) -> Result<Tensor> {
    ops::reshape(x, [-1, 1, 1, 1])
}

/// The next seed.
pub(super) fn seed_of(scope: &Scope) -> Result<Tensor> {
    scope.next_seed(SEED)
}

/// The state from which the next numbers are drawn.
pub(super) fn random_state(scope: &Scope) -> Result<Tensor> {
    scope.seed_state(SEED)
}

/// Makes an earlier state the one from which the next numbers are drawn.
pub(super) fn rewind(scope: &Scope, state: &Tensor) -> Result<()> {
    scope.update(SEED, state)
}

/// Which images of a batch are changed, `[n]`, when a share of them between two ends is.
pub(super) fn chosen(scope: &Scope, x: &Tensor, [low, high]: [f64; 2]) -> Result<Tensor> {
    let share = one_each(scope, x, low, high)?;
    ops::less(&one_each(scope, x, 0.0, 1.0)?, &share)
}

/// The lower and upper end of a `factor`: two numbers, or one for both sides of zero.
pub(super) fn ends(factor: &Tree, least: f64) -> Result<[f64; 2]> {
    match (
        factor.as_f64(),
        factor.as_list().map(|list| list.iter().filter_map(Tree::as_f64).collect::<Vec<_>>()),
    ) {
        (Some(factor), _) => Ok([(-factor.abs()).max(least), factor.abs()]),
        (_, Some(ends)) if ends.len() == 2 => Ok([ends[0].min(ends[1]), ends[0].max(ends[1])]),
        _ => Err(Error::corrupt("a `factor` is one or two numbers")),
    }
}

/// Images changed in training, by a function of a batch with channels last; otherwise as they are.
pub(super) fn in_training(
    scope: &Scope,
    inputs: &[Tensor],
    data_format: DataFormat,
    change: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let x = in_compute_dtype(scope, inputs.only()?)?;
    Ok(vec![if scope.training() { images(&x, data_format, change)? } else { x }])
}

/// Images in the dtype in which Keras changes them.
pub(super) fn in_compute_dtype(scope: &Scope, x: &Tensor) -> Result<Tensor> {
    if scope.compute_dtype().is_float() { ops::cast(x, scope.compute_dtype()) } else { Ok(x.clone()) }
}
