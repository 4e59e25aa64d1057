//! Images of a batch that are mixed with each other, and the labels beside them.

use super::random::in_compute_dtype;
use crate::layers::prelude::*;

/// What layers that mix images are called with: images, alone or in an object with labels.
pub(super) struct Data<'a> {
    /// The images.
    pub images: &'a Tensor,
    /// The labels.
    pub labels: Option<&'a Tensor>,
}

impl<'a> Data<'a> {
    /// What a call is about: the tensors of its argument `data`, flattened.
    pub fn read(scope: &Scope, inputs: &'a [Tensor]) -> Result<Self> {
        let keys = match scope.arguments().get("data", 0) {
            Some(Argument::Object(data)) => {
                let mut keys: Vec<&str> = data.keys().map(String::as_str).collect();
                keys.sort_unstable();
                keys
            }
            _ => vec!["images"],
        };
        match (&keys[..], inputs) {
            (["images"], [images]) => Ok(Self { images, labels: None }),
            (["images", "labels"], [images, labels]) => Ok(Self { images, labels: Some(labels) }),
            _ => Err(Error::unsupported(format!("mixing {} in training", keys.join(", ")))
                .hint("`images` and `labels` are mixed")),
        }
    }

    /// The tensors of the result, in the order of the inputs.
    pub fn changed(
        &self,
        images: Tensor,
        labels: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Vec<Tensor>> {
        let labels = self.labels.map(|own| {
            // One image has one label.
            let is_one = self.images.rank() == 3;
            let batch = if is_one { ops::expand_dims(own, 0)? } else { own.clone() };
            let mixed = labels(&batch)?;
            if is_one { ops::squeeze(&mixed, &[0]) } else { Ok(mixed) }
        });
        std::iter::once(Ok(images)).chain(labels).collect()
    }
}

/// Everything as it is, images in the compute dtype.
pub(super) fn untouched(scope: &Scope, data: &Data<'_>) -> Result<Vec<Tensor>> {
    data.changed(in_compute_dtype(scope, data.images)?, |labels| Ok(labels.clone()))
}

/// A share of the one, the rest of the other.
pub(super) fn blend(share: &Tensor, one: &Tensor, other: &Tensor) -> Result<Tensor> {
    ops::add(&ops::multiply(share, one)?, &ops::multiply(&ops::one_minus(share)?, other)?)
}
