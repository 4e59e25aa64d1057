//! `GraphBuilder`: builds a graph; equal pure nodes are shared, values of an outer graph are captured.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::{Graph, Node, NodeKind, Tensor, TensorSpec, ValueId};
use crate::array::Array;
use crate::ops::{Generator, Op};
use crate::{Error, Result, ResultExt};

/// Constants of at most this many elements are shared when equal.
const MAX_SHARED_ELEMENTS: usize = 64;

/// A graph that is being built; clones build the same graph.
#[derive(Clone)]
pub struct GraphBuilder(Rc<Inner>);

struct Inner {
    parent: Option<GraphBuilder>,
    depth: usize,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    graph: Graph,
    scopes: Vec<String>,
    variables: HashMap<String, ValueId>,
    /// Op nodes by op name and inputs: candidates for sharing.
    shared: HashMap<(&'static str, Vec<ValueId>), Vec<usize>>,
    constants: HashMap<(crate::DType, Vec<usize>, Vec<u8>), usize>,
    /// Values of the parent and the inputs that stand for them here.
    captures: Vec<(Tensor, ValueId)>,
    /// Whose random numbers are drawn; that of the outermost graph counts.
    generator: Generator,
}

impl GraphBuilder {
    /// A builder of a graph with a name.
    pub fn new(name: impl Into<String>) -> Self {
        Self::with_parent(name.into(), None)
    }

    /// A builder of a body (of a loop, of a branch) inside this graph. Values of this graph that are used in the body are
    /// captured: they become further inputs of it.
    pub fn subgraph(&self, name: impl Into<String>) -> Self {
        Self::with_parent(name.into(), Some(self.clone()))
    }

    fn with_parent(name: String, parent: Option<Self>) -> Self {
        let depth = parent.as_ref().map_or(0, |parent| parent.0.depth + 1);
        let state = State { graph: Graph { name, ..Graph::default() }, ..State::default() };
        Self(Rc::new(Inner { parent, depth, state: RefCell::new(state) }))
    }

    /// A value handed in when the graph is run.
    pub fn input(&self, name: impl Into<String>, spec: TensorSpec) -> Tensor {
        let name = name.into();
        let node =
            Node { kind: NodeKind::Input { name: name.clone() }, inputs: vec![], outputs: vec![spec], name };
        let tensor = self.push(node).swap_remove(0);
        self.0.state.borrow_mut().graph.inputs.push(tensor.id);
        tensor
    }

    /// A variable; the same path gives the same tensor. In a body it is read by the outermost graph and captured.
    pub fn variable(&self, path: &str, spec: TensorSpec, trainable: bool) -> Result<Tensor> {
        if let Some(parent) = &self.0.parent {
            return self.local(&parent.variable(path, spec, trainable)?);
        }
        let known = self.0.state.borrow().variables.get(path).copied();
        if let Some(id) = known {
            let tensor = self.tensor(id)?;
            if tensor.spec != spec {
                return Err(Error::mismatch(format!("variable `{path}` is {}, not {spec}", tensor.spec)));
            }
            return Ok(tensor);
        }
        let kind = NodeKind::Variable { path: path.to_owned(), trainable };
        let tensor = self
            .push(Node { kind, inputs: vec![], outputs: vec![spec], name: path.to_owned() })
            .swap_remove(0);
        self.0.state.borrow_mut().variables.insert(path.to_owned(), tensor.id);
        Ok(tensor)
    }

    /// A fixed value. A body captures large ones from the outermost graph, so that they are kept once.
    pub fn constant(&self, array: Array) -> Tensor {
        if array.len() > MAX_SHARED_ELEMENTS
            && let Some(parent) = &self.0.parent
            && let Ok(captured) = self.local(&parent.constant(array.clone()))
        {
            return captured;
        }
        let key = (array.len() <= MAX_SHARED_ELEMENTS && array.dtype() != crate::DType::String)
            .then(|| (array.dtype(), array.shape().to_vec(), array.to_data()))
            .and_then(|(dtype, shape, data)| Some((dtype, shape, data.as_slice()?.to_vec())));
        if let Some(key) = &key {
            let known = self.0.state.borrow().constants.get(key).copied();
            if let Some(node) = known {
                return Tensor { builder: self.clone(), id: ValueId { node, output: 0 }, spec: array.spec() };
            }
        }
        let spec = array.spec();
        let name = "constant".to_owned();
        let node = Node { kind: NodeKind::Constant(array), inputs: vec![], outputs: vec![spec], name };
        let tensor = self.push(node).swap_remove(0);
        if let Some(key) = key {
            self.0.state.borrow_mut().constants.insert(key, tensor.id.node);
        }
        tensor
    }

