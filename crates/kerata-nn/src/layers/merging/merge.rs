//! What merging layers have in common: ranks that are made equal, masks that are joined.

use crate::layers::prelude::*;

/// Tensors of one rank: further axes of size one stand after the batch.
pub(super) fn equal_ranks(inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let rank = inputs.iter().map(Tensor::rank).max().unwrap_or(0);
    let raise = |tensor: &Tensor| {
        (tensor.rank()..rank).try_fold(tensor.clone(), |tensor, _| ops::expand_dims(&tensor, 1))
    };
    inputs.iter().map(raise).collect()
}

/// The tensors one after the other through a function of two.
pub(super) fn fold(
    inputs: &[Tensor],
    function: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let inputs = equal_ranks(inputs)?;
    let (first, rest) =
        inputs.split_first().ok_or_else(|| Error::mismatch("expected tensors, found none"))?;
    rest.iter().try_fold(first.clone(), |merged, tensor| function(&merged, tensor))
}

/// Steps count where they count in any tensor; without a mask when one tensor has none.
pub(super) fn joined_mask(masks: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
    let Some(masks) = masks.iter().cloned().collect::<Option<Vec<_>>>() else { return Ok(vec![None]) };
    let Some((first, rest)) = masks.split_first() else { return Ok(vec![None]) };
    let joined = rest.iter().try_fold(first.clone(), |joined, mask| ops::logical_or(&joined, mask))?;
    Ok(vec![Some(joined)])
}

/// The methods of a [`Layer`] whose result has the [`joined_mask`] of its inputs.
macro_rules! joins_masks {
    () => {
        fn supports_masking(&self) -> bool {
            true
        }

        fn compute_mask(
            &self,
            _: &Scope,
            _: &[Tensor],
            masks: &[Option<Tensor>],
        ) -> Result<Vec<Option<Tensor>>> {
            $crate::layers::merging::merge::joined_mask(masks)
        }
    };
}

pub(super) use joins_masks;

/// Merges with a function that has no neutral element: what is masked in one tensor is taken from the others.
pub(super) fn fold_masked(
    scope: &Scope,
    inputs: &[Tensor],
    function: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    if scope.masks().iter().all(Option::is_none) {
        return fold(inputs, function);
    }
    let inputs = equal_ranks(inputs)?;
    let spread = |(tensor, mask): (&Tensor, &Option<Tensor>)| match mask {
        Some(mask) => ops::broadcast_to(&ops::expand_dims(mask, -1)?, tensor.sizes()).map(Some),
        None => Ok(None),
    };
    let masks: Vec<Option<Tensor>> = inputs.iter().zip(scope.masks()).map(spread).collect::<Result<_>>()?;
    let mut pairs = inputs.into_iter().zip(masks);
    let (mut output, mut known) =
        pairs.next().ok_or_else(|| Error::mismatch("expected tensors, found none"))?;
    for (mut tensor, mask) in pairs {
        if let Some(mask) = &mask {
            tensor = ops::select(mask, &tensor, &output)?;
        }
        if let Some(known) = &known {
            output = ops::select(known, &output, &tensor)?;
        }
        known = match (known, mask) {
            (Some(known), Some(mask)) => Some(ops::logical_or(&known, &mask)?),
            _ => None,
        };
        output = function(&output, &tensor)?;
    }
    let mask = known.map(|known| ops::any(&known, &[-1], false)).transpose()?;
    scope.set_mask(0, mask);
    Ok(output)
}
