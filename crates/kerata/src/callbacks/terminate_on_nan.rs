//! `TerminateOnNaN`: ends a training whose loss is no number.
//!
//! A loss is that of the weights before the update, so the weights of the last step are looked at when the training ends.

use kerata_core::{Error, Result};

use super::{Callback, Training};
use crate::finite::require_finite;

/// Ends the training when the loss is NaN or infinite, or the last update has left such weights.
#[derive(Clone, Debug, Default)]
pub struct TerminateOnNaN {
    raise_error: bool,
    batch: Option<u64>,
}

impl TerminateOnNaN {
    /// Ends the training as if it were done.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the training fails instead, so that other callbacks do not take it for done.
    #[must_use]
    pub fn raise_error(mut self, raise_error: bool) -> Self {
        self.raise_error = raise_error;
        self
    }

    /// The step after which the training was ended, if it was.
    pub fn terminated_at(&self) -> Option<u64> {
        self.batch
    }
}

impl Callback for TerminateOnNaN {
    fn name(&self) -> &str {
        "TerminateOnNaN"
    }

    fn on_train_batch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        let Some(loss) = training.logs().get("loss").copied().filter(|loss| !loss.is_finite()) else {
            return Ok(());
        };
        self.batch = Some(training.step());
        if self.raise_error {
            let (epoch, batch) = (training.epoch() + 1, training.batch() + 1);
            return Err(Error::mismatch(format!("the loss is {loss} after batch {batch} of epoch {epoch}"))
                .hint("lower the learning rate, clip the gradients, or look for NaN in the samples"));
        }
        training.stop();
        Ok(())
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        if self.batch.is_some() {
            return Ok(());
        }
        let Err(error) = require_finite(&training.model()?) else { return Ok(()) };
        self.batch = Some(training.step());
        if self.raise_error { Err(error) } else { Ok(()) }
    }
}