    /// Applies an op. Inputs of outer graphs are captured; a pure node that is there already is used again.
    pub fn add(&self, op: impl Op, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        self.add_arc(Arc::new(op), inputs)
    }

    /// Applies an op that has one output.
    pub fn add_one(&self, op: impl Op, inputs: &[Tensor]) -> Result<Tensor> {
        let name = op.name();
        self.add(op, inputs)?.pop().ok_or_else(|| Error::internal(format!("op `{name}` has no output")))
    }

    /// Applies a shared op.
    pub fn add_arc(&self, op: Arc<dyn Op>, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let inputs = inputs.iter().map(|input| self.local(input)).collect::<Result<Vec<_>>>()?;
        let key = (op.name(), inputs.iter().map(|input| input.id).collect::<Vec<_>>());
        if op.is_pure() {
            let state = self.0.state.borrow();
            let candidates = state.shared.get(&key).map_or(&[][..], Vec::as_slice);
            if !candidates.is_empty() {
                let attributes = op.attributes().to_json();
                for &node in candidates {
                    let outputs = &state.graph.nodes[node];
                    if outputs.op().is_some_and(|other| other.attributes().to_json() == attributes) {
                        return Ok(self.outputs(node, &outputs.outputs));
                    }
                }
            }
        }
        let specs = inputs.iter().map(|input| input.spec.clone()).collect::<Vec<_>>();
        let outputs = op.spec(&specs).at(|| format!("op `{}`", op.name())).map_err(|error| {
            match self.scope_path() {
                path if path.is_empty() => error,
                path => error.at(path),
            }
        })?;
        let name = match self.scope_path() {
            path if path.is_empty() => op.name().to_owned(),
            path => format!("{path}/{}", op.name()),
        };
        let is_pure = op.is_pure();
        let tensors = self.push(Node { kind: NodeKind::Op(op), inputs: key.1.clone(), outputs, name });
        if is_pure && let Some(first) = tensors.first() {
            self.0.state.borrow_mut().shared.entry(key).or_default().push(first.id.node);
        }
        Ok(tensors)
    }

    /// Gives a variable a new value after each run.
    pub fn update(&self, path: &str, value: &Tensor) -> Result<()> {
        if self.0.parent.is_some() {
            return Err(Error::unsupported(format!("variable `{path}` is updated inside a loop or branch"))
                .hint("carry the value as loop state and update it outside"));
        }
        let value = self.local(value)?;
        let mut state = self.0.state.borrow_mut();
        if let Some(&id) = state.variables.get(path) {
            let spec = state.graph.spec(id)?;
            if spec.dtype != value.dtype() || !agree(spec, &value.spec) {
                return Err(Error::mismatch(format!(
                    "variable `{path}` is {spec}, its update {}",
                    value.spec
                )));
            }
        }
        match state.graph.updates.iter_mut().find(|(known, _)| known == path) {
            Some(entry) => entry.1 = value.id,
            None => state.graph.updates.push((path.to_owned(), value.id)),
        }
        Ok(())
    }

    /// The value that an update gave a variable so far.
    pub fn updated(&self, path: &str) -> Option<Tensor> {
        let root = self.root();
        let id =
            root.0.state.borrow().graph.updates.iter().find(|(known, _)| known == path).map(|entry| entry.1);
        id.and_then(|id| root.tensor(id).ok())
    }

    /// Sets whose random numbers the functions of [`ops`](crate::ops) draw from here on, in bodies too.
    pub fn set_generator(&self, generator: Generator) {
        self.root().0.state.borrow_mut().generator = generator;
    }

    /// Whose random numbers are drawn.
    pub fn generator(&self) -> Generator {
        self.root().0.state.borrow().generator
    }

