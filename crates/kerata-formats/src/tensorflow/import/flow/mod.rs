//! Control flow of TensorFlow 1 as calls of functions: `Enter` ... `Exit` becomes `While`, `Switch` ... `Merge` an `If`.
//!
//! `docs/formats/saved-model.md`, section "Control flow of TensorFlow 1".

mod branches;
mod cut;
mod loops;

use std::collections::HashMap;

use kerata_core::{Error, Limits, Result, ResultExt};

use super::outputs::output_position;
use crate::containers::proto::tensorflow::op_def::ArgDef;
use crate::containers::proto::tensorflow::{
    AttrValue, FunctionDef, NameAttrList, NodeDef, OpDef, attr_value,
};

/// Most nodes that are copied into functions.
const MAX_COPIES: usize = 1_000_000;

/// Nodes without the control flow of TensorFlow 1, and the functions that they call in its place.
#[derive(Clone, Debug, Default)]
pub struct Functional {
    pub nodes: Vec<NodeDef>,
    pub functions: Vec<FunctionDef>,
}

/// Whether nodes have control flow of TensorFlow 1.
pub fn is_needed(nodes: &[NodeDef]) -> bool {
    nodes.iter().any(|node| matches!(plain(&node.op), "Enter" | "Merge" | "Switch" | "_SwitchN"))
}

/// Reads the control flow of nodes; `name` is a prefix for the functions that are made.
pub fn functional(name: &str, nodes: &[NodeDef], limits: &Limits) -> Result<Functional> {
    let mut maker = Maker { prefix: name, limits, functions: Vec::new(), copies: 0 };
    let nodes = maker.without_loops(canonical(nodes)).at(|| "loops of TensorFlow 1")?;
    let nodes = maker.without_branches(nodes).at(|| "branches of TensorFlow 1")?;
    Ok(Functional { nodes, functions: maker.functions })
}

/// A function whose nodes have control flow of TensorFlow 1, without it.
pub fn functional_function(
    function: &FunctionDef,
    limits: &Limits,
) -> Result<(FunctionDef, Vec<FunctionDef>)> {
    let name = function.signature.as_ref().map_or("", |signature| signature.name.as_str());
    let made = functional(name, &function.node_def, limits)?;
    let ops: HashMap<&str, &str> =
        function.node_def.iter().map(|node| (node.name.as_str(), node.op.as_str())).collect();
    let op = |name: &str| ops.get(name).copied().unwrap_or_default();
    let ret = function.ret.iter().map(|(to, from)| (to.clone(), Reference::parse(from, &op).text()));
    Ok((FunctionDef { node_def: made.nodes, ret: ret.collect(), ..function.clone() }, made.functions))
}

/// An op without the prefix that says that it takes references.
fn plain(op: &str) -> &str {
    match op {
        "RefEnter" => "Enter",
        "RefExit" => "Exit",
        "RefMerge" => "Merge",
        "RefNextIteration" => "NextIteration",
        "RefSwitch" => "Switch",
        other => other,
    }
}

/// An input of a node: an output of another one, or only that it has run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Reference {
    node: String,
    output: usize,
    is_control: bool,
}

impl Reference {
    /// Reads `node`, `node:1`, `node:name:1` or `^node`; `op` says the op of a node.
    fn parse<'a>(text: &str, op: &dyn Fn(&str) -> &'a str) -> Self {
        let (text, is_control) = text.strip_prefix('^').map_or((text, false), |text| (text, true));
        let mut parts = text.split(':');
        let node = parts.next().unwrap_or_default().to_owned();
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
        let output = match parts.next() {
            Some(part) if !part.bytes().all(|byte| byte.is_ascii_digit()) => {
                output_position(op(&node), part).saturating_add(number(parts.next()))
            }
            part => number(part),
        };
        Self { node, output, is_control }
    }

    /// An output of a node whose inputs are canonical already.
    fn canonical(text: &str) -> Self {
        Self::parse(text, &|_| "")
    }

    fn text(&self) -> String {
        match (self.is_control, self.output) {
            (true, _) => format!("^{}", self.node),
            (false, 0) => self.node.clone(),
            (false, output) => format!("{}:{output}", self.node),
        }
    }
}

/// Nodes whose inputs are all `node`, `node:1` or `^node`.
fn canonical(nodes: &[NodeDef]) -> Vec<NodeDef> {
    let ops: HashMap<&str, &str> = nodes.iter().map(|node| (node.name.as_str(), node.op.as_str())).collect();
    let op = |name: &str| ops.get(name).copied().unwrap_or_default();
    let node = |node: &NodeDef| {
        let input = node.input.iter().map(|from| Reference::parse(from, &op).text()).collect();
        NodeDef { input, ..node.clone() }
    };
    nodes.iter().map(node).collect()
}

/// What functions are made with.
struct Maker<'a> {
    prefix: &'a str,
    limits: &'a Limits,
    functions: Vec<FunctionDef>,
    /// Nodes copied so far.
    copies: usize,
}

impl Maker<'_> {
    /// Adds a function of these arguments, whose results come from there; gives its name.
    fn function(&mut self, arguments: Vec<String>, nodes: Vec<NodeDef>, results: &[Reference]) -> String {
        let name = format!("{}/flow_{}", self.prefix, self.functions.len());
        let arg = |name: String| ArgDef { name, ..ArgDef::default() };
        let outputs = (0..results.len()).map(|at| format!("result_{at}"));
        let signature = OpDef {
            name: name.clone(),
            input_arg: arguments.into_iter().map(arg).collect(),
            output_arg: outputs.clone().map(arg).collect(),
            ..OpDef::default()
        };
        self.functions.push(FunctionDef {
            signature: Some(signature),
            node_def: nodes,
            ret: outputs.zip(results.iter().map(Reference::text)).collect(),
            ..FunctionDef::default()
        });
        name
    }

    fn count(&mut self, copies: usize) -> Result<()> {
        self.copies = self.copies.saturating_add(copies);
        if self.copies > MAX_COPIES {
            return Err(Error::limit(format!("more than {MAX_COPIES} nodes in loops and branches")));
        }
        Ok(())
    }
}

/// The attribute that names a function.
fn calls(name: String) -> AttrValue {
    let function = NameAttrList { name, ..NameAttrList::default() };
    AttrValue { value: Some(attr_value::Value::Func(function)) }
}
