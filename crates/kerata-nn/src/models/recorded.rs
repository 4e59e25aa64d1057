//! `RecordedTraces`: traces that were recorded as calls of Keras's layers and functions, made into graphs
//! (`docs/formats/trace.md`).

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::artifact::{RecordedCalls, TraceOrigin, Traces};
use kerata_core::graph::{Graph, GraphBuilder, Tensor, TensorSpec};
use kerata_core::ops::Attribute as _;
use kerata_core::{Artifact, Data, Error, Limits, Object, Result, ResultExt, Shape, Tree, Variable, ops};

use super::model::initial;
use crate::config::{Value, unexpected};
use crate::layers::{AnyLayer, Argument, Arguments, Masked, Place, Scope};
use crate::operations;
use crate::registry::Registry;

mod control;

const VERSION: i64 = 1;

/// Recorded traces of an artifact.
#[derive(Debug)]
pub struct RecordedTraces {
    inner: Arc<dyn Traces>,
    stored: HashMap<String, TensorSpec>,
    assets: IndexMap<String, Data>,
    limits: Limits,
}

impl RecordedTraces {
    /// Gives an artifact whose traces are records the means to make graphs of them.
    pub fn put_into(artifact: &mut Artifact, limits: &Limits) {
        let Some(inner) = artifact.traces.clone() else { return };
        if inner.names().iter().all(|name| inner.calls(name).is_none()) {
            return;
        }
        let stored = artifact.variables.iter();
        let stored = stored.map(|(path, variable)| (path.to_owned(), spec_of(variable))).collect();
        let (assets, limits) = (artifact.assets.clone(), limits.clone());
        artifact.traces = Some(Arc::new(Self { inner, stored, assets, limits }));
    }

    fn lower(&self, calls: &RecordedCalls) -> Result<(Graph, Arc<Place>)> {
        let tree = &calls.tree;
        let version = tree.require("version")?.as_i64();
        if version != Some(VERSION) {
            return Err(Error::unsupported(format!(
                "calls of version {version:?}, this build reads {VERSION}"
            )));
        }
        let training = tree.get("training").and_then(Tree::as_bool).unwrap_or(false);
        let layers = items(tree.require("layers")?)?.iter().map(Recorded::read).collect::<Result<_>>()?;
        let builder = GraphBuilder::new("recorded");
        let place = Arc::new(Place { trainable: true, ..Place::default() });
        let scope = Scope::root_of(builder.clone(), place, training, self.stored.clone());
        let mut lowering = Lowering {
            traces: self,
            constants: &calls.constants,
            layers,
            scope: scope.with_assets(&self.assets),
            builder,
            values: Vec::new(),
            outer: Vec::new(),
            arguments: Vec::new(),
            left: self.limits.max_layers,
        };
        lowering.calls(tree)?;
        let mut outputs = Vec::new();
        for entry in items(tree.require("outputs")?)? {
            let [name, value] = items(entry)? else { return Err(unexpected("a name and a value", entry)) };
            outputs.push((text(name)?, lowering.find(value)?));
        }
        for entry in items(tree.get("updates").unwrap_or(&Tree::List(Vec::new())))? {
            let [path, value] = items(entry)? else { return Err(unexpected("a path and a value", entry)) };
            lowering.builder.update(text(path)?, &lowering.find(value)?)?;
        }
        let outputs: Vec<(&str, &Tensor)> = outputs.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let graph = lowering.builder.finish(&outputs)?;
        let place = lowering.scope.into_place();
        self.check_variables(&place)?;
        Ok((graph, place))
    }

    /// Every variable that a layer keeps in the file is there and has the shape that the layer needs.
    fn check_variables(&self, place: &Place) -> Result<()> {
        for (path, slot, _) in place.variables() {
            if !slot.is_stored || slot.same_as.is_some() {
                continue;
            }
            let found = self.stored.get(&path).map(|spec| &spec.shape);
            if found != Some(&slot.spec.shape) {
                let found = found.map_or("nothing".to_owned(), ToString::to_string);
                return Err(Error::mismatch(format!(
                    "the layer needs {}, the file holds {found}",
                    slot.spec.shape
                ))
                .at(format!("variable `{path}` ({})", slot.name)));
            }
        }
        Ok(())
    }
}

