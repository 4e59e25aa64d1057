//! `Scope`: what a layer sees while it is built and called: its variables, the layers inside it, masks, the training
//! flag, seeds and its dtype policy.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;
use kerata_core::graph::{GraphBuilder, Tensor, TensorSpec};
use kerata_core::{DType, Data, Error, Result, ResultExt, Role, Shape, Tree, ops};

use super::place::{Place, Slot, join};
use super::{AnyLayer, Argument, Arguments, Masked};
use crate::config::{DTypePolicy, Seed};
use crate::initializers::Initializer;

/// What a layer sees while it is built and called.
pub struct Scope {
    pub(super) place: Arc<Place>,
    pub(super) trace: Rc<Trace>,
    /// Names of the layers around this one and its own, joined by `/`.
    pub(super) names_path: String,
    pub(super) policy: DTypePolicy,
    pub(super) autocast: bool,
    pub(super) trainable: bool,
    pub(super) training: bool,
    pub(super) names: &'static [&'static str],
    pub(super) arguments: Arguments,
    pub(super) masks: Vec<Option<Tensor>>,
    pub(super) output_masks: RefCell<Vec<Option<Tensor>>>,
}

/// What all layers of one trace share.
pub(crate) struct Trace {
    builder: GraphBuilder,
    losses: RefCell<Vec<Tensor>>,
    assets: Assets,
    /// Specs of the variables that the file of the model holds, by path.
    stored: Rc<HashMap<String, TensorSpec>>,
}

/// Files that belong to a model, by path.
type Assets = Arc<IndexMap<String, Data>>;

impl Trace {
    /// The losses that layers have added so far.
    pub(super) fn losses(&self) -> Vec<Tensor> {
        self.losses.borrow().clone()
    }
}

impl Scope {
    /// The scope of an outermost layer.
    pub(crate) fn root(builder: GraphBuilder, place: Arc<Place>, training: bool) -> Self {
        Self::root_of(builder, place, training, HashMap::new())
    }

    /// The scope of an outermost layer whose file holds variables of these specs.
    pub(crate) fn root_of(
        builder: GraphBuilder,
        place: Arc<Place>,
        training: bool,
        stored: HashMap<String, TensorSpec>,
    ) -> Self {
        Self {
            place,
            trace: Rc::new(Trace {
                builder,
                losses: RefCell::default(),
                stored: Rc::new(stored),
                assets: Assets::default(),
            }),
            names_path: String::new(),
            policy: DTypePolicy::float32(),
            autocast: true,
            trainable: true,
            training,
            names: &[],
            arguments: Arguments::default(),
            masks: Vec::new(),
            output_masks: RefCell::default(),
        }
    }

    /// The same with the files that belong to the model.
    pub(crate) fn with_assets(self, assets: &IndexMap<String, Data>) -> Self {
        let builder = self.trace.builder.clone();
        let assets = Arc::new(assets.clone());
        let stored = self.trace.stored.clone();
        Self { trace: Rc::new(Trace { builder, losses: RefCell::default(), stored, assets }), ..self }
    }

    /// The scope of a layer that has no variables and stands alone.
    pub fn alone(builder: &GraphBuilder) -> Self {
        Self::root(builder.clone(), Arc::new(Place { trainable: true, ..Place::default() }), false)
    }

    /// Declares a variable; its index in the file is its place among the layer's variables, trainable ones first.
    pub fn variable(
        &mut self,
        name: &str,
        shape: impl AsRef<[usize]>,
        initializer: &Initializer,
    ) -> Result<&mut Slot> {
        if self.place.slot(name).is_some() {
            return Err(Error::internal(format!("variable `{name}` is declared twice")));
        }
        let shape = Shape::known(shape.as_ref().iter().map(|&size| size as u64));
        let dtype = self.policy.variable_dtype();
        // Layers of whole numbers or text have no weights of their dtype.
        let dtype = if dtype.is_float() { dtype } else { DType::Float32 };
        let slot = Slot {
            name: name.to_owned(),
            spec: TensorSpec::new(dtype, shape),
            initializer: initializer.clone(),
            trainable: true,
            role: Role::Weight,
            is_stored: true,
            key: None,
            autocast: true,
            regularizer: None,
            constraint: None,
            same_as: None,
        };
        let place = Arc::make_mut(&mut self.place);
        place.slots.push(slot);
        place.slots.last_mut().ok_or_else(|| Error::internal("no variable was declared"))
    }

