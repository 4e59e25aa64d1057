//! Putting a functional model together: inputs, layers called on symbols, a model of what leads from inputs to outputs.
//!
//! ```
//! use kerata_nn::layers::core::Dense;
//! use kerata_nn::layers::merging::Add;
//! use kerata_nn::models::{Functional, On, input};
//! use kerata_nn::Model;
//!
//! let x = input("x", [None, Some(4)]);
//! let y = Dense::new(4).activation("relu").on(&x);
//! let sum = Add::new().on([&x, &y]);
//! let model = Model::new(Functional::new(&x, &Dense::new(2).on(&sum))?, 1)?;
//! assert_eq!(model.count_params(), 4 * 4 + 4 + 4 * 2 + 2);
//! # Ok::<(), kerata_core::Error>(())
//! ```

use std::collections::HashMap;
use std::rc::Rc;

use kerata_core::graph::{GraphBuilder, TensorSpec};
use kerata_core::{Error, Object, Result, Shape, Tree};

use super::{Functional, Member, Reference};
use crate::config::Value;
use crate::layers::core::InputLayer;
use crate::layers::{AnyLayer, Argument, Arguments, Place, Scope, snake_case};

/// A value of a functional model that is being put together.
#[derive(Clone)]
pub struct Symbol {
    call: Rc<Call>,
    tensor: usize,
}

struct Call {
    layer: Shared,
    arguments: Arguments<Symbol>,
}

/// A layer that may be called several times; every call uses the same variables.
#[derive(Clone)]
pub struct Shared(Rc<AnyLayer>);

impl Shared {
    /// A layer to be called several times.
    pub fn new(layer: impl Into<AnyLayer>) -> Self {
        Self(Rc::new(layer.into()))
    }

    /// Calls the layer with arguments by position and name.
    pub fn call(&self, arguments: Arguments<Symbol>) -> Symbol {
        Symbol { call: Rc::new(Call { layer: self.clone(), arguments }), tensor: 0 }
    }

    /// Calls the layer on a symbol or several.
    pub fn on(&self, inputs: impl Symbols) -> Symbol {
        self.call(Arguments { positional: vec![inputs.symbols()], ..Arguments::default() })
    }
}

/// A place where a tensor enters, of a name and sizes with the batch first.
pub fn input(name: &str, batch_shape: impl IntoIterator<Item = Option<u64>>) -> Symbol {
    let layer = AnyLayer::new(InputLayer::new(Shape::new(batch_shape))).named(name);
    Shared::new(layer).call(Arguments::default())
}

/// Calling a layer that is used once: `Dense::new(4).on(&x)`.
pub trait On: Into<AnyLayer> {
    /// Calls the layer on a symbol or several.
    fn on(self, inputs: impl Symbols) -> Symbol {
        Shared::new(self).on(inputs)
    }
}

impl<T: Into<AnyLayer>> On for T {}

/// One symbol, or a list or object of them.
pub trait Symbols {
    /// The symbols as an argument.
    fn symbols(self) -> Argument<Symbol>;
}

impl Symbols for &Symbol {
    fn symbols(self) -> Argument<Symbol> {
        Argument::Tensor(self.clone())
    }
}

impl<const N: usize> Symbols for [&Symbol; N] {
    fn symbols(self) -> Argument<Symbol> {
        Argument::List(self.into_iter().cloned().map(Argument::Tensor).collect())
    }
}

impl<const N: usize> Symbols for [(&str, &Symbol); N] {
    fn symbols(self) -> Argument<Symbol> {
        let entry = |(key, symbol): (&str, &Symbol)| (key.to_owned(), Argument::Tensor(symbol.clone()));
        Argument::Object(self.into_iter().map(entry).collect())
    }
}

impl Symbols for Argument<Symbol> {
    fn symbols(self) -> Argument<Symbol> {
        self
    }
}

impl Symbol {
    /// Another result of the same call.
    pub fn result(&self, tensor: usize) -> Self {
        Self { call: self.call.clone(), tensor }
    }
}

