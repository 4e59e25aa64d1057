//! `Batches`: where batches come from when they are not cut from arrays.

use kerata_core::Result;

use super::Arrays;

/// The batches of an epoch, one after the other.
pub type EpochBatches<'a> = Box<dyn Iterator<Item = Result<Batch>> + 'a>;

/// Samples of one step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Batch {
    /// Inputs.
    pub x: Arrays,
    /// Targets.
    pub y: Arrays,
    /// What the loss of each sample is multiplied by: one array for all targets, or one for each.
    pub sample_weight: Option<Arrays>,
}

impl Batch {
    /// Inputs with their targets.
    pub fn new(x: impl Into<Arrays>, y: impl Into<Arrays>) -> Self {
        Self { x: x.into(), y: y.into(), sample_weight: None }
    }

    /// Sets what the loss of each sample is multiplied by.
    #[must_use]
    pub fn sample_weight(mut self, weight: impl Into<Arrays>) -> Self {
        self.sample_weight = Some(weight.into());
        self
    }
}

/// Gives the batches of each epoch: a reader of files, a generator, an augmentation.
///
/// Every function from the number of an epoch to an iterator of batches is one:
///
/// ```no_run
/// # use kerata::core::{Result, array::Array};
/// # use kerata::train::{Batch, Batches};
/// # fn read(file: usize) -> Result<Batch> { unimplemented!() }
/// let mut files = |_epoch: usize| (0..8).map(read);
/// # fn takes(_: &mut dyn Batches) {}
/// # takes(&mut files);
/// ```
pub trait Batches {
    /// The batches of an epoch. The same epoch may be asked for again, and then gives the same batches: so a training
    /// that was interrupted can go on.
    fn epoch(&mut self, epoch: usize) -> Result<EpochBatches<'_>>;

    /// The number of batches of an epoch, when it is known.
    fn count(&self) -> Option<usize> {
        None
    }
}

impl<F, I> Batches for F
where
    F: FnMut(usize) -> I,
    I: Iterator<Item = Result<Batch>> + 'static,
{
    fn epoch(&mut self, epoch: usize) -> Result<EpochBatches<'_>> {
        Ok(Box::new(self(epoch)))
    }
}
