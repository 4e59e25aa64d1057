//! `SwapEMAWeights`: evaluates with the averages of the weights.

use kerata_core::{Error, Result, Tree};

use super::{Callback, Training};

/// Puts the averages of an optimizer with `use_ema` in the place of the weights while the model is evaluated, or at the end of
/// each epoch until the next one, so that callbacks after it save them.
///
/// Keras on TensorFlow swaps by adding and subtracting, which rounds; here the two change places exactly.
#[derive(Clone, Debug, Default)]
pub struct SwapEMAWeights {
    swap_on_epoch: bool,
    is_swapped: bool,
}

impl SwapEMAWeights {
    /// Swaps while the model is evaluated.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the averages stay from the end of an epoch until the next one begins.
    #[must_use]
    pub fn swap_on_epoch(mut self, swap_on_epoch: bool) -> Self {
        self.swap_on_epoch = swap_on_epoch;
        self
    }

    fn swap(&mut self, training: &mut Training<'_>, to_averages: bool) -> Result<()> {
        if self.is_swapped == to_averages {
            return Ok(());
        }
        let mut values = Vec::new();
        for (weight, average) in averages(training)? {
            values.push((weight.clone(), training.variable(&average)?));
            values.push((average, training.variable(&weight)?));
        }
        training.set_variables(values)?;
        self.is_swapped = to_averages;
        Ok(())
    }
}

fn averages(training: &Training<'_>) -> Result<Vec<(String, String)>> {
    let averages = training.averages()?;
    if averages.is_empty() {
        return Err(
            Error::usage("the optimizer keeps no averages of the weights").hint("compile it with `use_ema`")
        );
    }
    Ok(averages)
}

impl Callback for SwapEMAWeights {
    fn name(&self) -> &str {
        "SwapEMAWeights"
    }

    fn on_epoch_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        if self.swap_on_epoch { self.swap(training, false) } else { Ok(()) }
    }

    fn on_epoch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        if !self.swap_on_epoch || self.is_swapped {
            return Ok(());
        }
        self.swap(training, true)?;
        if training.epoch() + 1 == training.epochs() || training.is_stopping() {
            // The averages become the weights when the training ends; they are the weights already.
            let mut values = Vec::new();
            for (weight, average) in averages(training)? {
                values.push((average, training.variable(&weight)?));
            }
            training.set_variables(values)?;
        }
        Ok(())
    }

    fn on_test_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.swap(training, true)
    }

    fn on_test_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.swap(training, false)
    }

    fn state(&self) -> Tree {
        Tree::from([("is_swapped", Tree::from(self.is_swapped))])
    }

    fn restore(&mut self, state: &Tree) -> Result<()> {
        let is_swapped = state.require("is_swapped")?.as_bool();
        self.is_swapped = is_swapped.ok_or_else(|| Error::corrupt("`is_swapped` is no truth value"))?;
        Ok(())
    }
}
