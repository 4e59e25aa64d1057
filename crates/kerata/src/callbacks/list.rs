//! `CallbackList`: tells all callbacks of a moment, in their order.

use std::collections::HashMap;

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Artifact, Object, Result, ResultExt, Tree};

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

    /// Adds one behind the others.
    pub fn push(&mut self, callback: Box<dyn Callback + 'a>) {
        self.callbacks.push(callback);
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
    pub fn restore(&mut self, states: &Tree, tensors: &CallbackTensors) -> Result<()> {
        let mut states: Vec<&Tree> = states.as_list().unwrap_or_default().iter().collect();
        for callback in &mut self.callbacks {
            let is_its = |state: &&Tree| state.get("name").and_then(Tree::as_str) == Some(callback.name());
            let Some(index) = states.iter().position(is_its) else { continue };
            let entry = states.remove(index);
            let mut restore = || {
                let state = entry.require("state")?;
                if !state.is_null() {
                    callback.restore(state)?;
                }
                match entry.get("tensors").and_then(Tree::as_str).and_then(|place| tensors.0.get(place)) {
                    Some(tensors) => callback.restore_tensors(tensors.clone()),
                    None => Ok(()),
                }
            };
            let restored = restore();
            restored.at(|| format!("state of callback {}", callback.name()))?;
        }
        Ok(())
    }
}

/// Where tensors of callbacks lie among the variables of a checkpoint.
const TENSORS: &str = "kerata/callbacks/";

/// Tensors of callbacks by the place that their states name.
#[derive(Default)]
pub(crate) struct CallbackTensors(HashMap<String, IndexMap<String, Array>>);

impl CallbackTensors {
    /// Takes them out of a checkpoint.
    pub fn take(artifact: &mut Artifact) -> Result<Self> {
        let paths: Vec<String> = artifact.variables.iter().map(|(path, _)| path.to_owned()).collect();
        let mut all: HashMap<String, IndexMap<String, Array>> = HashMap::new();
        for path in paths {
            let Some((place, name)) = path.strip_prefix(TENSORS).and_then(|rest| rest.split_once('/')) else {
                continue;
            };
            if let Some(variable) = artifact.variables.remove(&path) {
                let array = Array::from_variable(&variable).at(|| path.clone())?;
                all.entry(place.to_owned()).or_default().insert(name.to_owned(), array);
            }
        }
        Ok(Self(all))
    }
}

/// Paths and values.
type Tensors = Vec<(String, Array)>;

/// The callbacks beside the one that is speaking.
pub(super) struct Others<'a> {
    before: &'a [Box<dyn Callback + 'a>],
    after: &'a [Box<dyn Callback + 'a>],
}

impl Others<'_> {
    /// `[{"name": ..., "state": ..., "tensors": place}, ...]` of all callbacks in their order, without those that have nothing
    /// to remember, and the tensors by path.
    pub fn states(&self, own: &dyn Callback) -> Result<(Tree, Tensors)> {
        let others = |callbacks: &'_ [Box<dyn Callback + '_>]| {
            callbacks.iter().map(|one| entry(&**one)).collect::<Vec<_>>()
        };
        let all = others(self.before).into_iter().chain([entry(own)]).chain(others(self.after));
        let mut states = Vec::new();
        let mut paths = Vec::new();
        for (name, state, tensors) in all {
            if state.is_null() && tensors.is_empty() {
                continue;
            }
            let mut object = Object::from_iter([
                ("name".to_owned(), Tree::from(name.as_str())),
                ("state".to_owned(), state),
            ]);
            if !tensors.is_empty() {
                let place = states.len().to_string();
                paths.extend(
                    tensors.into_iter().map(|(path, array)| (format!("{TENSORS}{place}/{path}"), array)),
                );
                object.insert("tensors".to_owned(), Tree::from(place.as_str()));
            }
            states.push(Tree::Object(object));
        }
        Ok((Tree::List(states), paths))
    }
}

fn entry(callback: &dyn Callback) -> (String, Tree, Tensors) {
    (callback.name().to_owned(), callback.state(), callback.tensors())
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

    fn on_interrupt(&mut self, training: &mut Training<'_>) -> Result<()> {
        (**self).on_interrupt(training)
    }

    fn state(&self) -> Tree {
        (**self).state()
    }

    fn tensors(&self) -> Vec<(String, Array)> {
        (**self).tensors()
    }

    fn restore_tensors(&mut self, tensors: IndexMap<String, Array>) -> Result<()> {
        (**self).restore_tensors(tensors)
    }

    fn restore(&mut self, state: &Tree) -> Result<()> {
        (**self).restore(state)
    }
}
