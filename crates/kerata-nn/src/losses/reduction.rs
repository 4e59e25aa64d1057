//! `Reduction`: how the losses of samples become one number.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, Tree, ops};

use super::same_rank;
use crate::Registry;
use crate::config::Value;

/// How the losses of samples become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// The sum over the number of values; masked values do not count.
    #[default]
    Mean,
    /// The sum over the sum of the weights.
    MeanWithSampleWeight,
    /// The sum.
    Sum,
    /// No reduction.
    None,
}

impl Value for Reduction {
    fn read(tree: &Tree, _: &Registry) -> Result<Self> {
        match tree.as_str() {
            Some("sum_over_batch_size" | "mean" | "auto") => Ok(Self::Mean),
            Some("mean_with_sample_weight") => Ok(Self::MeanWithSampleWeight),
            Some("sum") => Ok(Self::Sum),
            Some("none") => Ok(Self::None),
            None if tree.is_null() => Ok(Self::None),
            _ => Err(Error::unsupported(format!("unknown reduction {}", tree.to_json()))),
        }
    }

    fn write(&self) -> Tree {
        match self {
            Self::Mean => Tree::from("sum_over_batch_size"),
            Self::MeanWithSampleWeight => Tree::from("mean_with_sample_weight"),
            Self::Sum => Tree::from("sum"),
            Self::None => Tree::Null,
        }
    }
}

/// The losses of samples as one number, with the weight of each sample and the mask of what counts.
pub fn reduce(
    values: &Tensor,
    weights: Option<&Tensor>,
    mask: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    let mut values = values.clone();
    let weights = match (weights, mask) {
        (weights, None) => weights.cloned(),
        (None, Some(mask)) => Some(mask_weights(mask, values.dtype(), reduction)?),
        (Some(weights), Some(mask)) => {
            let mask = mask_weights(mask, values.dtype(), reduction)?;
            let (mask, weights) = same_rank(&mask, weights)?;
            Some(ops::multiply(&weights, &mask)?)
        }
    };
    let weights = match &weights {
        Some(weights) => {
            let (of_values, weights) = same_rank(&values, &ops::cast(weights, values.dtype())?)?;
            values = ops::multiply(&of_values, &weights)?;
            Some(weights)
        }
        None => None,
    };
    if values.rank() == 0 || reduction == Reduction::None {
        return Ok(values);
    }
    let sum = ops::sum(&values, &[], false)?;
    match (reduction, weights) {
        (Reduction::Mean, _) | (Reduction::MeanWithSampleWeight, None) => {
            ops::divide_no_nan(&sum, &count(&values, sum.dtype())?)
        }
        (Reduction::MeanWithSampleWeight, Some(weights)) => {
            ops::divide_no_nan(&sum, &ops::sum(&weights, &[], false)?)
        }
        _ => Ok(sum),
    }
}

/// Weights that a mask means: zero for what does not count; in a mean, the others make up for it.
fn mask_weights(mask: &Tensor, dtype: DType, reduction: Reduction) -> Result<Tensor> {
    let counts = ops::cast(mask, dtype)?;
    if reduction != Reduction::Mean {
        return Ok(counts);
    }
    let valid = ops::sum(&counts, &[], false)?;
    ops::multiply(&counts, &ops::divide_no_nan(&count(mask, dtype)?, &valid)?)
}

/// The number of elements of a tensor, as known when it is run.
pub(crate) fn count(x: &Tensor, dtype: DType) -> Result<Tensor> {
    match x.shape().elements() {
        Some(elements) => Ok(x.builder().constant(ops::Scalar::Float(elements as f64).to_array(dtype)?)),
        None => ops::cast(&ops::prod(&ops::shape_of(x)?, &[], false)?, dtype),
    }
}
