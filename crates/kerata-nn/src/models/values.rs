//! `Values`: the variables of a model whose layers are no longer needed.

use std::sync::Arc;

use kerata_core::array::Array;
use kerata_core::ops::Generator;
use kerata_core::{DType, Error, Result, ResultExt, Variables};

use super::model::initial;
use crate::layers::Place;
use crate::layers::place::Slot;

/// The values of a model's variables, by path.
#[derive(Debug)]
pub struct Values {
    variables: Variables,
    place: Arc<Place>,
    seed: i64,
    generator: Generator,
}

impl Values {
    pub(super) fn new(variables: Variables, place: Arc<Place>, seed: i64, generator: Generator) -> Self {
        Self { variables, place, seed, generator }
    }

    /// The value of a variable, as [`Model::variable`](super::Model::variable) gives it.
    pub fn variable(&self, path: &str) -> Result<Array> {
        value(&self.variables, &self.place, path, |slot| initial(path, slot, self.seed, self.generator))
    }
}

/// The value of a variable as a trace needs it: as stored, or as it starts when it is not stored.
pub(super) fn value(
    variables: &Variables,
    place: &Place,
    path: &str,
    start: impl FnOnce(&Slot) -> Result<Array>,
) -> Result<Array> {
    let slot = place.find(path).filter(|slot| slot.same_as.is_none());
    let slot = slot.ok_or_else(|| Error::not_found(format!("no variable `{path}`")))?;
    let Some(variable) = variables.get(path) else { return start(slot) };
    let mut variable = variable.clone();
    // Legacy HDF5 files keep bfloat16 as bytes without a name; the layer knows what they are.
    if matches!(variable.dtype, DType::Opaque(_)) && variable.dtype.size() == slot.spec.dtype.size() {
        variable.dtype = slot.spec.dtype;
    }
    let array = Array::from_variable(&variable).at(|| format!("variable `{path}`"))?;
    if array.dtype() == slot.spec.dtype { Ok(array) } else { array.cast(slot.spec.dtype) }
}