impl Traces for RecordedTraces {
    fn names(&self) -> Vec<String> {
        self.inner.names()
    }

    fn graph(&self, name: &str) -> Result<Graph> {
        self.inner.check()?;
        match self.inner.calls(name) {
            Some(calls) => self.lower(calls).map(|(graph, _)| graph).at(|| format!("trace `{name}`")),
            None => self.inner.graph(name),
        }
    }

    fn origin(&self) -> TraceOrigin {
        self.inner.origin()
    }

    fn is_made_for(&self, config: &Tree) -> bool {
        self.inner.is_made_for(config)
    }

    fn check(&self) -> Result<()> {
        self.inner.check()
    }

    fn start(&self, path: &str) -> Result<Option<Variable>> {
        if let Some(value) = self.inner.start(path)? {
            return Ok(Some(value));
        }
        for name in self.inner.names() {
            let Some(calls) = self.inner.calls(&name) else { continue };
            let (_, place) = self.lower(calls)?;
            let slots = place.variables();
            if let Some((_, slot, _)) = slots.into_iter().find(|(known, _, _)| known == path) {
                return initial(path, slot, 0, Default::default())?.to_variable().map(Some);
            }
        }
        Ok(None)
    }

    fn calls(&self, name: &str) -> Option<&RecordedCalls> {
        self.inner.calls(name)
    }
}

/// A layer with its place in the file.
struct Recorded {
    layer: AnyLayer,
    path: String,
}

impl Recorded {
    fn read(tree: &Tree) -> Result<Self> {
        let layer = AnyLayer::read(tree.require("layer")?, Registry::built_in())?;
        layer.layer().check()?;
        Ok(Self { layer, path: text(tree.require("path")?)?.to_owned() })
    }
}

/// A record that is being made into a graph.
struct Lowering<'a> {
    traces: &'a RecordedTraces,
    constants: &'a [Array],
    layers: Vec<Recorded>,
    scope: Scope,
    /// The graph that calls go into: the whole, or the body that is being made.
    builder: GraphBuilder,
    values: Vec<Vec<Tensor>>,
    /// Values of the records around a body, the outermost first.
    outer: Vec<Vec<Vec<Tensor>>>,
    /// What the body is called with.
    arguments: Vec<Tensor>,
    /// Calls that there may be yet.
    left: usize,
}

