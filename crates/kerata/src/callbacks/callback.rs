//! `Callback`: what may hear of a training.

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Artifact, Result, Tree};

use super::Training;

/// Hears of the moments of a training, in Keras's order. An error ends the training.
///
/// All moments do nothing unless they are written. A callback is [`Send`], so that a training can run on any thread.
///
/// ```
/// use kerata::callbacks::{Callback, Training};
///
/// /// Ends the training at a loss that is good enough.
/// struct GoodEnough(f64);
///
/// impl Callback for GoodEnough {
///     fn name(&self) -> &str {
///         "GoodEnough"
///     }
///
///     fn on_epoch_end(&mut self, training: &mut Training<'_>) -> kerata::core::Result<()> {
///         if training.metric("loss")? < self.0 {
///             training.stop();
///         }
///         Ok(())
///     }
/// }
/// ```
#[allow(unused_variables)]
pub trait Callback: Send {
    /// The name that its state is stored under, Keras's class name where there is one.
    fn name(&self) -> &str;

    /// The checkpoint to continue from, asked before the training is set up; the first callback that has one is followed.
    fn resume_from(&mut self) -> Result<Option<Artifact>> {
        Ok(None)
    }

    /// Before the first epoch, also of a training that is continued.
    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After the last epoch; the weights are the averages now, when the optimizer keeps averages.
    fn on_train_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// Before an epoch.
    fn on_epoch_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After an epoch and its validation. The logs may be added to; what they hold afterwards goes into the history.
    fn on_epoch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// Before a step.
    fn on_train_batch_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After a step; the logs are the means of the epoch so far.
    fn on_train_batch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// Before an evaluation.
    fn on_test_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After an evaluation; the logs are its results, without `val_`.
    fn on_test_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// Before a batch of an evaluation.
    fn on_test_batch_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After a batch of an evaluation; the logs are the means so far.
    fn on_test_batch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// After all callbacks have heard of a step, and of the end of the epoch when it was the last step of one. What
    /// [`Training::checkpoint`] gives here is what the training continues from to the same end.
    fn on_settled(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// When somebody has asked the training to end here, after [`on_settled`](Self::on_settled); it is not over and there is
    /// no [`on_train_end`](Self::on_train_end).
    fn on_interrupt(&mut self, training: &mut Training<'_>) -> Result<()> {
        Ok(())
    }

    /// What it must remember to go on after a restart; stored in checkpoints.
    fn state(&self) -> Tree {
        Tree::Null
    }

    /// Takes back what [`state`](Self::state) gave; called after [`on_train_begin`](Self::on_train_begin).
    fn restore(&mut self, state: &Tree) -> Result<()> {
        Ok(())
    }

    /// Tensors that it must remember, by path.
    fn tensors(&self) -> Vec<(String, Array)> {
        Vec::new()
    }

    /// Takes back what [`tensors`](Self::tensors) gave.
    fn restore_tensors(&mut self, tensors: IndexMap<String, Array>) -> Result<()> {
        Ok(())
    }
}
