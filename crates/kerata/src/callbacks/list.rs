//! `CallbackList`: tells all callbacks of a moment, in their order.

use kerata_core::{Artifact, Error, Object, Result, ResultExt, Tree};

use super::{Callback, Host, Logs, Training};

/// The callbacks of a training.
#[derive(Default)]
pub(crate) struct CallbackList<'a> {
    callbacks: Vec<Box<dyn Callback + 'a>>,
}

impl<'a> CallbackList<'a> {
    pub fn new(callbacks: Vec<Box<dyn Callback + 'a>>) -> Self {
        Self { callbacks }
    }

    pub fn is_empty(&self) -> bool {
        self.callbacks.is_empty()
    }

    /// The checkpoint of the first callback that has one.
    pub fn resume_from(&mut self) -> Result<Option<Artifact>> {
        for callback in &mut self.callbacks {
            if let Some(artifact) = callback.resume_from()? {
                return Ok(Some(artifact));
            }
        }
        Ok(None)
    }

    /// Tells each callback of a moment.
    pub fn each(
        &mut self,
        host: &mut dyn Host,
        logs: &mut Logs,
        batch: usize,
        moment: impl Fn(&mut dyn Callback, &mut Training<'_>) -> Result<()>,
    ) -> Result<()> {
        for index in 0..self.callbacks.len() {
            let (before, rest) = self.callbacks.split_at_mut(index);
            let Some((callback, after)) = rest.split_first_mut() else { continue };
            let others = Others { before, after };
            let mut training = Training::new(&mut *host, &mut *logs, batch, others);
            moment(&mut **callback, &mut training).at(|| format!("callback {}", callback.name()))?;
        }
        Ok(())
    }

    /// Gives the callbacks what they stored, by name; of several with one name, in order.
    pub fn restore(&mut self, states: &Tree) -> Result<()> {
        let mut states: Vec<&Tree> = states.as_list().unwrap_or_default().iter().collect();
        for callback in &mut self.callbacks {
            let is_its = |state: &&Tree| state.get("name").and_then(Tree::as_str) == Some(callback.name());
            let Some(index) = states.iter().position(is_its) else { continue };
            let state = states.remove(index);
            let place = format!("state of callback {}", callback.name());
            let state = state.get("state").ok_or_else(|| Error::corrupt("`state` is missing"));
            state.and_then(|state| callback.restore(state)).at(|| place)?;
        }
        Ok(())
    }
}

/// The callbacks beside the one that is speaking.
pub(super) struct Others<'a> {
    before: &'a [Box<dyn Callback + 'a>],
    after: &'a [Box<dyn Callback + 'a>],
}

impl Others<'_> {
    /// `[{"name": ..., "state": ...}, ...]`, without those that have nothing to remember.
    pub fn states(&self) -> Tree {
        let states = self.before.iter().chain(self.after).filter_map(|callback| {
            let state = callback.state();
            let entry =
                [("name".to_owned(), Tree::from(callback.name())), ("state".to_owned(), state.clone())];
            (!state.is_null()).then(|| Tree::Object(Object::from_iter(entry)))
        });
        Tree::List(states.collect())
    }
}

/// Borrowed callbacks are callbacks too, so that their owner can ask them afterwards.
impl<T: Callback + ?Sized> Callback for &mut T {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn resume_from(&mut self) -> Result<Option<Artifact>> {
        (**self).resume_from()
    }

    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_train_begin(training)
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_train_end(training)
    }

    fn on_epoch_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_epoch_begin(training)
    }

    fn on_epoch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_epoch_end(training)
    }

    fn on_train_batch_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_train_batch_begin(training)
    }

    fn on_train_batch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_train_batch_end(training)
    }

    fn on_test_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_test_begin(training)
    }

    fn on_test_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_test_end(training)
    }

    fn on_test_batch_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_test_batch_begin(training)
    }

    fn on_test_batch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_test_batch_end(training)
    }

    fn on_settled(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_settled(training)
    }

    fn state(&self) -> Tree {
        (**self).state()
    }

    fn restore(&mut self, state: &Tree) -> Result<()> {
        (**self).restore(state)
    }
}
