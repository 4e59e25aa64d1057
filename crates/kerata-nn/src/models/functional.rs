//! `Functional`: layers that are called in a graph.

use std::collections::HashMap;

use kerata_core::graph::{Tensor, TensorSpec};
use kerata_core::{Error, Object, Result, ResultExt, Tree, ops};

use super::explore::specs_of;
use super::nodes::{Dialect, Names, order, read_calls, read_structure};
use super::{Member, Network, Port, Reference, Seen, list_attributes};
use crate::config::{Config, FromConfig, Value, unexpected};
use crate::layers::core::InputLayer;
use crate::layers::{AnyLayer, Argument, Arguments, Layer, Masked, Scope};
use crate::registry::Registry;

/// Layers that are called in a graph.
#[derive(Clone, Debug)]
pub struct Functional {
    pub(super) members: Vec<Member>,
    pub(super) inputs: Argument<Reference>,
    pub(super) outputs: Argument<Reference>,
    order: Vec<(usize, usize)>,
    ports: Argument<Port>,
    config: Object,
}

impl Functional {
    /// A model of layers, calls and the structures of inputs and outputs.
    pub(super) fn from_parts(
        members: Vec<Member>,
        inputs: Argument<Reference>,
        outputs: Argument<Reference>,
        config: Object,
    ) -> Result<Self> {
        let order = order(&members)?;
        let ports = ports(&members, &inputs)?;
        Ok(Self { members, inputs, outputs, order, ports, config })
    }

    /// The same with another config to be written.
    pub(super) fn with_config(self, config: Object) -> Self {
        Self { config, ..self }
    }

    /// Builds the layers in the order of the calls and notes the specs of each call's results.
    pub(super) fn build_with_specs(
        &self,
        scope: &mut Scope,
        specs: &mut HashMap<(usize, usize), Vec<TensorSpec>>,
    ) -> Result<()> {
        let builder = scope.builder().clone();
        let ports = self.ports.tensors();
        let inputs: Vec<Masked> =
            ports.iter().map(|port| builder.input(port.name.as_str(), port.spec.clone()).into()).collect();
        for (leaf, input) in self.inputs.tensors().into_iter().zip(&inputs) {
            specs.insert((leaf.member, leaf.call), vec![input.tensor.spec().clone()]);
        }
        let attributes = self.attributes();
        let mut calls = self.order.iter();
        self.run(&inputs, |member, arguments| {
            let layer = &self.members[member].layer;
            let attribute = attributes[member].clone().unwrap_or_else(|| layer.name().to_owned());
            let outputs = scope.build_on(&attribute, layer, arguments)?;
            if let Some(call) = calls.next() {
                specs.insert(*call, outputs.iter().map(|output| output.tensor.spec().clone()).collect());
            }
            Ok(outputs)
        })?;
        Ok(())
    }

    /// Runs the calls in order; `call` runs one.
    fn run(
        &self,
        inputs: &[Masked],
        mut call: impl FnMut(usize, Arguments) -> Result<Vec<Masked>>,
    ) -> Result<Vec<Masked>> {
        let mut results: Vec<Vec<Vec<Masked>>> = self.members.iter().map(|_| Vec::new()).collect();
        for (leaf, input) in self.inputs.tensors().into_iter().zip(inputs) {
            results[leaf.member] = vec![vec![input.clone()]];
        }
        for &(member, node) in &self.order {
            let mut arguments = self.members[member].calls[node].map(|leaf| self.result(&results, *leaf))?;
            // Keras passes the flag of its own call on, whatever a layer was called with when the model was made.
            arguments.named.shift_remove("training");
            let made = call(member, arguments)?;
            results[member].push(made);
        }
        self.outputs.tensors().into_iter().map(|leaf| self.result(&results, *leaf)).collect()
    }

    fn result(&self, results: &[Vec<Vec<Masked>>], leaf: Reference) -> Result<Masked> {
        let of_call = results.get(leaf.member).and_then(|calls| calls.get(leaf.call));
        of_call.and_then(|tensors| tensors.get(leaf.tensor)).cloned().ok_or_else(|| {
            let name = self.members.get(leaf.member).map_or("?", |member| member.layer.name());
            Error::corrupt(format!("layer `{name}` has no result {} of call {}", leaf.tensor, leaf.call))
        })
    }

