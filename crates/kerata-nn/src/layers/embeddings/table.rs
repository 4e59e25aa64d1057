//! `Table`: the vectors of an embedding in the form that the dtype policy asks for: float, or quantized as Keras stores them.

use crate::layers::core::{grouped, stored, unpacked};
use crate::layers::lora::Lora;
use crate::layers::prelude::*;

/// The vectors of an embedding: names of its variables and sizes.
pub(super) struct Table {
    /// Number of vectors.
    pub count: usize,
    /// Size of a vector.
    pub width: usize,
    /// What is learned beside the vectors.
    pub lora: Option<Lora>,
}

impl Table {
    /// Declares the variables in Keras's order; `embeddings` declares float vectors.
    pub fn build(&self, scope: &mut Scope, embeddings: impl FnOnce(&mut Scope) -> Result<()>) -> Result<()> {
        self.declare(scope, embeddings)?;
        let shape = [self.count, self.width];
        self.lora.as_ref().map_or(Ok(()), |lora| lora.build(scope, "embeddings", &shape))
    }

    /// All vectors as floats.
    pub fn get(&self, scope: &Scope) -> Result<Tensor> {
        let table = self.stored_table(scope)?;
        self.lora.as_ref().map_or(Ok(table.clone()), |lora| lora.add(scope, &table))
    }

    fn declare(&self, scope: &mut Scope, embeddings: impl FnOnce(&mut Scope) -> Result<()>) -> Result<()> {
        let Some(quantization) = scope.policy().quantization().cloned() else { return embeddings(scope) };
        let float = scope.policy().variable_dtype();
        match quantization.mode.as_str() {
            "int8" => {
                scope.keep_order();
                stored(scope, "embeddings", &[self.count, self.width], DType::Int8)?;
                stored(scope, "embeddings_scale", &[self.count], float)
            }
            "int4" => {
                scope.keep_order();
                stored(scope, "embeddings", &[self.count, self.width.div_ceil(2)], DType::Int8)?;
                let Some(block) = quantization.block_size else {
                    return stored(scope, "embeddings_scale", &[self.count], float);
                };
                let groups = [self.count, self.width.div_ceil(block.max(1))];
                stored(scope, "embeddings_scale", &groups, float)?;
                stored(scope, "embeddings_zero", &groups, DType::Int8)?;
                stored(scope, "g_idx", &[self.width], DType::Float32)
            }
            _ => embeddings(scope),
        }
    }

    /// All vectors as floats, as they are stored.
    fn stored_table(&self, scope: &Scope) -> Result<Tensor> {
        self.floats(scope, Ok)
    }

    /// Vectors as floats: `pick` says which rows of the stored variables.
    fn floats(&self, scope: &Scope, pick: impl Fn(Tensor) -> Result<Tensor>) -> Result<Tensor> {
        let mode = scope.policy().quantization().map(|quantization| quantization.mode.as_str());
        let table = match mode {
            Some("int8") => pick(scope.get_stored("embeddings")?)?,
            Some("int4") => unpacked(&pick(scope.get_stored("embeddings")?)?, self.width, -1, true)?,
            _ => return pick(scope.get("embeddings")?),
        };
        let table = ops::cast(&table, scope.compute_dtype())?;
        let scale = pick(scope.get("embeddings_scale")?)?;
        if scope.has("embeddings_zero") {
            let zero = pick(scope.get_stored("embeddings_zero")?)?;
            return grouped(&table, &scale, &zero, &scope.get_stored("g_idx")?, -1);
        }
        ops::divide(&table, &ops::expand_dims(&scale, -1)?)
    }

    /// The vectors of numbers.
    pub fn look_up(&self, scope: &Scope, numbers: &Tensor) -> Result<Tensor> {
        let whole = match numbers.dtype() {
            DType::Int32 | DType::Int64 => numbers.clone(),
            _ => ops::cast(numbers, DType::Int32)?,
        };
        // Few vectors are looked up: they alone become floats, not the table.
        let output = match self.lora {
            None => self.floats(scope, |rows| ops::take(&rows, &whole, Some(0)))?,
            Some(_) => ops::take(&self.get(scope)?, &whole, Some(0))?,
        };
        ops::cast(&output, scope.compute_dtype())
    }
}
