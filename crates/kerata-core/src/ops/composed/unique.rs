//! `unique`: which elements of a vector are the first of their kind, by sorting.

use crate::graph::Tensor;
use crate::ops;
use crate::{DType, Result};

/// The kinds of elements of a vector; see [`unique`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unique {
    /// All places of the vector, as int32: from the smallest element on, or as they stand.
    pub order: Tensor,
    /// For each place of the order whether the element there is the first of its kind.
    pub is_first: Tensor,
    /// For each element of the vector the number of its kind.
    pub inverse: Tensor,
    /// For each element of the vector how many are of its kind.
    pub counts: Tensor,
}

impl Unique {
    /// The places of the first elements of each kind: the only step whose size the values decide.
    pub fn places(&self) -> Result<Tensor> {
        ops::take(&self.order, &ops::index(&ops::nonzero(&self.is_first)?, -1, 0)?, Some(0))
    }
}

/// The kinds of elements of a vector, from the smallest on or in the order in which they come first.
///
/// All but [`Unique::places`] has the size of the vector, so that compilers that need fixed sizes can follow.
pub fn unique(x: &Tensor, is_sorted: bool) -> Result<Unique> {
    let own = ops::iota(x.builder(), x.size(0), DType::Int32)?;
    let zeros = ops::zeros_like(&own)?;
    let order = ops::argsort(x, 0)?;
    let in_order = ops::take(x, &order, Some(0))?;
    let before = ops::maximum(&ops::subtract(&own, &ops::ones_like(&own)?)?, &zeros)?;
    let differs = ops::not_equal(&in_order, &ops::take(&in_order, &before, Some(0))?)?;
    let starts = ops::logical_or(&differs, &ops::equal(&own, &zeros)?)?;
    // Equal elements stand together and in their order: a group each, which begins with its first one.
    let groups = numbered(&starts)?;
    let group_of = ops::take(&groups, &ops::argsort(&order, 0)?, Some(0))?;
    let by_group = |of: &Tensor| ops::take(&ops::index_add(of, &groups, x.size(0), 0)?, &group_of, Some(0));
    let counts = by_group(&ops::ones_like(&own)?)?;
    if is_sorted {
        return Ok(Unique { order, is_first: starts, inverse: group_of, counts });
    }
    let firsts = by_group(&ops::select(&starts, &order, &zeros)?)?;
    let is_first = ops::equal(&firsts, &own)?;
    let inverse = ops::take(&numbered(&is_first)?, &firsts, Some(0))?;
    Ok(Unique { order: own, is_first, inverse, counts })
}

/// Each true element's number among the true ones, and that of the last one before each false element.
fn numbered(is_true: &Tensor) -> Result<Tensor> {
    let counted = ops::cumsum(is_true, Some(0))?;
    ops::subtract(&counted, &ops::ones_like(&counted)?)
}
