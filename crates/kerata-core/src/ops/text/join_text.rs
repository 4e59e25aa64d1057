//! `string_join`: strings put behind each other, element by element.

use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::elementwise::broadcast_shapes;
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// The strings of all inputs that meet, with a text between them.
    pub struct StringJoin("string_join") {
        /// What stands between them.
        pub separator: String,
    }
}

/// The strings of tensors that meet, with a text between them.
pub fn string_join(parts: &[Tensor], separator: &str) -> Result<Tensor> {
    GraphBuilder::innermost(parts)?.add_one(StringJoin { separator: separator.to_owned() }, parts)
}

impl Op for StringJoin {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        inputs.iter().try_for_each(super::strings::check)?;
        if inputs.is_empty() {
            return Err(Error::mismatch("nothing to join"));
        }
        let shapes: Vec<_> = inputs.iter().map(|input| &input.shape).collect();
        Ok(vec![TensorSpec::new(DType::String, broadcast_shapes(&shapes)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.swap_remove(0).sizes()?;
        let parts = inputs.iter().map(|input| input.broadcast_to(&shape)).collect::<Result<Vec<_>>>()?;
        let lists = parts.iter().map(Array::as_strings).collect::<Result<Vec<_>>>()?;
        let joined = (0..crate::array::element_count(&shape)?)
            .map(|at| lists.iter().map(|list| &list[at][..]).collect::<Vec<_>>().join(self.separator.as_bytes()))
            .collect();
        Ok(vec![Array::from_strings(shape, joined)?])
    }
}
