//! Reads the bodies of functions: nodes in the order of their needs, calls inlined.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use kerata_core::graph::GraphBuilder;
use kerata_core::{Error, Limits, Result, ResultExt};

use super::call::Call;
use super::outputs::output_position;
use super::table::lower;
use super::value::{Table, Value};
use crate::containers::proto::tensorflow::{FunctionDef, NodeDef};

/// Most nodes that inlining may make.
const MAX_NODES: usize = 5_000_000;

/// What functions are read with.
pub struct Reader<'a> {
    /// The main graph.
    pub main: &'a [NodeDef],
    pub functions: HashMap<&'a str, &'a FunctionDef>,
    pub limits: &'a Limits,
    /// Specs and trainability of the variables, by path.
    pub variables: &'a dyn Fn(&str) -> Result<(kerata_core::graph::TensorSpec, bool)>,
    /// The bytes of an asset.
    pub assets: &'a dyn Fn(&str) -> Result<Vec<u8>>,
    /// Tables by the number of their object.
    pub tables: RefCell<HashMap<usize, Table>>,
    /// Nodes read so far.
    pub count: Cell<usize>,
}

impl<'a> Reader<'a> {
    /// A function of the library.
    pub fn function(&self, name: &str) -> Result<&'a FunctionDef> {
        self.functions
            .get(name)
            .copied()
            .ok_or_else(|| Error::corrupt(format!("function `{name}` is not stored")))
    }

    /// The results of a function for these arguments, its nodes added to the builder.
    pub fn call(
        &self,
        name: &str,
        arguments: Vec<Value>,
        builder: &GraphBuilder,
        depth: usize,
    ) -> Result<Vec<Value>> {
        if depth > self.limits.max_depth {
            return Err(Error::limit(format!(
                "functions call each other more than {} deep",
                self.limits.max_depth
            )));
        }
        let function = self.function(name)?;
        let signature =
            function.signature.as_ref().ok_or_else(|| Error::corrupt("a function without a signature"))?;
        if signature.input_arg.len() != arguments.len() {
            return Err(Error::corrupt(format!(
                "function `{name}` takes {} arguments, found {}",
                signature.input_arg.len(),
                arguments.len()
            )));
        }
        let mut known: HashMap<&str, Vec<Value>> = HashMap::new();
        for (argument, value) in signature.input_arg.iter().zip(arguments) {
            known.insert(&argument.name, vec![value]);
        }
        let results = signature.output_arg.iter().map(|result| {
            let from = function.ret.get(&result.name);
            from.ok_or_else(|| {
                Error::corrupt(format!("result `{}` of `{name}` comes from nowhere", result.name))
            })
        });
        let results = results.collect::<Result<Vec<_>>>()?;
        let roots =
            results.iter().map(|from| node_of(from)).chain(function.control_ret.values().map(String::as_str));
        self.read(&function.node_def, roots, &mut known, builder, depth)
            .at(|| format!("function `{name}`"))?;
        let by_name = function.node_def.iter().map(|node| (node.name.as_str(), node)).collect();
        results.iter().map(|from| pick(&known, from, &by_name)).collect()
    }

    /// Reads the nodes that the roots need, into `known` by node name.
    pub fn read<'g>(
        &self,
        nodes: &'g [NodeDef],
        roots: impl Iterator<Item = &'g str>,
        known: &mut HashMap<&'g str, Vec<Value>>,
        builder: &GraphBuilder,
        depth: usize,
    ) -> Result<()> {
        let by_name: BTreeMap<&str, &NodeDef> = nodes.iter().map(|node| (node.name.as_str(), node)).collect();
        for node in in_order(&by_name, roots, known)? {
            self.count.set(self.count.get() + 1);
            if self.count.get() > MAX_NODES {
                return Err(Error::limit(format!("more than {MAX_NODES} nodes")));
            }
            let inputs = node.input.iter().filter(|from| !from.starts_with('^'));
            let inputs = inputs.map(|from| pick(known, from, &by_name)).collect::<Result<_>>();
            let place = || format!("node `{}` ({})", node.name, node.op);
            let call =
                Call { node, inputs: inputs.at(place)?, builder: builder.clone(), reader: self, depth };
            let outputs = lower(&call).at(place)?;
            known.insert(&node.name, outputs);
        }
        Ok(())
    }
}

/// The nodes that the roots need, each after those that it needs, control inputs included.
fn in_order<'g>(
    by_name: &BTreeMap<&'g str, &'g NodeDef>,
    roots: impl Iterator<Item = &'g str>,
    known: &HashMap<&'g str, Vec<Value>>,
) -> Result<Vec<&'g NodeDef>> {
    #[derive(PartialEq)]
    enum State {
        Open,
        Done,
    }
    let mut states: HashMap<&str, State> = HashMap::new();
    let mut order = Vec::new();
    for root in roots {
        let mut stack = vec![(root, false)];
        while let Some((name, is_left)) = stack.pop() {
            if known.contains_key(name) || states.get(name) == Some(&State::Done) {
                continue;
            }
            let node =
                by_name.get(name).ok_or_else(|| Error::corrupt(format!("node `{name}` is not stored")))?;
            if is_left {
                states.insert(&node.name, State::Done);
                order.push(*node);
                continue;
            }
            if states.insert(&node.name, State::Open).is_some() {
                return Err(Error::corrupt(format!("node `{name}` needs itself")));
            }
            stack.push((&node.name, true));
            for input in &node.input {
                let needed = node_of(input.trim_start_matches('^'));
                if states.get(needed) == Some(&State::Open) {
                    return Err(Error::corrupt(format!("node `{needed}` needs itself")));
                }
                stack.push((needed, false));
            }
        }
    }
    Ok(order)
}

/// The node of an input `node`, `node:1`, `node:output:0`.
pub(crate) fn node_of(input: &str) -> &str {
    input.split(':').next().unwrap_or(input)
}

/// The value of an input.
pub(super) fn pick(
    known: &HashMap<&str, Vec<Value>>,
    input: &str,
    by_name: &BTreeMap<&str, &NodeDef>,
) -> Result<Value> {
    let mut parts = input.split(':');
    let name = parts.next().unwrap_or_default();
    let missing = || Error::corrupt(format!("`{input}` is not made before its use"));
    let values = known.get(name).ok_or_else(missing)?;
    let number = |text: Option<&str>| match text {
        Some(text) => text.parse::<usize>().map_err(|_| Error::corrupt(format!("`{input}` is no output"))),
        None => Ok(0),
    };
    let position = match parts.next() {
        None => 0,
        // In the main graph only a number follows, in functions the name of the output.
        Some(part) if part.bytes().all(|byte| byte.is_ascii_digit()) => number(Some(part))?,
        Some(part) => {
            let op = by_name.get(name).map_or("", |node| node.op.as_str());
            output_position(op, part) + number(parts.next())?
        }
    };
    values.get(position).cloned().ok_or_else(missing)
}