impl Lowering<'_> {
    /// Makes the values of a record or a body, in order.
    fn calls(&mut self, tree: &Tree) -> Result<()> {
        let entries = items(tree.require("values")?)?;
        self.left = self
            .left
            .checked_sub(entries.len())
            .ok_or_else(|| Error::limit(format!("more than {} calls", self.traces.limits.max_layers)))?;
        for (position, entry) in entries.iter().enumerate() {
            let made = self.value(entry).at(|| format!("call {position}"))?;
            self.values.push(made);
        }
        Ok(())
    }

    fn value(&mut self, entry: &Tree) -> Result<Vec<Tensor>> {
        if let Some(kind) = entry.get("control") {
            let made = control::call(self, text(kind)?, entry)?;
            return checked(entry, made);
        }
        if let Some(outer) = entry.get("outer") {
            let found = self.outer.last().and_then(|values| pick(values, outer));
            let found = found.ok_or_else(|| Error::corrupt("a value of outside that is not made"))?;
            return Ok(vec![self.builder.local(&found)?]);
        }
        if let Some(position) = entry.get("argument") {
            let found = index(position).and_then(|at| self.arguments.get(at));
            return Ok(vec![found.ok_or_else(|| Error::corrupt("an argument that is not given"))?.clone()]);
        }
        if let Some(name) = entry.get("input") {
            let spec = self.spec(entry.require("spec")?)?;
            return Ok(vec![self.builder.input(text(name)?, spec)]);
        }
        if let Some(path) = entry.get("variable") {
            let path = text(path)?;
            let spec = match self.traces.stored.get(path) {
                Some(spec) => Some(spec.clone()),
                None => self.traces.inner.start(path)?.map(|start| spec_of(&start)),
            };
            let spec = spec.ok_or_else(|| Error::not_found(format!("no variable `{path}`")))?;
            let trainable = entry.get("trainable").and_then(Tree::as_bool).unwrap_or(true);
            return Ok(vec![self.builder.variable(path, spec, trainable)?]);
        }
        if let Some(position) = entry.get("constant") {
            let array = position.as_u64().and_then(|at| self.constants.get(usize::try_from(at).ok()?));
            let array = array.ok_or_else(|| Error::corrupt("a constant that is not stored"))?;
            return Ok(vec![self.builder.constant(array.clone())]);
        }
        let mut arguments = self.arguments(entry)?;
        let results = if let Some(position) = entry.get("layer") {
            let position = position.as_u64().and_then(|at| usize::try_from(at).ok());
            let recorded = position.and_then(|at| self.layers.get(at));
            let recorded = recorded.ok_or_else(|| Error::corrupt("a layer that is not there"))?;
            attach_masks(&recorded.layer, &mut arguments);
            let place = || format!("layer `{}` ({})", recorded.path, recorded.layer.class_name());
            if recorded.layer.layer().states().is_empty() {
                let made = self.scope.build_on(&recorded.path, &recorded.layer, arguments).at(place)?;
                made.into_iter().map(|value| value.tensor).collect::<Vec<_>>()
            } else {
                // A cell is called with one step and a list of states, and built for the step.
                let tensors = arguments.positional.iter().flat_map(Argument::tensors);
                let tensors: Vec<Tensor> = tensors.map(|value| value.tensor.clone()).collect();
                if !self.scope.is_built(&recorded.path) {
                    let step = tensors.iter().take(1).map(|tensor| tensor.spec().clone());
                    self.scope.build(&recorded.path, &recorded.layer, &step.collect::<Vec<_>>()).at(place)?;
                }
                self.scope.call(&recorded.path, &recorded.layer, &tensors).at(place)?
            }
        } else if let Some(function) = entry.get("random") {
            let config = self.config(entry, &mut arguments)?;
            let name = text(function)?;
            operations::draw(name, &config, &self.builder, &arguments)
                .at(|| format!("`keras.random.{name}`"))?
        } else {
            let operation = entry.require("operation")?;
            let class = operation.class_name().ok_or_else(|| unexpected("a function", operation))?;
            let config = self.config(operation, &mut arguments)?;
            operations::call(class, &config, &self.builder, &arguments)
                .at(|| format!("`keras.ops` {class}"))?
        };
        checked(entry, results)
    }

    /// The config of a function; sizes that are known when the graph is run go among the arguments.
    fn config(&self, of: &Tree, arguments: &mut Arguments) -> Result<Object> {
        let mut config = Object::new();
        for (key, value) in of.get("config").and_then(Tree::as_object).into_iter().flatten() {
            match has_size(value) {
                true => drop(arguments.named.insert(key.clone(), self.argument(value)?)),
                false => drop(config.insert(key.clone(), value.clone())),
            }
        }
        Ok(config)
    }

    fn arguments(&self, entry: &Tree) -> Result<Arguments> {
        let positional = items(entry.require("args")?)?.iter().map(|tree| self.argument(tree));
        let named = entry.require("kwargs")?;
        let named = named.as_object().ok_or_else(|| unexpected("an object", named))?.iter();
        let named = named.map(|(name, tree)| Ok((name.clone(), self.argument(tree).at(|| name.as_str())?)));
        Ok(Arguments { positional: positional.collect::<Result<_>>()?, named: named.collect::<Result<_>>()? })
    }

    fn argument(&self, tree: &Tree) -> Result<Argument> {
        let list = match tree {
            Tree::List(items) => {
                Argument::List(items.iter().map(|item| self.argument(item)).collect::<Result<_>>()?)
            }
            Tree::Object(entries) => match tree.class_name() {
                Some("__value__") => return Ok(tensor(self.find(tree.require("config")?)?)),
                Some("__size__") => return self.size(tree.require("config")?).map(tensor),
                Some(_) if tree.get("config").is_some() => return Ok(Argument::Plain(tree.clone())),
                _ => {
                    let read = entries.iter().map(|(key, value)| Ok((key.clone(), self.argument(value)?)));
                    Argument::Object(read.collect::<Result<_>>()?)
                }
            },
            _ => return Ok(Argument::Plain(tree.clone())),
        };
        // A structure without tensors is a plain value.
        Ok(list.plain().map_or(list, Argument::Plain))
    }

    /// `times · size + plus` of an axis, a whole number that is known when the graph is run.
    fn size(&self, tree: &Tree) -> Result<Tensor> {
        let number = |key: &str| {
            tree.require(key)?.as_i64().ok_or_else(|| Error::corrupt(format!("`{key}` is no whole number")))
        };
        let shape = ops::shape_of(&self.find(tree.require("of")?)?)?;
        let mut size = ops::index(&shape, 0, number("axis")?)?;
        let (times, plus) = (number("times")?, number("plus")?);
        if times != 1 {
            size = ops::multiply(&size, &ops::scalar(&size, times)?)?;
        }
        if plus != 0 {
            size = ops::add(&size, &ops::scalar(&size, plus)?)?;
        }
        Ok(size)
    }

    fn find(&self, tree: &Tree) -> Result<Tensor> {
        let [_, _] = items(tree)? else { return Err(unexpected("two numbers", tree)) };
        pick(&self.values, tree).ok_or_else(|| Error::corrupt("a value that is not made before its use"))
    }

    fn spec(&self, tree: &Tree) -> Result<TensorSpec> {
        let spec = TensorSpec::from_tree(tree)?;
        let fits = spec.shape.axes().iter().flatten().all(|&size| size <= self.traces.limits.max_dimension);
        if spec.rank() > self.traces.limits.max_rank || !fits {
            return Err(Error::limit(format!("shape {}", spec.shape)));
        }
        Ok(spec)
    }
}