    /// Starts a name scope that lasts until the guard is dropped.
    #[must_use]
    pub fn scope(&self, name: &str) -> ScopeGuard {
        self.0.state.borrow_mut().scopes.push(name.to_owned());
        ScopeGuard(self.clone())
    }

    /// Copies the nodes of a graph to here with its inputs replaced, and gives its outputs.
    pub fn inline(&self, graph: &Graph, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        if graph.inputs.len() != inputs.len() {
            return Err(Error::mismatch(format!(
                "graph `{}` takes {} inputs, found {}",
                graph.name,
                graph.inputs.len(),
                inputs.len()
            )));
        }
        let mut values: Vec<Vec<Tensor>> = Vec::with_capacity(graph.nodes.len());
        for (index, node) in graph.nodes.iter().enumerate() {
            let made = match &node.kind {
                NodeKind::Input { name } => {
                    let position = graph.inputs.iter().position(|input| input.node == index);
                    let input = position.and_then(|position| inputs.get(position));
                    vec![input.cloned().ok_or_else(|| Error::internal(format!("unlisted input `{name}`")))?]
                }
                NodeKind::Variable { path, trainable } => {
                    let spec =
                        node.outputs.first().ok_or_else(|| Error::internal("variable without spec"))?;
                    vec![self.variable(path, spec.clone(), *trainable)?]
                }
                NodeKind::Constant(array) => vec![self.constant(array.clone())],
                NodeKind::Op(op) => {
                    let inputs =
                        node.inputs.iter().map(|&id| pick(&values, id)).collect::<Result<Vec<_>>>()?;
                    self.add_arc(op.clone(), &inputs)?
                }
            };
            values.push(made);
        }
        for (path, value) in &graph.updates {
            self.update(path, &pick(&values, *value)?)?;
        }
        graph.outputs.iter().map(|(_, value)| pick(&values, *value)).collect()
    }

    /// The finished graph with named outputs; nodes that nothing needs are left out.
    pub fn finish(&self, outputs: &[(&str, &Tensor)]) -> Result<Graph> {
        let outputs = self.named(outputs)?;
        let graph = Graph { outputs, ..self.0.state.borrow().graph.clone() };
        Ok(graph.without_dead_nodes())
    }

    /// The same with the nodes taken out of the builder and not copied: its values are of no more use.
    pub fn end(&self, outputs: &[(&str, &Tensor)]) -> Result<Graph> {
        let outputs = self.named(outputs)?;
        let state = self.0.state.take();
        Ok(Graph { outputs, ..state.graph }.without_dead_nodes())
    }

    /// The finished body with its captured values, which are to be passed after its declared inputs.
    pub fn finish_body(&self, outputs: &[Tensor]) -> Result<(Graph, Vec<Tensor>)> {
        let names: Vec<String> = (0..outputs.len()).map(|index| format!("output_{index}")).collect();
        let named: Vec<(&str, &Tensor)> = names.iter().map(String::as_str).zip(outputs).collect();
        let graph = self.finish(&named)?;
        let captures = self.0.state.borrow().captures.iter().map(|(outer, _)| outer.clone()).collect();
        Ok((graph, captures))
    }

    /// The value as a value of this graph: itself, or captured from an outer graph.
    pub fn local(&self, tensor: &Tensor) -> Result<Tensor> {
        if self.is(&tensor.builder) {
            return Ok(tensor.clone());
        }
        let Some(parent) = &self.0.parent else {
            return Err(Error::usage(format!(
                "a tensor of graph `{}` is used in graph `{}`",
                tensor.builder.name(),
                self.name()
            )));
        };
        let outer = parent.local(tensor)?;
        if let Some(array) = outer.constant().filter(|array| array.len() <= MAX_SHARED_ELEMENTS) {
            return Ok(self.constant(array));
        }
        let known =
            self.0.state.borrow().captures.iter().find(|(known, _)| known.id == outer.id).map(|pair| pair.1);
        if let Some(id) = known {
            return self.tensor(id);
        }
        let count = self.0.state.borrow().captures.len();
        let tensor = self.input(format!("capture_{count}"), outer.spec.clone());
        self.0.state.borrow_mut().captures.push((outer, tensor.id));
        Ok(tensor)
    }

