//! Numbers of categories as vectors.

use crate::layers::prelude::*;

/// How categories are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Encoding {
    /// As their numbers.
    Int,
    /// As a vector with a one for each category.
    OneHot,
    /// As one vector for all categories of an item.
    MultiHot,
    /// As one vector with the number of each category in an item.
    Count,
}

impl Encoding {
    /// The encoding of an `output_mode`; `tf_idf` counts.
    pub fn of(mode: &str) -> Result<Self> {
        match mode {
            "int" => Ok(Self::Int),
            "one_hot" => Ok(Self::OneHot),
            "multi_hot" | "binary" => Ok(Self::MultiHot),
            "count" | "tf_idf" | "tf-idf" => Ok(Self::Count),
            other => Err(Error::unsupported(format!("output mode `{other}`"))),
        }
    }

    /// Categories from 0 to `depth`, written in a dtype. Others are left out of vectors.
    pub fn apply(self, x: &Tensor, depth: usize, dtype: DType, weights: Option<&Tensor>) -> Result<Tensor> {
        if self == Self::Int {
            return ops::cast(x, dtype);
        }
        let dtype = if dtype.is_float() || dtype.is_integer() { dtype } else { DType::Float32 };
        let x = if x.rank() == 0 { ops::expand_dims(x, -1)? } else { x.clone() };
        match self {
            Self::OneHot => {
                let is_one = x.rank() > 1 && x.spec().size(x.rank() - 1) == Some(1);
                let x = if is_one { ops::squeeze(&x, &[-1])? } else { x };
                ops::one_hot(&x, depth, -1, dtype)
            }
            Self::MultiHot => ops::multi_hot(&x, depth, dtype),
            _ => {
                let mut hot = ops::one_hot(&x, depth, -1, dtype)?;
                if let Some(weights) = weights {
                    hot = ops::multiply(&hot, &ops::expand_dims(weights, -1)?)?;
                }
                // Keras counts along the second axis.
                let axis = if x.rank() > 1 { 1 } else { 0 };
                ops::sum(&hot, &[axis], false)
            }
        }
    }
}

/// The dtype of the vectors or numbers of a layer.
pub(super) fn output_dtype(scope: &Scope, encoding: Encoding) -> DType {
    match (encoding, scope.compute_dtype()) {
        (Encoding::Int, dtype) if dtype.is_integer() => dtype,
        (Encoding::Int, _) => DType::Int64,
        (_, dtype) if dtype.is_float() => dtype,
        _ => DType::Float32,
    }
}
