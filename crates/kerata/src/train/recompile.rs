//! Changes to what a model is trained by: another optimizer, loss or learning rate.

use kerata_core::array::Array;
use kerata_core::{Artifact, Error, Object, Result, ResultExt, Role, Tree};
use kerata_nn::optimizers::Optimizer;
use kerata_nn::training::Compile;
use kerata_nn::{Model, Registry};

use super::trainer::note_learning_rate;

/// What is changed; all else stays, and so does the state of an optimizer that stays.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Recompile {
    /// Name of another optimizer, which starts anew.
    pub optimizer: Option<String>,
    /// Name of another loss for all outputs.
    pub loss: Option<String>,
    /// Another learning rate.
    pub learning_rate: Option<f64>,
}

impl Recompile {
    /// Changes the compile config of an artifact, or gives it one.
    pub fn apply(&self, artifact: &mut Artifact, registry: &Registry) -> Result<()> {
        if self.optimizer.is_none() && self.loss.is_none() && self.learning_rate.is_none() {
            return Ok(());
        }
        let given = artifact.compile_config.take();
        let mut config = match given.and_then(|tree| tree.as_object().cloned()) {
            Some(config) => config,
            None => {
                let mut config: Object = Compile::new().config();
                config.insert("loss".to_owned(), Tree::Null);
                config
            }
        };
        if let Some(loss) = &self.loss {
            config.insert("loss".to_owned(), Tree::from(loss.as_str()));
        }
        if let Some(name) = &self.optimizer {
            let mut optimizer = Optimizer::from(name.as_str());
            if let Some(rate) = self.learning_rate {
                optimizer = optimizer.learning_rate(rate);
            }
            config.insert("optimizer".to_owned(), optimizer.write());
            artifact.variables.retain(|_, variable| variable.role != Role::Optimizer);
        }
        artifact.compile_config = Some(Tree::Object(config));
        let compiled =
            kerata_nn::training::Compiled::of(&Model::from_artifact(artifact, registry)?, registry)?;
        compiled.check().at(|| "compile config")?;
        if let (Some(rate), None) = (self.learning_rate, &self.optimizer) {
            let path = compiled.optimizer.learning_rate_path().ok_or_else(|| {
                Error::usage("the learning rate follows a schedule")
                    .hint("name an optimizer too, to start it anew")
            })?;
            note_learning_rate(artifact, rate);
            if let Some(variable) = artifact.variables.get_mut(&path) {
                let value = Array::scalar(rate).cast(variable.dtype)?.to_variable()?;
                variable.data = value.data;
            }
        }
        Ok(())
    }
}