impl Functional {
    /// The model of the calls that lead from inputs to outputs.
    pub fn new(inputs: impl Symbols, outputs: impl Symbols) -> Result<Self> {
        let (inputs, outputs) = (inputs.symbols(), outputs.symbols());
        let mut walk = Walk::default();
        for output in outputs.tensors() {
            walk.visit(&output.call)?;
        }
        for input in inputs.tensors() {
            walk.visit(&input.call)?;
        }
        let layers = walk.layers();
        let members = walk.members(&layers)?;
        let refer = |symbol: &Symbol| walk.reference(&layers, symbol);
        let (inputs, outputs) = (inputs.map(&mut |s| refer(s))?, outputs.map(&mut |s| refer(s))?);
        let model = Self::from_parts(members, inputs, outputs, Object::new())?;
        model.with_written_config()
    }

    /// The same with the config that Keras writes.
    fn with_written_config(self) -> Result<Self> {
        let specs = self.specs()?;
        let name = |member: usize| self.members[member].layer.name();
        let tensor = |leaf: &Reference| -> Result<Tree> {
            let spec = specs.get(&(leaf.member, leaf.call)).and_then(|specs| specs.get(leaf.tensor));
            let spec = spec.ok_or_else(|| {
                Error::usage(format!("`{}` has no result {}", name(leaf.member), leaf.tensor))
            })?;
            let config = Tree::from([
                ("shape", spec.shape.write()),
                ("dtype", Tree::from(spec.dtype.name())),
                ("keras_history", history(name(leaf.member), leaf.call, leaf.tensor)),
            ]);
            Ok(Tree::from([("class_name", Tree::from("__keras_tensor__")), ("config", config)]))
        };
        let mut layers = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let mut tree = member.layer.write();
            let calls = member.calls.iter().map(|call| {
                let positional = call.positional.iter().map(|argument| spelled(argument, &tensor));
                let named =
                    call.named.iter().map(|(name, argument)| Ok((name.clone(), spelled(argument, &tensor)?)));
                Ok(Tree::from([
                    ("args", Tree::List(positional.collect::<Result<_>>()?)),
                    ("kwargs", Tree::Object(named.collect::<Result<_>>()?)),
                ]))
            });
            let calls = if member.is_input() { Vec::new() } else { calls.collect::<Result<Vec<_>>>()? };
            let object = tree.as_object_mut().ok_or_else(|| Error::internal("a layer without config"))?;
            object.insert("name".to_owned(), Tree::from(member.layer.name()));
            object.insert("inbound_nodes".to_owned(), Tree::List(calls));
            layers.push(tree);
        }
        let leaf = |leaf: &Reference| {
            // Keras counts the calls of a nested functional model from 1 here.
            let is_nested = self.members[leaf.member].layer.class_name() == "Functional";
            Ok(history(name(leaf.member), leaf.call + usize::from(is_nested), leaf.tensor))
        };
        let config = Object::from_iter([
            ("layers".to_owned(), Tree::List(layers)),
            ("input_layers".to_owned(), spelled(&self.inputs, &leaf)?),
            ("output_layers".to_owned(), spelled(&self.outputs, &leaf)?),
        ]);
        Ok(self.with_config(config))
    }

    /// The specs of the results of each call.
    fn specs(&self) -> Result<HashMap<(usize, usize), Vec<TensorSpec>>> {
        let place = Place { trainable: true, ..Place::default() };
        let mut scope = Scope::root(GraphBuilder::new("shapes"), std::sync::Arc::new(place), false);
        let mut specs = HashMap::new();
        self.build_with_specs(&mut scope, &mut specs)?;
        Ok(specs)
    }
}

/// The calls that lead to the outputs, in the order and with the depths that Keras gives them.
#[derive(Default)]
struct Walk {
    /// Layers in the order in which they are met from the outputs.
    met: Vec<Shared>,
    /// Calls, each after those whose results it takes.
    calls: Vec<Rc<Call>>,
}

impl Walk {
    fn visit(&mut self, call: &Rc<Call>) -> Result<()> {
        if self.calls.iter().any(|other| Rc::ptr_eq(other, call)) {
            return Ok(());
        }
        if !self.met.iter().any(|layer| Rc::ptr_eq(&layer.0, &call.layer.0)) {
            self.met.push(call.layer.clone());
        }
        for symbol in call.arguments.iter().flat_map(Argument::tensors) {
            self.visit(&symbol.call)?;
        }
        self.calls.push(call.clone());
        Ok(())
    }

