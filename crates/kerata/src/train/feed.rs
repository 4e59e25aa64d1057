//! `Feed`: the batches of an epoch, ready for a step.

use kerata_core::array::Array;
use kerata_core::{Result, ResultExt};

use super::prepare::Prepare;
use super::samples::{Samples, order};
use super::{Batches, FitOptions};

/// Where batches come from.
pub(super) enum Feed<'a> {
    /// Cut from arrays.
    Samples(Samples),
    /// From elsewhere.
    Batches(&'a mut dyn Batches, Prepare),
}

/// Batches as a step takes them.
pub(super) type Ready<'a> = Box<dyn Iterator<Item = Result<Vec<Array>>> + 'a>;

impl Feed<'_> {
    /// The batches of an epoch.
    pub fn epoch<'b>(&'b mut self, options: &'b FitOptions, epoch: usize) -> Result<Ready<'b>> {
        match self {
            Self::Samples(samples) => {
                let rows = match options.shuffle {
                    true => order(samples.len(), options.seed, epoch),
                    false => (0..samples.len()).collect(),
                };
                let size = options.batch_size;
                let starts = (0..rows.len()).step_by(size);
                Ok(Box::new(starts.map(move |start| {
                    let end = rows.len().min(start + size);
                    samples.batch(rows.get(start..end).unwrap_or_default())
                })))
            }
            Self::Batches(batches, prepare) => {
                let all = batches.epoch(epoch)?.enumerate();
                Ok(Box::new(all.map(|(index, batch)| {
                    let prepared = batch.and_then(|batch| prepare.prepare(&batch));
                    prepared.map(|prepared| prepared.arrays).at(|| format!("batch {index}"))
                })))
            }
        }
    }

    /// The number of batches of an epoch, when it is known.
    pub fn count(&self, options: &FitOptions) -> Option<usize> {
        let all = match self {
            Self::Samples(samples) => Some(samples.len().div_ceil(options.batch_size)),
            Self::Batches(batches, _) => batches.count(),
        };
        match (all, options.steps_per_epoch) {
            (Some(all), Some(most)) => Some(all.min(most)),
            (all, most) => all.or(most),
        }
    }

    /// The number of samples, when they are cut from arrays.
    pub fn samples(&self) -> Option<usize> {
        match self {
            Self::Samples(samples) => Some(samples.len()),
            Self::Batches(..) => None,
        }
    }
}