    /// The innermost of the builders of some tensors: where an op on them belongs.
    pub fn innermost(tensors: &[Tensor]) -> Result<&Self> {
        tensors
            .iter()
            .map(|tensor| &tensor.builder)
            .max_by_key(|builder| builder.0.depth)
            .ok_or_else(|| Error::usage("an op without inputs needs a builder"))
    }

    /// The builder of the outermost graph.
    pub fn root(&self) -> Self {
        self.0.parent.as_ref().map_or_else(|| self.clone(), Self::root)
    }

    /// Whether both build the same graph.
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Name of the graph.
    pub fn name(&self) -> String {
        self.0.state.borrow().graph.name.clone()
    }

    /// Number of nodes so far.
    pub fn len(&self) -> usize {
        self.0.state.borrow().graph.nodes.len()
    }

    /// Whether there are no nodes yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The open name scopes joined by `/`.
    pub fn scope_path(&self) -> String {
        self.0.state.borrow().scopes.join("/")
    }

    /// The tensor of a value of this graph.
    pub fn tensor(&self, id: ValueId) -> Result<Tensor> {
        let spec = self.0.state.borrow().graph.spec(id)?.clone();
        Ok(Tensor { builder: self.clone(), id, spec })
    }

    /// A copy of the node that makes a value, with its inputs as tensors.
    pub fn producer(&self, tensor: &Tensor) -> Result<(Node, Vec<Tensor>)> {
        let node = tensor.builder.0.state.borrow().graph.node(tensor.id)?.clone();
        let inputs = node.inputs.iter().map(|&id| tensor.builder.tensor(id)).collect::<Result<_>>()?;
        Ok((node, inputs))
    }

    /// A copy of a node with its outputs and inputs as tensors.
    pub(crate) fn node_tensors(&self, index: usize) -> Result<(Node, Vec<Tensor>, Vec<Tensor>)> {
        let state = self.0.state.borrow();
        let node = state.graph.node(ValueId { node: index, output: 0 })?.clone();
        let outputs = self.outputs(index, &node.outputs);
        let tensor =
            |&id: &ValueId| Ok(Tensor { builder: self.clone(), id, spec: state.graph.spec(id)?.clone() });
        let inputs = node.inputs.iter().map(tensor).collect::<Result<_>>()?;
        Ok((node, outputs, inputs))
    }

    pub(super) fn constant_value(&self, id: ValueId) -> Option<Array> {
        self.0.state.borrow().graph.nodes.get(id.node)?.constant().cloned()
    }

    /// Reads the nodes built so far.
    pub(crate) fn with_nodes<R>(&self, read: impl FnOnce(&[Node]) -> R) -> R {
        read(&self.0.state.borrow().graph.nodes)
    }

    fn named(&self, outputs: &[(&str, &Tensor)]) -> Result<Vec<(String, ValueId)>> {
        outputs.iter().map(|(name, tensor)| Ok(((*name).to_owned(), self.local(tensor)?.id))).collect()
    }

    fn push(&self, node: Node) -> Vec<Tensor> {
        let mut state = self.0.state.borrow_mut();
        let index = state.graph.nodes.len();
        let tensors = self.outputs(index, &node.outputs);
        state.graph.nodes.push(node);
        tensors
    }

    fn outputs(&self, node: usize, specs: &[TensorSpec]) -> Vec<Tensor> {
        let id = |output| ValueId { node, output };
        specs
            .iter()
            .enumerate()
            .map(|(output, spec)| Tensor { builder: self.clone(), id: id(output), spec: spec.clone() })
            .collect()
    }
}

/// Ends its name scope when dropped.
pub struct ScopeGuard(GraphBuilder);

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        self.0.0.state.borrow_mut().scopes.pop();
    }
}

/// Whether two specs can describe the same tensor.
fn agree(a: &TensorSpec, b: &TensorSpec) -> bool {
    a.rank() == b.rank()
        && a.shape.axes().iter().zip(b.shape.axes()).all(|(a, b)| a.is_none() || b.is_none() || a == b)
}

fn pick(values: &[Vec<Tensor>], id: ValueId) -> Result<Tensor> {
    values
        .get(id.node)
        .and_then(|outputs| outputs.get(id.output))
        .cloned()
        .ok_or_else(|| Error::internal(format!("value {}.{} is not made yet", id.node, id.output)))
}
