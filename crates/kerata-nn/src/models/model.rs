//! `Model`: layers with their variables: made from an artifact or from layers, traced into a graph, turned back into an
//! artifact.

use std::collections::HashSet;
use std::sync::Arc;

use kerata_core::array::Array;
use kerata_core::artifact::TraceOrigin;
use kerata_core::graph::{Graph, GraphBuilder, Tensor, TensorSpec};
use kerata_core::ops::Generator;
use kerata_core::{Artifact, Error, ErrorKind, Object, Result, ResultExt, Role, Shape, Tree};

use super::{ModelTraces, Network, Summary, Values, values};
use crate::config::Value;
use crate::initializers::Start;
use crate::layers::place::Slot;
use crate::layers::{AnyLayer, Argument, Arguments, Masked, Place, Scope};
use crate::registry::Registry;

/// Where a tensor enters a model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Port {
    /// Its key, when the model takes an object of tensors.
    pub key: Option<String>,
    /// Name of its input layer.
    pub name: String,
    /// What is expected.
    pub spec: TensorSpec,
    /// Whether it may be missing.
    pub is_optional: bool,
}

/// What a model computes, in a graph that is being built.
#[derive(Debug)]
#[non_exhaustive]
pub struct Traced {
    /// The results, flattened, with their masks.
    pub outputs: Vec<Masked>,
    /// What layers add to the loss: penalties on their results.
    pub losses: Vec<Tensor>,
}

/// Layers with their variables.
#[derive(Clone, Debug)]
pub struct Model {
    root: AnyLayer,
    place: Arc<Place>,
    artifact: Artifact,
    /// Why the model cannot run: a layer or function whose code is not there.
    blocked: Option<Error>,
    seed: i64,
    /// Whose random numbers its layers draw.
    generator: Generator,
    /// The classes that it was made or compiled with; the built-in ones when there is none.
    registry: Option<Arc<Registry>>,
    /// The specs that a model was built for that does not know its inputs.
    given: Vec<TensorSpec>,
}

impl Model {
    /// The model of an artifact. Layers that are not known keep it from running and from nothing else. Fails when the
    /// stored variables do not fit the layers.
    pub fn from_artifact(artifact: &Artifact, registry: &Registry) -> Result<Self> {
        Self::from_parts(artifact, registry, Artifact::clone)
    }

    /// The model of an artifact to be traced and no more: without the artifact's configs and files, what would be written of
    /// it is not the same model.
    pub fn to_trace(artifact: &Artifact, registry: &Registry) -> Result<Self> {
        Self::from_parts(artifact, registry, Artifact::without_configs)
    }

    fn from_parts(
        artifact: &Artifact,
        registry: &Registry,
        kept: impl FnOnce(&Artifact) -> Artifact,
    ) -> Result<Self> {
        let config = artifact.config.as_ref().ok_or_else(|| {
            Error::unsupported("the file holds weights and no model")
                .hint("it can be inspected and converted")
        })?;
        let root = AnyLayer::read(config, registry)?;
        let mut model = Self::unbuilt(root, kept(artifact));
        model.set_registry(registry);
        model.build(&[])?;
        Ok(model)
    }

    /// A model of layers, with new variables; `seed` is where their random numbers start.
    pub fn new(layers: impl Into<AnyLayer>, seed: i64) -> Result<Self> {
        Self::new_with(layers, seed, Generator::default())
    }

    /// The same with the random numbers of either backend of Keras, for start values and for what layers draw.
    pub fn new_with(layers: impl Into<AnyLayer>, seed: i64, generator: Generator) -> Result<Self> {
        let mut model = Self::unbuilt(layers.into(), Artifact::new());
        model.seed = seed;
        model.generator = generator;
        model.build(&[])?;
        if let Some(error) = model.blocked {
            return Err(error);
        }
        model.artifact.config = Some(model.root.write());
        for (path, slot, trainable) in model.place.variables() {
            if slot.is_stored && slot.same_as.is_none() {
                let mut variable = model.initial(&path, slot)?.to_variable()?;
                variable.name = Some(slot.name.clone());
                variable.trainable = Some(trainable);
                model.artifact.variables.insert(path, variable)?;
            }
        }
        Ok(model)
    }

