//! What goes into a frozen graph and what comes out of it, which the file does not say.

use std::collections::{HashMap, HashSet};

use crate::containers::proto::tensorflow::{NodeDef, SignatureDef};
use crate::tensorflow::import::{is_placeholder, node_of, placeholder, result};

/// Ops that give nothing that anybody asks a model for.
const NO_RESULTS: &[&str] = &[
    "Assert",
    "AssignVariableOp",
    "Const",
    "Enter",
    "Exit",
    "LoopCond",
    "Merge",
    "NextIteration",
    "NoOp",
    "Placeholder",
    "PlaceholderV2",
    "PlaceholderWithDefault",
    "Switch",
    "VarHandleOp",
];

/// The placeholders that something takes, and the nodes that depend on one of them and that nothing takes.
///
/// `convert_variables_to_constants_v2` calls results `Identity`, `Identity_1`, ...; beside them what else is left
/// over is none.
pub(super) fn signature(nodes: &[NodeDef]) -> SignatureDef {
    let data = |node: &'_ NodeDef| -> Vec<String> {
        node.input.iter().filter(|from| !from.starts_with('^')).map(|from| node_of(from).to_owned()).collect()
    };
    let mut users: HashMap<String, Vec<&str>> = HashMap::new();
    for node in nodes {
        for from in data(node) {
            users.entry(from).or_default().push(&node.name);
        }
    }
    let is_taken = |node: &&NodeDef| users.contains_key(&node.name);
    let inputs: Vec<&NodeDef> = nodes.iter().filter(|node| is_placeholder(node)).filter(is_taken).collect();
    let mut depends: HashSet<&str> = HashSet::new();
    let mut open: Vec<&str> = inputs.iter().map(|node| node.name.as_str()).collect();
    while let Some(name) = open.pop() {
        if depends.insert(name) {
            open.extend(users.get(name).into_iter().flatten());
        }
    }
    let ends = nodes.iter().filter(|node| {
        !is_taken(node) && depends.contains(node.name.as_str()) && !NO_RESULTS.contains(&node.op.as_str())
    });
    let ends: Vec<&NodeDef> = ends.collect();
    let named: Vec<&NodeDef> = ends.iter().copied().filter(|node| is_function_result(node)).collect();
    let outputs = if named.is_empty() { ends } else { named };
    SignatureDef {
        inputs: inputs.into_iter().map(|node| (node.name.clone(), placeholder(node))).collect(),
        outputs: outputs.into_iter().map(|node| (node.name.clone(), result(&node.name))).collect(),
        ..SignatureDef::default()
    }
}

fn is_function_result(node: &NodeDef) -> bool {
    let rest = node.name.strip_prefix("Identity").map(|rest| rest.strip_prefix('_').unwrap_or(rest));
    node.op == "Identity" && rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}