    /// Declares a variable that is the same as one of a layer inside; Keras stores both.
    pub fn same_variable(&mut self, name: &str, child: &str, of_child: &str) -> Result<&mut Slot> {
        let inner = self.child_place(child)?;
        let path = inner.variable_path(of_child);
        let slot = inner.slot(of_child).cloned();
        let (Some(path), Some(slot)) = (path, slot) else {
            return Err(Error::internal(format!("no variable `{of_child}` in `{child}`")));
        };
        let place = Arc::make_mut(&mut self.place);
        place.slots.push(Slot { name: name.to_owned(), same_as: Some(path), ..slot });
        place.slots.last_mut().ok_or_else(|| Error::internal("no variable was declared"))
    }

    /// Has the variables stored in the order in which they are declared, as quantized layers store theirs.
    pub fn keep_order(&mut self) {
        Arc::make_mut(&mut self.place).keeps_order = true;
    }

    /// Keeps training from changing a variable.
    pub fn freeze(&mut self, name: &str) -> Result<()> {
        let slot = Arc::make_mut(&mut self.place).slots.iter_mut().find(|slot| slot.name == name);
        slot.ok_or_else(|| Error::internal(format!("no variable `{name}`")))?.frozen();
        Ok(())
    }

    /// Declares the state of a random sequence.
    pub fn seed(&mut self, name: &str, seed: &Seed) -> Result<()> {
        let start = Initializer::constant_tree(Tree::List(vec![
            Tree::from(seed.number().unwrap_or(0).rem_euclid(1 << 32)),
            Tree::from(0i64),
        ]));
        self.variable(name, [2], &start)?.frozen().dtype(DType::Uint32).role(Role::Seed);
        Ok(())
    }

    /// Builds a layer inside this one under the name of Keras's attribute (`forward_layer`, `cells/lstm_cell`).
    pub fn build(&mut self, attribute: &str, layer: &AnyLayer, inputs: &[TensorSpec]) -> Result<()> {
        self.build_with(attribute, layer, inputs, Arguments::default())
    }

    /// Builds a layer inside this one that also looks at further arguments of its first call.
    pub fn build_with(
        &mut self,
        attribute: &str,
        layer: &AnyLayer,
        inputs: &[TensorSpec],
        arguments: Arguments,
    ) -> Result<()> {
        if self.place.children.contains_key(attribute) {
            return Ok(());
        }
        let path = join(&self.place.path, attribute);
        let place =
            Place { path, name: layer.name().to_owned(), trainable: layer.trainable(), ..Place::default() };
        let mut scope = self.child(Arc::new(place), layer);
        scope.arguments = arguments;
        layer.layer().build(&mut scope, inputs).at(|| layer.place_text())?;
        Arc::make_mut(&mut self.place).children.insert(attribute.to_owned(), scope.place);
        Ok(())
    }

    /// Builds a layer inside this one, unless it is built, for the arguments of a call, and calls it.
    pub(crate) fn build_on(
        &mut self,
        attribute: &str,
        layer: &AnyLayer,
        arguments: Arguments,
    ) -> Result<Vec<Masked>> {
        if !self.is_built(attribute) {
            let first = layer.layer().arguments().first().copied().unwrap_or("inputs");
            let compute = layer.policy().compute_dtype();
            let is_cast = layer.layer().autocast() && compute.is_float();
            let tensors = arguments.get(first, 0).map(Argument::tensors).unwrap_or_default();
            let cast = |value: &Masked| match value.tensor.dtype() {
                dtype if is_cast && dtype.is_float() => value.tensor.spec().with_dtype(compute),
                _ => value.tensor.spec().clone(),
            };
            let specs: Vec<TensorSpec> = tensors.into_iter().map(cast).collect();
            self.build_with(attribute, layer, &specs, arguments.clone())?;
        }
        let outputs = self.call_with(attribute, layer, &arguments)?;
        self.note_outputs(attribute, outputs.iter().map(|output| output.tensor.spec().clone()).collect());
        Ok(outputs)
    }