    /// The inputs with the dtypes and ranks of the ports, as Keras adjusts them.
    fn adjusted(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Masked>> {
        let ports = self.ports.tensors();
        let by_name = match (scope.argument("inputs"), &self.ports) {
            (Some(Argument::Object(entries)), Argument::List(_) | Argument::Tensor(_)) => Some(entries),
            _ => None,
        };
        if by_name.is_none() && ports.len() != inputs.len() {
            return Err(Error::mismatch(format!("expected {} inputs, found {}", ports.len(), inputs.len())));
        }
        let mut adjusted = Vec::with_capacity(ports.len());
        for (position, port) in ports.into_iter().enumerate() {
            let given = match by_name {
                Some(entries) => entries
                    .get(&port.name)
                    .and_then(|argument| argument.tensors().into_iter().next().cloned())
                    .ok_or_else(|| Error::mismatch(format!("no input `{}`", port.name)))?,
                None => Masked { tensor: inputs[position].clone(), mask: scope.mask(position).cloned() },
            };
            adjusted.push(Masked { tensor: port.adjust(&given.tensor)?, mask: given.mask });
        }
        Ok(adjusted)
    }
}

/// The ports of the input layers.
fn ports(members: &[Member], inputs: &Argument<Reference>) -> Result<Argument<Port>> {
    let keys = keys(inputs);
    let mut position = 0;
    inputs.map(&mut |leaf: &Reference| {
        let member = members.get(leaf.member).ok_or_else(|| Error::internal("no such layer"))?;
        let input = AnyLayer::write(&member.layer);
        let config = input.get("config").and_then(Tree::as_object).cloned().unwrap_or_default();
        let spec = InputLayer::from_config(&config, Registry::built_in())
            .and_then(|input| input.spec())
            .at(|| member.layer.place_text())?;
        let name = member.layer.name().to_owned();
        let key = keys.get(position).cloned().flatten();
        position += 1;
        let is_optional = config.get("optional").and_then(Tree::as_bool).unwrap_or(false);
        Ok(Port { key, name, spec, is_optional })
    })
}

/// The keys of a structure that is an object, in the order in which its entries stand.
fn keys(structure: &Argument<Reference>) -> Vec<Option<String>> {
    match structure {
        Argument::Object(entries) => entries
            .iter()
            .flat_map(|(key, value)| value.tensors().into_iter().map(|_| Some(key.clone())))
            .collect(),
        _ => Vec::new(),
    }
}

impl Config for Functional {
    fn class_name(&self) -> &str {
        "Functional"
    }

    fn config(&self) -> Object {
        let mut config = self.config.clone();
        // Read from a file: the layers keep their own trees.
        if let Some(layers @ Tree::Null) = config.get_mut("layers") {
            *layers = Tree::List(self.members.iter().map(|member| member.layer.write()).collect());
        }
        config
    }
}

impl FromConfig for Functional {
    const CLASS: &'static str = "Functional";

    fn from_config(config: &Object, registry: &Registry) -> Result<Self> {
        let get = |key: &str| {
            config.get(key).ok_or_else(|| Error::corrupt(format!("the config has no argument `{key}`")))
        };
        let layers = get("layers")?;
        let layers = layers.as_list().ok_or_else(|| unexpected("a list of layers", layers))?;
        let names = Names::new(layers)?;
        let is_legacy = layers.iter().any(|layer| {
            let nodes = layer.get("inbound_nodes").and_then(Tree::as_list);
            nodes.is_some_and(|nodes| nodes.iter().any(|node| node.as_list().is_some_and(|n| !n.is_empty())))
        });
        let dialect = if is_legacy { Dialect::Legacy } else { Dialect::List };
        let mut members = Vec::with_capacity(layers.len());
        for tree in layers {
            let layer = AnyLayer::read(tree, registry)?;
            let calls = match tree.get("inbound_nodes") {
                Some(nodes) => read_calls(nodes, &names).at(|| layer.place_text())?,
                None => Vec::new(),
            };
            members.push(Member { layer, calls });
        }
        let inputs = read_structure(get("input_layers")?, &names, Dialect::List).at(|| "input_layers")?;
        let outputs = read_structure(get("output_layers")?, &names, dialect).at(|| "output_layers")?;
        let without_layers = |(key, value): (&String, &Tree)| {
            (key.clone(), if key == "layers" { Tree::Null } else { value.clone() })
        };
        Self::from_parts(members, inputs, outputs, config.iter().map(without_layers).collect())
    }
}

impl Layer for Functional {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        self.build_with_specs(scope, &mut HashMap::new())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let attributes = self.attributes();
        let outputs = self.run(&self.adjusted(scope, inputs)?, |member, arguments| {
            let layer = &self.members[member].layer;
            let attribute = attributes[member].clone().unwrap_or_else(|| layer.name().to_owned());
            scope.call_with(&attribute, layer, &arguments)
        })?;
        for (position, output) in outputs.iter().enumerate() {
            scope.set_mask(position, output.mask.clone());
        }
        Ok(outputs.into_iter().map(|output| output.tensor).collect())
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn autocast(&self) -> bool {
        false
    }

