//! `Switch` ... `Merge` as `If` nodes, `_SwitchN` ... `Merge` as `Case` nodes, the innermost first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use kerata_core::{Error, Result, ResultExt};

use super::cut::{Border, Nodes, cut, inputs};
use super::{Maker, Reference, calls, plain};
use crate::containers::proto::tensorflow::attr_value::{self, ListValue};
use crate::containers::proto::tensorflow::{
    AttrValue, DataType, NameAttrList, NodeDef, TensorProto, TensorShapeProto,
};

/// The branches that must be taken for a node to run: by predicate, the number of the branch.
type State = Rc<BTreeMap<Reference, usize>>;

impl Maker<'_> {
    /// Puts an `If` or a `Case` in the place of each `Merge`.
    pub(super) fn without_branches(&mut self, nodes: Vec<NodeDef>) -> Result<Vec<NodeDef>> {
        let depth = self.limits.max_depth;
        let is_merge = |node: &NodeDef| plain(&node.op) == "Merge";
        if !nodes.iter().any(is_merge) {
            return Ok(nodes);
        }
        let mut nodes = Nodes::new(nodes);
        let mut states: HashMap<String, State> = HashMap::new();
        for name in in_order(&nodes)? {
            let Some(node) = nodes.get(&name).cloned() else { continue };
            let state = if is_merge(&node) && !starts_loop(&node, &nodes) {
                let place = || format!("node `{name}` (Merge)");
                self.merge(&node, &mut nodes, &states).at(place)?
            } else {
                let mut state: Option<State> = None;
                for from in node.input.iter().map(|from| Reference::canonical(from)) {
                    let before = state_of(&from, &nodes, &states);
                    state = Some(match state {
                        None => before,
                        Some(known) if before.iter().all(|(key, branch)| known.get(key) == Some(branch)) => {
                            known
                        }
                        Some(known) => {
                            Rc::new(known.iter().chain(before.iter()).map(|(k, b)| (k.clone(), *b)).collect())
                        }
                    });
                }
                state.unwrap_or_default()
            };
            if state.len() > depth {
                return Err(Error::limit(format!("branches more than {depth} deep")));
            }
            states.insert(name, state);
        }
        Ok(nodes.all)
    }

    /// Replaces one `Merge`; gives the branches that it lies in itself.
    fn merge(&mut self, node: &NodeDef, nodes: &mut Nodes, states: &HashMap<String, State>) -> Result<State> {
        let arms: Vec<(Reference, State)> =
            inputs(node).map(|from| (from.clone(), state_of(&from, nodes, states))).collect();
        let (predicate, outside) = decided(&arms)?;
        let mut captures: Vec<Reference> = Vec::new();
        let mut places: HashMap<Reference, usize> = HashMap::new();
        let mut controls: BTreeSet<Reference> =
            node.input.iter().map(|from| Reference::canonical(from)).filter(|from| from.is_control).collect();
        let mut is_choice = arms.len() > 2;
        let mut branches: BTreeMap<usize, (Vec<NodeDef>, Vec<Reference>)> = BTreeMap::new();
        for (position, (from, state)) in arms.iter().enumerate() {
            let branch = state.get(&predicate).copied().unwrap_or(0);
            let part = cut(nodes, std::slice::from_ref(from), &mut |from| {
                let mut source = from.clone();
                while let Some(switch) = nodes.get(&source.node).filter(|node| is_switch(node))
                    && predicate_of(switch, nodes).as_ref() == Some(&predicate)
                {
                    is_choice |= switch.op == "_SwitchN";
                    let data = inputs(switch).next();
                    source = data.ok_or_else(|| Error::corrupt("`Switch` without an input"))?;
                }
                let is_inside = state_of(&source, nodes, states).contains_key(&predicate);
                match (is_inside, source == *from) {
                    (true, true) => return Ok(Border::Inside),
                    (true, false) => return Err(Error::unsupported("a condition in a branch of itself")),
                    (false, is_outside) if from.is_control => {
                        controls.extend(is_outside.then_some(source));
                        return Ok(Border::Nothing);
                    }
                    _ => {}
                }
                let at = *places.entry(source.clone()).or_insert_with(|| {
                    captures.push(source);
                    captures.len() - 1
                });
                Ok(Border::Argument(format!("_branch_{at}")))
            })?;
            self.count(part.nodes.len() + 1)?;
            let number = constant(&format!("_number_{position}"), position)?;
            let mut results = part.results;
            results.push(Reference::canonical(&number.name));
            let mut inner = part.nodes;
            inner.push(number);
            branches.insert(branch, (inner, results));
        }
        let arguments: Vec<String> = (0..captures.len()).map(|at| format!("_branch_{at}")).collect();
        let mut functions = Vec::new();
        for (at, (branch, (inner, results))) in branches.into_iter().enumerate() {
            if at != branch {
                return Err(Error::unsupported(format!("nothing comes from branch {at}")));
            }
            functions.push(self.function(arguments.clone(), inner, &results));
        }
        let attr = match (is_choice, functions.as_slice()) {
            (false, [on_false, on_true]) => BTreeMap::from([
                ("then_branch".to_owned(), calls(on_true.clone())),
                ("else_branch".to_owned(), calls(on_false.clone())),
            ]),
            (true, _) => {
                let func = functions.into_iter().map(|name| NameAttrList { name, ..NameAttrList::default() });
                let list = ListValue { func: func.collect(), ..ListValue::default() };
                BTreeMap::from([(
                    "branches".to_owned(),
                    AttrValue { value: Some(attr_value::Value::List(list)) },
                )])
            }
            _ => return Err(Error::unsupported(format!("{} branches of one condition", functions.len()))),
        };
        nodes.replace(NodeDef {
            name: node.name.clone(),
            op: if is_choice { "Case" } else { "If" }.to_owned(),
            input: std::iter::once(&predicate)
                .chain(&captures)
                .chain(&controls)
                .map(Reference::text)
                .collect(),
            attr,
            ..NodeDef::default()
        });
        Ok(outside)
    }
}