    fn unbuilt(root: AnyLayer, artifact: Artifact) -> Self {
        let trainable = root.trainable();
        let place = Place { name: root.name().to_owned(), trainable, ..Place::default() };
        Self {
            root,
            place: Arc::new(place),
            artifact,
            blocked: None,
            seed: 0,
            generator: Generator::default(),
            registry: None,
            given: Vec::new(),
        }
    }

    /// Builds a model that does not know its input shape for inputs of these specs.
    pub fn build(&mut self, inputs: &[TensorSpec]) -> Result<()> {
        if let Err(error) = self.root.layer().check() {
            self.blocked = Some(error);
            return Ok(());
        }
        let knows_inputs = self.network().is_some_and(|network| network.inputs().is_ok());
        if !knows_inputs && inputs.is_empty() {
            let reason = Error::usage("the model is not built").hint("give it the specs of its inputs");
            self.blocked = Some(reason);
            return Ok(());
        }
        let specs = self.artifact.weights().map(|(path, variable)| {
            (path.to_owned(), TensorSpec::new(variable.dtype, Shape::from(variable.shape.clone())))
        });
        let builder = GraphBuilder::new("build");
        let mut scope = Scope::root_of(builder, self.place.clone(), false, specs.collect())
            .with_assets(&self.artifact.assets);
        match self.root.layer().build(&mut scope, inputs) {
            Ok(()) => {
                self.place = scope.into_place();
                self.blocked = None;
                self.given = inputs.to_vec();
                self.check_variables()
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                self.blocked = Some(error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a variable a value.
    pub fn set_variable(&mut self, path: &str, value: &Array) -> Result<()> {
        let value = value.to_variable()?;
        match self.artifact.variables.get_mut(path) {
            Some(variable) if variable.shape != value.shape => Err(Error::mismatch(format!(
                "expected {}, found {}",
                Shape::from(variable.shape.clone()),
                Shape::from(value.shape),
            ))
            .at(format!("variable `{path}`"))),
            Some(variable) => {
                variable.dtype = value.dtype;
                variable.data = value.data;
                Ok(())
            }
            None => {
                let slot = self.place.find(path);
                let role = slot.ok_or_else(|| Error::not_found(format!("no variable `{path}`")))?.role;
                self.artifact.variables.insert(path, value.with_role(role))
            }
        }
    }

    /// Sets the classes that names in its compile config stand for.
    pub fn set_registry(&mut self, registry: &Registry) {
        let is_built_in = std::ptr::eq(registry, Registry::built_in());
        self.registry = (!is_built_in).then(|| Arc::new(registry.clone()));
    }

    /// Sets whose random numbers the layers draw from here on.
    pub fn set_generator(&mut self, generator: Generator) {
        self.generator = generator;
    }

    /// Gives the model the compile config that Keras would write.
    pub fn set_compile_config(&mut self, config: Object) {
        self.artifact.compile_config = Some(Tree::Object(config));
    }

    /// Puts other values, and all else that is stored beside the layers, in place of its own. Fails when the artifact holds
    /// variables of other layers.
    pub fn replace(&mut self, artifact: Artifact) -> Result<()> {
        let own = std::mem::replace(&mut self.artifact, artifact);
        self.check_variables().inspect_err(|_| self.artifact = own)
    }

    /// What the model computes, as a graph: its inputs in Keras's order under their names, variables by their paths.
    pub fn trace(&self, training: bool) -> Result<Graph> {
        let builder = GraphBuilder::new(self.root.name());
        let ports = self.inputs()?;
        let ports = ports.tensors();
        let inputs: Vec<Tensor> =
            ports.iter().map(|port| builder.input(port.label(), port.spec.clone())).collect();
        let traced = self.call(&builder, &inputs, training)?;
        let names = self.names_of(traced.outputs.len());
        let names = names.iter().map(String::as_str);
        let outputs: Vec<(&str, &Tensor)> =
            names.zip(traced.outputs.iter().map(|output| &output.tensor)).collect();
        builder.end(&outputs)
    }

    /// Calls the model on tensors of a graph that is being built, one for each input in order.
    pub fn call(&self, builder: &GraphBuilder, inputs: &[Tensor], training: bool) -> Result<Traced> {
        self.check()?;
        builder.set_generator(self.generator);
        let scope =
            Scope::root(builder.clone(), self.place.clone(), training).with_assets(&self.artifact.assets);
        let inputs: Vec<Masked> = inputs.iter().cloned().map(Masked::from).collect();
        let (outputs, losses) = self.root.call_root(scope, &Arguments::tensors(&inputs))?;
        Ok(Traced { outputs, losses })
    }

    /// The classes that it was made or compiled with.
    pub fn registry(&self) -> &Registry {
        self.registry.as_deref().unwrap_or_else(|| Registry::built_in())
    }

    /// Fails when the model cannot run, and says why and what to do.
    pub fn check(&self) -> Result<()> {
        self.blocked.clone().map_or(Ok(()), Err)
    }

    /// The value of a variable as a trace needs it: as stored, or as it starts when it is not stored.
    pub fn variable(&self, path: &str) -> Result<Array> {
        values::value(&self.artifact.variables, &self.place, path, |slot| self.initial(path, slot))
    }

    /// The values of its variables alone: all that a graph of it needs. Layers and configs are many small pieces of memory,
    /// which are free for what comes next.
    pub fn into_values(self) -> Values {
        Values::new(self.artifact.variables, self.place, self.seed, self.generator)
    }

    /// The model as an artifact, together with what it computes when the code of all layers is there.
    pub fn to_artifact(&self) -> Artifact {
        let mut artifact = self.artifact.clone();
        let is_program =
            artifact.traces.as_ref().is_some_and(|traces| traces.origin() == TraceOrigin::Program);
        if self.blocked.is_none() && !is_program {
            let mut model = self.clone();
            model.artifact.traces = None;
            artifact.traces = Some(Arc::new(ModelTraces::new(model)));
        }
        artifact
    }

    /// Whether a config is the one that the model was made of.
    pub(super) fn was_read_from(&self, config: &Tree) -> bool {
        let own = [&self.artifact.config, &self.artifact.original_config];
        own.into_iter().flatten().any(|known| known == config)
    }

    /// The outermost layer.
    pub fn root(&self) -> &AnyLayer {
        &self.root
    }

    /// The variables of the layers.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What goes in: the structure, with a port for each tensor.
    pub fn inputs(&self) -> Result<Argument<Port>> {
        let given = |(index, spec): (usize, &TensorSpec)| {
            let name = format!("input_{index}");
            Argument::Tensor(Port { key: None, name, spec: spec.clone(), is_optional: false })
        };
        match self.network().map(Network::inputs) {
            Some(Ok(inputs)) => Ok(inputs),
            _ if !self.given.is_empty() => Ok(match &self.given[..] {
                [only] => given((0, only)),
                all => Argument::List(all.iter().enumerate().map(given).collect()),
            }),
            Some(Err(error)) => Err(error),
            None => Err(Error::unsupported(format!("`{}` is not a model of layers", self.root.class_name()))),
        }
    }

    /// The structure of what comes out, with the name of the layer that each result comes from.
    pub fn outputs(&self) -> Argument<String> {
        self.network().map_or_else(|| Argument::List(Vec::new()), Network::outputs)
    }

    /// Names of the results, as many as there are.
    fn names_of(&self, count: usize) -> Vec<String> {
        let names = self.output_names();
        if names.len() == count { names } else { (0..count).map(|index| format!("output_{index}")).collect() }
    }

    /// Names of the results: their keys when the model gives an object of tensors, else the names of their layers.
    pub fn output_names(&self) -> Vec<String> {
        match self.outputs() {
            Argument::Object(entries) => {
                let mut sorted: Vec<_> = entries.into_iter().collect();
                sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
                sorted
                    .into_iter()
                    .flat_map(|(key, value)| {
                        value.tensors().into_iter().map(|_| key.clone()).collect::<Vec<_>>()
                    })
                    .collect()
            }
            outputs => outputs.tensors().into_iter().cloned().collect(),
        }
    }

    /// Number of parameters, as Keras's `count_params()` counts them.
    pub fn count_params(&self) -> u64 {
        self.parameters().map(|(slot, _)| slot.spec.shape.elements().unwrap_or(0)).sum()
    }

    /// The layers as Keras's `summary()` shows them; `expand_nested` shows those of inner models too.
    pub fn summary(&self, expand_nested: bool) -> Summary {
        Summary::of(&self.root, &self.place, expand_nested)
    }

    /// Penalties on weights: path of the variable and its regularizer.
    pub fn regularizers(&self) -> Vec<(String, crate::regularizers::Regularizer)> {
        let variables = self.place.variables().into_iter();
        variables.filter_map(|(path, slot, _)| Some((path, slot.regularizer.clone()?))).collect()
    }

    /// Constraints on weights: path of the variable and its constraint.
    pub fn constraints(&self) -> Vec<(String, crate::constraints::Constraint)> {
        let variables = self.place.variables().into_iter();
        variables.filter_map(|(path, slot, _)| Some((path, slot.constraint.clone()?))).collect()
    }

    fn parameters(&self) -> impl Iterator<Item = (&Slot, bool)> {
        let weights = self.place.variables().into_iter();
        weights
            .filter(|(_, slot, _)| slot.role == Role::Weight && slot.same_as.is_none())
            .map(|(_, slot, trainable)| (slot, trainable))
    }

    fn network(&self) -> Option<&dyn Network> {
        self.root.layer().as_model()
    }

    /// Compares the stored variables with the declared ones; a file without any is a model to be initialized.
    fn check_variables(&mut self) -> Result<()> {
        if self.artifact.weights().next().is_none() {
            return Ok(());
        }
        let stored = &self.artifact.variables;
        Arc::make_mut(&mut self.place).share(&|path| stored.get(path).is_some());
        for (path, slot, _) in self.place.variables() {
            if !slot.is_stored {
                continue;
            }
            match self.artifact.variables.get(&path) {
                Some(variable) if Shape::from(variable.shape.clone()) != slot.spec.shape => {
                    return Err(Error::mismatch(format!(
                        "the layer needs {}, the file holds {}",
                        slot.spec.shape,
                        Shape::from(variable.shape.clone())
                    ))
                    .at(format!("variable `{path}` ({})", slot.name)));
                }
                None if slot.same_as.is_none() => {
                    return Err(Error::mismatch("the layer needs a variable that the file does not hold")
                        .hint("the file was edited, or another version of the layer wrote it")
                        .at(format!("variable `{path}` ({})", slot.name)));
                }
                _ => {}
            }
        }
        self.check_numbers()
    }

    /// A layer that is built from the file must take all that the file has for it.
    fn check_numbers(&self) -> Result<()> {
        let declared = self.place.variables();
        let declared: HashSet<&str> =
            declared.iter().filter(|(_, slot, _)| slot.is_stored).map(|(path, ..)| path.as_str()).collect();
        let owner = |path: &str| path.rsplit_once("/vars/").map(|(owner, _)| owner.to_owned());
        let owners: HashSet<String> = declared.iter().filter_map(|path| owner(path)).collect();
        let is_left =
            |path: &str| owner(path).is_some_and(|owner| owners.contains(&owner)) && !declared.contains(path);
        match self.artifact.weights().find(|(path, _)| is_left(path)) {
            None => Ok(()),
            Some((path, _)) => Err(Error::mismatch("the file holds a variable that the layer does not have")
                .hint("the file was edited, or another version of the layer wrote it")
                .at(format!("variable `{path}`"))),
        }
    }

    fn initial(&self, path: &str, slot: &Slot) -> Result<Array> {
        initial(path, slot, self.seed, self.generator)
    }
}

/// The value that a variable starts with; `seed` is where random numbers of the model start.
pub(super) fn initial(path: &str, slot: &Slot, seed: i64, generator: Generator) -> Result<Array> {
    let builder = GraphBuilder::new("initial");
    builder.set_generator(generator);
    let start = Start {
        builder: builder.clone(),
        shape: slot.spec.sizes()?,
        dtype: slot.spec.dtype,
        // Every variable gets random numbers of its own.
        seed: path.bytes().fold(seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into())),
    };
    let values = slot.initializer.object()?.call(&start).at(|| format!("variable `{path}`"))?;
    let graph = builder.finish(&[("values", &values)])?;
    let (mut outputs, _) =
        graph.evaluate(&[], &|_| Err(Error::internal("an initializer reads no variable")))?;
    outputs.pop().ok_or_else(|| Error::internal("an initializer gave no values"))
}

impl Port {
    /// The name under which the tensor is handed in: the key, or the name of the input layer.
    pub fn label(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.name)
    }
}

/// The config of a layer that is written under `config`.
pub(super) fn config_of(layer: &AnyLayer) -> Object {
    layer.write().get("config").and_then(Tree::as_object).cloned().unwrap_or_default()
}