    fn as_model(&self) -> Option<&dyn Network> {
        Some(self)
    }

    fn base_keys(&self) -> &'static [&'static str] {
        &["name", "trainable"]
    }

    fn module(&self) -> &'static str {
        "keras.src.models.functional"
    }

    fn check(&self) -> Result<()> {
        self.members
            .iter()
            .try_for_each(|member| member.layer.layer().check().at(|| member.layer.place_text()))
    }
}

impl Network for Functional {
    fn members(&self) -> Vec<&AnyLayer> {
        self.members.iter().map(|member| &member.layer).collect()
    }

    fn attributes(&self) -> Vec<Option<String>> {
        list_attributes(
            "layers",
            self.members
                .iter()
                .map(|member| (!member.layer.is_operation()).then(|| member.layer.class_name())),
        )
    }

    fn inputs(&self) -> Result<Argument<Port>> {
        Ok(self.ports.clone())
    }

    fn outputs(&self) -> Argument<String> {
        let name = |leaf: &Reference| {
            Ok(self
                .members
                .get(leaf.member)
                .map_or_else(String::new, |member| member.layer.name().to_owned()))
        };
        self.outputs.map(&mut |leaf| name(leaf)).unwrap_or(Argument::Plain(Tree::Null))
    }

    fn connections(&self) -> Vec<Vec<String>> {
        self.members
            .iter()
            .map(|member| {
                let leaves = member.calls.iter().flat_map(Arguments::iter).flat_map(Argument::tensors);
                leaves
                    .map(|leaf| {
                        let from = self.members.get(leaf.member).map_or("?", |member| member.layer.name());
                        format!("{from}[{}][{}]", leaf.call, leaf.tensor)
                    })
                    .collect()
            })
            .collect()
    }

    fn explore(&self, scope: &mut Scope, _: &[TensorSpec], see: &mut dyn FnMut(&AnyLayer, Seen)) {
        let mut results: Vec<Vec<Vec<Masked>>> = self.members.iter().map(|_| Vec::new()).collect();
        for (leaf, port) in self.inputs.tensors().into_iter().zip(self.ports.tensors()) {
            let input = scope.builder().input(port.name.as_str(), port.spec.clone());
            if let Some(calls) = results.get_mut(leaf.member) {
                *calls = vec![vec![input.into()]];
            }
        }
        let attributes = self.attributes();
        for &(member, node) in &self.order {
            let Some(Member { layer, calls }) = self.members.get(member) else { continue };
            let attribute =
                attributes.get(member).cloned().flatten().unwrap_or_else(|| layer.name().to_owned());
            let Some(call) = calls.get(node) else { continue };
            let arguments = call.map(|leaf| self.result(&results, *leaf));
            let (inputs, made) = match arguments {
                Ok(mut arguments) => {
                    arguments.named.shift_remove("training");
                    let inputs = specs_of(&arguments);
                    (inputs, scope.build_on(&attribute, layer, arguments).unwrap_or_default())
                }
                Err(_) => (Vec::new(), Vec::new()),
            };
            let outputs = made.iter().map(|output| output.tensor.spec().clone()).collect();
            see(layer, Seen { inputs, outputs });
            if let Some(calls) = results.get_mut(member) {
                calls.push(made);
            }
        }
    }
}

impl Port {
    /// A tensor with the dtype and rank of the port.
    pub(super) fn adjust(&self, tensor: &Tensor) -> Result<Tensor> {
        let mut tensor = tensor.clone();
        if tensor.dtype() != self.spec.dtype && self.spec.dtype != kerata_core::DType::String {
            tensor = ops::cast(&tensor, self.spec.dtype)?;
        }
        let rank = self.spec.rank();
        if tensor.rank() == rank + 1 && tensor.spec().size(rank) == Some(1) {
            return ops::squeeze(&tensor, &[-1]);
        }
        if tensor.rank() + 1 == rank && self.spec.size(rank - 1) == Some(1) {
            return ops::expand_dims(&tensor, -1);
        }
        Ok(tensor)
    }
}