/// The value of `[call, result]`.
fn pick(values: &[Vec<Tensor>], tree: &Tree) -> Option<Tensor> {
    let [call, result] = tree.as_list()? else { return None };
    values.get(index(call)?)?.get(index(result)?).cloned()
}

fn index(tree: &Tree) -> Option<usize> {
    tree.as_u64().and_then(|value| usize::try_from(value).ok())
}

/// The results of a call, if there are as many as the record says.
fn checked(entry: &Tree, results: Vec<Tensor>) -> Result<Vec<Tensor>> {
    let expected = entry.require("results")?.as_u64();
    if expected != Some(results.len() as u64) {
        return Err(Error::mismatch(format!("{} results, the record says {expected:?}", results.len())));
    }
    Ok(results)
}

fn spec_of(variable: &Variable) -> TensorSpec {
    TensorSpec::new(variable.dtype, Shape::from(variable.shape.clone()))
}

/// Puts `query_mask` and its like on the tensors that they belong to.
fn attach_masks(layer: &AnyLayer, arguments: &mut Arguments) {
    for (position, name) in layer.layer().arguments().iter().enumerate() {
        let Some(Argument::Tensor(mask)) = arguments.named.get(&format!("{name}_mask")).cloned() else {
            continue;
        };
        let target = match arguments.named.get_mut(*name) {
            Some(target) => Some(target),
            None => arguments.positional.get_mut(position),
        };
        if let Some(Argument::Tensor(target)) = target {
            target.mask = Some(mask.tensor);
        }
    }
}

fn tensor(tensor: Tensor) -> Argument {
    Argument::Tensor(Masked::from(tensor))
}

fn has_size(tree: &Tree) -> bool {
    match tree {
        Tree::List(items) => items.iter().any(has_size),
        Tree::Object(_) => tree.class_name() == Some("__size__"),
        _ => false,
    }
}

fn items(tree: &Tree) -> Result<&[Tree]> {
    tree.as_list().ok_or_else(|| unexpected("a list", tree))
}

fn text(tree: &Tree) -> Result<&str> {
    tree.as_str().ok_or_else(|| unexpected("text", tree))
}