    /// Layers by depth, the ones nearest to the inputs first, as Keras orders them; names are made different.
    fn layers(&self) -> Vec<(Shared, AnyLayer)> {
        let position =
            |call: &Rc<Call>| self.calls.iter().position(|other| Rc::ptr_eq(other, call)).unwrap_or(0);
        let mut depths = vec![0usize; self.calls.len()];
        let mut of_layer = vec![0usize; self.met.len()];
        for (index, call) in self.calls.iter().enumerate().rev() {
            let layer = self.met.iter().position(|layer| Rc::ptr_eq(&layer.0, &call.layer.0)).unwrap_or(0);
            let depth = depths[index].max(of_layer[layer]);
            (depths[index], of_layer[layer]) = (depth, depth);
            for symbol in call.arguments.iter().flat_map(Argument::tensors) {
                let inner = position(&symbol.call);
                depths[inner] = depths[inner].max(depth + 1);
            }
        }
        let mut order: Vec<usize> = (0..self.met.len()).collect();
        order.sort_by_key(|layer| (std::cmp::Reverse(of_layer[*layer]), *layer));
        let mut names: HashMap<String, usize> = HashMap::new();
        let mut named = |layer: &Shared| {
            let base = layer.0.name().to_owned();
            let count = names.entry(base.clone()).or_default();
            *count += 1;
            let is_default = base == snake_case(layer.0.class_name());
            let name = if *count > 1 && is_default { format!("{base}_{}", *count - 1) } else { base };
            (layer.clone(), (*layer.0).clone().named(name))
        };
        order.into_iter().map(|layer| named(&self.met[layer])).collect()
    }

    fn members(&self, layers: &[(Shared, AnyLayer)]) -> Result<Vec<Member>> {
        let member = |(shared, layer): &(Shared, AnyLayer)| {
            let calls = self.calls_of(shared).filter(|call| !call.arguments.positional.is_empty());
            let calls = calls.map(|call| call.arguments.map(|symbol| self.reference(layers, symbol)));
            Ok(Member { layer: layer.clone(), calls: calls.collect::<Result<_>>()? })
        };
        layers.iter().map(member).collect()
    }

    fn reference(&self, layers: &[(Shared, AnyLayer)], symbol: &Symbol) -> Result<Reference> {
        let member = layers.iter().position(|(shared, _)| Rc::ptr_eq(&shared.0, &symbol.call.layer.0));
        let call = self.calls_of(&symbol.call.layer).position(|call| Rc::ptr_eq(call, &symbol.call));
        match (member, call) {
            (Some(member), Some(call)) => Ok(Reference { member, call, tensor: symbol.tensor }),
            _ => Err(Error::usage("a symbol does not lead from the inputs to the outputs")),
        }
    }

    fn calls_of<'a>(&'a self, layer: &'a Shared) -> impl Iterator<Item = &'a Rc<Call>> {
        self.calls.iter().filter(|call| Rc::ptr_eq(&call.layer.0, &layer.0))
    }
}

/// `[layer, call, result]`.
fn history(name: &str, call: usize, tensor: usize) -> Tree {
    Tree::List(vec![Tree::from(name), Tree::from(call), Tree::from(tensor)])
}

/// An argument as a tree, with its tensors spelled by a function.
fn spelled(argument: &Argument<Reference>, tensor: &impl Fn(&Reference) -> Result<Tree>) -> Result<Tree> {
    Ok(match argument {
        Argument::Tensor(leaf) => tensor(leaf)?,
        Argument::Plain(tree) => tree.clone(),
        Argument::List(items) => {
            Tree::List(items.iter().map(|item| spelled(item, tensor)).collect::<Result<_>>()?)
        }
        Argument::Object(entries) => Tree::Object(
            entries
                .iter()
                .map(|(key, value)| Ok((key.clone(), spelled(value, tensor)?)))
                .collect::<Result<_>>()?,
        ),
    })
}
