//! Dropout inside recurrent cells: what is dropped stays dropped through all steps of a call.

use crate::layers::prelude::*;
use crate::layers::regularization::drop_out;

/// Declares the seed of a cell that drops something.
pub(super) fn seed_when_needed(scope: &mut Scope, seed: &Seed, rate: f64) -> Result<()> {
    if rate > 0.0 { scope.seed("seed_generator", seed) } else { Ok(()) }
}

/// The tensor with a share of it dropped in training. The seed is one for all steps, and so are the places.
pub(super) fn drop_part(scope: &Scope, x: &Tensor, rate: f64) -> Result<Tensor> {
    if rate == 0.0 || !scope.training() {
        return Ok(x.clone());
    }
    drop_out(x, rate, &x.sizes(), &scope.next_seed("seed_generator")?)
}