    /// Notes the specs of the first results of a layer inside this one, for the summary.
    pub(crate) fn note_outputs(&mut self, attribute: &str, specs: Vec<TensorSpec>) {
        let place = Arc::make_mut(&mut self.place).children.get_mut(attribute);
        if let Some(place) = place.filter(|place| place.outputs.is_empty()) {
            Arc::make_mut(place).outputs = specs;
        }
    }

    /// Number of stored variables that are declared so far.
    pub fn declared(&self) -> usize {
        self.place.stored().count()
    }

    /// The spec that the file has for the layer's variable of an index, while a model is made from a file.
    pub fn stored(&self, index: usize) -> Option<&TensorSpec> {
        self.trace.stored.get(&join(&self.place.path, &format!("vars/{index}")))
    }

    /// Whether the layer of an attribute is built.
    pub fn is_built(&self, attribute: &str) -> bool {
        self.place.children.contains_key(attribute)
    }

    /// The specs that a built layer inside this one gives for inputs.
    pub fn output_specs(
        &self,
        attribute: &str,
        layer: &AnyLayer,
        inputs: &[TensorSpec],
    ) -> Result<Vec<TensorSpec>> {
        let builder = GraphBuilder::new("shapes");
        let tensors: Vec<Tensor> = inputs.iter().map(|spec| builder.input("input", spec.clone())).collect();
        let scope = Self {
            trace: Rc::new(Trace {
                builder,
                losses: RefCell::default(),
                stored: self.trace.stored.clone(),
                assets: self.trace.assets.clone(),
            }),
            ..self.child(self.place.clone(), layer)
        };
        let scope = Self { policy: self.policy.clone(), autocast: self.autocast, ..scope };
        Ok(scope.call(attribute, layer, &tensors)?.iter().map(|tensor| tensor.spec().clone()).collect())
    }

    /// The value of a variable, in the compute dtype.
    pub fn get(&self, name: &str) -> Result<Tensor> {
        let tensor = self.get_stored(name)?;
        let compute = self.policy.compute_dtype();
        let is_cast = self.autocast
            && self.place.slot(name).is_some_and(|slot| slot.autocast)
            && tensor.dtype().is_float()
            && compute.is_float()
            && compute != tensor.dtype();
        if is_cast { ops::cast(&tensor, compute) } else { Ok(tensor) }
    }

    /// The value of a variable, in the dtype it is stored in.
    pub fn get_stored(&self, name: &str) -> Result<Tensor> {
        let slot = self.slot(name)?;
        let path = self.path_of(name)?;
        self.trace.builder.variable(&path, slot.spec.clone(), slot.trainable && self.trainable)
    }

    /// Whether a variable was declared.
    pub fn has(&self, name: &str) -> bool {
        self.place.slot(name).is_some()
    }

    /// Gives a variable a new value after the run.
    pub fn update(&self, name: &str, value: &Tensor) -> Result<()> {
        let value = ops::cast(value, self.slot(name)?.spec.dtype)?;
        self.trace.builder.update(&self.path_of(name)?, &value)
    }

    /// The seed that [`next_seed`](Self::next_seed) is going to give.
    pub fn seed_state(&self, name: &str) -> Result<Tensor> {
        match self.trace.builder.updated(&self.path_of(name)?) {
            Some(state) => Ok(state),
            None => self.get_stored(name),
        }
    }

    /// The next seed of a random sequence; two calls in one run give two seeds.
    pub fn next_seed(&self, name: &str) -> Result<Tensor> {
        let path = self.path_of(name)?;
        let state = self.seed_state(name)?;
        let step = self.trace.builder.constant(kerata_core::array::Array::vector(vec![0u32, 1]));
        self.trace.builder.update(&path, &ops::add(&state, &step)?)?;
        Ok(state)
    }

    /// Calls a layer inside this one.
    pub fn call(&self, attribute: &str, layer: &AnyLayer, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let inputs: Vec<Masked> = inputs.iter().cloned().map(Masked::from).collect();
        let outputs = self.call_with(attribute, layer, &Arguments::tensors(&inputs))?;
        Ok(outputs.into_iter().map(|output| output.tensor).collect())
    }