/// The predicate that decides between the inputs of a `Merge`, and the branches that all of them lie in.
fn decided(arms: &[(Reference, State)]) -> Result<(Reference, State)> {
    let [(_, first), rest @ ..] = arms else { return Err(Error::corrupt("`Merge` without inputs")) };
    let mut predicates = first.iter().filter(|(key, branch)| {
        !rest.is_empty() && rest.iter().all(|(_, state)| state.get(key).is_some_and(|other| other != *branch))
    });
    let (Some((predicate, _)), None) = (predicates.next(), predicates.next()) else {
        return Err(Error::unsupported("its inputs do not come from the branches of one condition"));
    };
    let mut outside = (**first).clone();
    outside.remove(predicate);
    for (_, state) in rest {
        let mut other = (**state).clone();
        other.remove(predicate);
        if other != outside {
            return Err(Error::unsupported("its inputs lie in branches of other conditions as well"));
        }
    }
    Ok((predicate.clone(), Rc::new(outside)))
}

/// The branches that must be taken for an output to be there.
fn state_of(from: &Reference, nodes: &Nodes, states: &HashMap<String, State>) -> State {
    let state = states.get(&from.node).cloned().unwrap_or_default();
    let switch = nodes.get(&from.node).filter(|node| is_switch(node) && !from.is_control);
    match switch.and_then(|switch| predicate_of(switch, nodes)) {
        Some(predicate) => {
            let mut inside = (*state).clone();
            inside.insert(predicate, from.output);
            Rc::new(inside)
        }
        None => state,
    }
}

/// The predicate of a `Switch`, behind nodes that change nothing.
fn predicate_of(switch: &NodeDef, nodes: &Nodes) -> Option<Reference> {
    let mut predicate = inputs(switch).nth(1)?;
    for _ in 0..64 {
        match nodes.get(&predicate.node).filter(|node| node.op == "Identity") {
            Some(node) => predicate = inputs(node).next()?,
            None => break,
        }
    }
    Some(predicate)
}

/// Whether a node passes its input on to one of several outputs.
fn is_switch(node: &NodeDef) -> bool {
    matches!(plain(&node.op), "Switch" | "_SwitchN")
}

/// Whether a `Merge` is the start of a loop that nothing needs.
fn starts_loop(merge: &NodeDef, nodes: &Nodes) -> bool {
    inputs(merge).filter_map(|from| nodes.get(&from.node)).any(|from| plain(&from.op) == "NextIteration")
}

/// A node that holds one whole number.
fn constant(name: &str, value: usize) -> Result<NodeDef> {
    let value = i32::try_from(value).map_err(|_| Error::limit("more than 2^31 branches"))?;
    let tensor = TensorProto {
        dtype: DataType::DtInt32 as i32,
        tensor_shape: Some(TensorShapeProto::default()),
        int_val: vec![value],
        ..TensorProto::default()
    };
    let value = AttrValue { value: Some(attr_value::Value::Tensor(tensor)) };
    Ok(NodeDef {
        name: name.to_owned(),
        op: "Const".to_owned(),
        attr: BTreeMap::from([("value".to_owned(), value)]),
        ..NodeDef::default()
    })
}

/// Names of all nodes, each after those it needs; edges back to the start of a loop are left out.
fn in_order(nodes: &Nodes) -> Result<Vec<String>> {
    let mut states = vec![0_u8; nodes.all.len()];
    let mut order = Vec::with_capacity(nodes.all.len());
    for root in 0..nodes.all.len() {
        let mut stack = vec![(root, false)];
        while let Some((at, is_left)) = stack.pop() {
            let (Some(node), Some(state)) = (nodes.all.get(at), states.get_mut(at)) else { continue };
            match (*state, is_left) {
                (1, true) => {
                    *state = 2;
                    order.push(node.name.clone());
                }
                (0, _) => {
                    *state = 1;
                    stack.push((at, true));
                    if plain(&node.op) == "NextIteration" {
                        continue;
                    }
                    for from in &node.input {
                        let Some(needed) = nodes.place(&Reference::canonical(from).node) else { continue };
                        match states.get(needed) {
                            Some(0) => stack.push((needed, false)),
                            Some(1) => {
                                return Err(Error::unsupported(format!("node `{}` needs itself", node.name)));
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }
    Ok(order)
}