    /// Calls a layer inside this one with masks and further arguments.
    pub fn call_with(&self, attribute: &str, layer: &AnyLayer, arguments: &Arguments) -> Result<Vec<Masked>> {
        let place = match self.place.children.get(attribute) {
            Some(place) => place.clone(),
            // A layer without variables need not be built.
            None => Arc::new(Place {
                path: join(&self.place.path, attribute),
                name: layer.name().to_owned(),
                trainable: layer.trainable(),
                ..Place::default()
            }),
        };
        layer.invoke(self.child(place, layer), arguments)
    }

    /// A file that is stored beside the model for this layer.
    pub fn asset(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = join(&self.place.path, name);
        match self.trace.assets.get(&path) {
            Some(data) => Ok(Some(data.bytes().at(|| format!("assets/{path}"))?.into_owned())),
            None => Ok(None),
        }
    }

    /// The graph that is built.
    pub fn builder(&self) -> &GraphBuilder {
        &self.trace.builder
    }

    /// Whether the call is one of training.
    pub fn training(&self) -> bool {
        self.training
    }

    /// Whether the layer and all around it may be trained.
    pub fn trainable(&self) -> bool {
        self.trainable
    }

    /// The layer's dtype policy.
    pub fn policy(&self) -> &DTypePolicy {
        &self.policy
    }

    /// The dtype to compute with.
    pub fn compute_dtype(&self) -> DType {
        self.policy.compute_dtype()
    }

    /// What Keras calls the layer.
    pub fn name(&self) -> &str {
        &self.place.name
    }

    /// The mask of an input.
    pub fn mask(&self, input: usize) -> Option<&Tensor> {
        self.masks.get(input)?.as_ref()
    }

    /// The masks of all inputs.
    pub fn masks(&self) -> &[Option<Tensor>] {
        &self.masks
    }

    /// Gives a result its mask, instead of the one of `compute_mask`.
    pub fn set_mask(&self, output: usize, mask: Option<Tensor>) {
        let mut masks = self.output_masks.borrow_mut();
        if masks.len() <= output {
            masks.resize(output + 1, None);
        }
        masks[output] = mask;
    }

    /// All arguments of the call.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// The argument of a name.
    pub fn argument(&self, name: &str) -> Option<&Argument> {
        let position = self.names.iter().position(|known| *known == name).unwrap_or(usize::MAX);
        self.arguments.get(name, position)
    }

    /// The tensor passed under a name.
    pub fn tensor(&self, name: &str) -> Option<&Masked> {
        self.argument(name)?.tensors().into_iter().next()
    }

    /// The flag passed under a name.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.argument(name)? {
            Argument::Plain(tree) => tree.as_bool(),
            _ => None,
        }
    }

    /// Adds to the loss of a training step.
    pub fn add_loss(&self, loss: Tensor) {
        self.trace.losses.borrow_mut().push(loss);
    }

    /// The variables that were declared.
    pub(crate) fn into_place(self) -> Arc<Place> {
        self.place
    }

    /// The slot of a variable.
    pub fn slot(&self, name: &str) -> Result<&Slot> {
        self.place
            .slot(name)
            .ok_or_else(|| Error::internal(format!("no variable `{name}`")).at(self.place.path.as_str()))
    }

    /// The place of a built layer inside this one.
    pub fn child_place(&self, attribute: &str) -> Result<&Place> {
        self.place
            .children
            .get(attribute)
            .map(|place| &**place)
            .ok_or_else(|| Error::internal(format!("`{attribute}` is not built")))
    }

    fn path_of(&self, name: &str) -> Result<String> {
        let slot = self.slot(name)?;
        match &slot.same_as {
            Some(path) => Ok(path.clone()),
            None => {
                self.place.variable_path(name).ok_or_else(|| Error::internal(format!("no path of `{name}`")))
            }
        }
    }

    fn child(&self, place: Arc<Place>, layer: &AnyLayer) -> Self {
        let names_path = join(&self.names_path, layer.name());
        Self {
            policy: layer.policy().at_path(&names_path),
            names_path,
            place,
            trace: self.trace.clone(),
            autocast: layer.layer().autocast(),
            trainable: self.trainable && layer.trainable(),
            training: self.training,
            names: layer.layer().arguments(),
            arguments: Arguments::default(),
            masks: Vec::new(),
            output_masks: RefCell::default(),
        }
    }
}
