//! Frames (`Enter`, `Merge`, `LoopCond`, `Switch`, `NextIteration`, `Exit`) as `While` nodes, the innermost first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use kerata_core::{Error, Result, ResultExt};

use super::cut::{Border, Nodes, cut, inputs};
use super::{Maker, Reference, calls, plain};
use crate::containers::proto::tensorflow::{NodeDef, attr_value};

/// A value that a loop carries.
struct Carried {
    start: Reference,
    merge: String,
    switch: Option<String>,
    next: Reference,
}

/// One loop.
struct Frame {
    carried: Vec<Carried>,
    /// Nodes of values that stay as they are, and where they come from.
    fixed: Vec<(String, Reference)>,
    condition: Reference,
    /// What must have run before the loop.
    controls: Vec<Reference>,
    /// `Exit` nodes and the value they give.
    exits: Vec<(String, usize)>,
}

impl Maker<'_> {
    /// Puts a `While` in the place of each loop.
    pub(super) fn without_loops(&mut self, nodes: Vec<NodeDef>) -> Result<Vec<NodeDef>> {
        let mut nodes = Nodes::new(nodes);
        let mut frames: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for node in nodes.all.iter().filter(|node| plain(&node.op) == "Enter") {
            frames.entry(frame_name(node)?).or_default().push(node.name.clone());
        }
        let consumers = consumers(&nodes);
        let mut done: HashMap<String, bool> = HashMap::new();
        for name in frames.keys() {
            self.frame(name, &frames, &consumers, &mut nodes, &mut done, 0)?;
        }
        Ok(nodes.all)
    }

    /// Puts a `While` in the place of one loop, after those inside it.
    fn frame(
        &mut self,
        name: &str,
        frames: &BTreeMap<String, Vec<String>>,
        consumers: &HashMap<String, Vec<String>>,
        nodes: &mut Nodes,
        done: &mut HashMap<String, bool>,
        depth: usize,
    ) -> Result<()> {
        match done.insert(name.to_owned(), false) {
            Some(false) => return Err(Error::corrupt(format!("loop `{name}` lies inside itself"))),
            Some(true) => {
                done.insert(name.to_owned(), true);
                return Ok(());
            }
            None => {}
        }
        if depth > self.limits.max_depth {
            return Err(Error::limit(format!("loops more than {} deep", self.limits.max_depth)));
        }
        let place = || format!("loop `{name}`");
        let frame =
            Frame::find(frames.get(name).map_or(&[][..], Vec::as_slice), consumers, nodes).at(place)?;
        let roots = frame.carried.iter().map(|carried| &carried.next).chain([&frame.condition]);
        for inner in frame.inner(roots, frames, nodes)? {
            self.frame(&inner, frames, consumers, nodes, done, depth + 1)?;
        }
        self.replace(name, &frame, nodes).at(place)?;
        done.insert(name.to_owned(), true);
        Ok(())
    }

    fn replace(&mut self, name: &str, frame: &Frame, nodes: &mut Nodes) -> Result<()> {
        let count = frame.carried.len();
        let argument = |at: usize| format!("_loop_{at}");
        let arguments: Vec<String> = (0..count + frame.fixed.len()).map(argument).collect();
        let borders = frame.borders();
        let mut border = |from: &Reference| {
            Ok(match (borders.get(from.node.as_str()), nodes.get(&from.node).map(|node| plain(&node.op))) {
                (Some(_), _) | (None, Some("LoopCond")) if from.is_control => Border::Nothing,
                // What leaves the loop is not there inside it.
                (Some(_), Some("Switch")) if from.output == 0 => Border::Nothing,
                (Some(at), _) => Border::Argument(argument(*at)),
                (None, Some("Enter" | "NextIteration" | "LoopCond")) => {
                    return Err(Error::unsupported(format!("`{}` is used in another loop", from.node)));
                }
                _ => Border::Inside,
            })
        };
        let test = cut(nodes, std::slice::from_ref(&frame.condition), &mut border)?;
        let next: Vec<Reference> = frame.carried.iter().map(|carried| carried.next.clone()).collect();
        let step = cut(nodes, &next, &mut border)?;
        self.count(test.nodes.len() + step.nodes.len())?;
        let test_nodes = self.without_branches(test.nodes)?;
        let step_nodes = self.without_branches(step.nodes)?;
        let condition = self.function(arguments.clone(), test_nodes, &test.results);
        let mut results = step.results;
        results.extend((count..arguments.len()).map(|at| Reference::canonical(&argument(at))));
        let body = self.function(arguments, step_nodes, &results);
        let starts = frame.carried.iter().map(|carried| &carried.start);
        let starts = starts.chain(frame.fixed.iter().map(|(_, from)| from)).chain(&frame.controls);
        let node = NodeDef {
            name: format!("{name}/While"),
            op: "While".to_owned(),
            input: starts.map(Reference::text).collect(),
            attr: BTreeMap::from([("cond".to_owned(), calls(condition)), ("body".to_owned(), calls(body))]),
            ..NodeDef::default()
        };
        for (exit, value) in &frame.exits {
            let from = Reference { node: node.name.clone(), output: *value, is_control: false };
            nodes.replace(NodeDef {
                name: exit.clone(),
                op: "Identity".to_owned(),
                input: vec![from.text()],
                ..NodeDef::default()
            });
        }
        nodes.push(node);
        Ok(())
    }
}

impl Frame {
    fn find(enters: &[String], consumers: &HashMap<String, Vec<String>>, nodes: &Nodes) -> Result<Self> {
        let users = |name: &str, op: &'static str| {
            let users = consumers.get(name).map_or(&[][..], Vec::as_slice);
            let users = users.iter().filter_map(|user| nodes.get(user));
            users.filter(move |user| plain(&user.op) == op).map(|user| user.name.clone())
        };
        let (mut carried, mut fixed, mut exits, mut controls) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut condition: Option<Reference> = None;
        for enter in enters {
            let node = nodes.get(enter).ok_or_else(|| Error::internal("a node of the list"))?;
            let start = inputs(node).next().ok_or_else(|| Error::corrupt("`Enter` without an input"))?;
            controls.extend(
                node.input.iter().map(|from| Reference::canonical(from)).filter(|from| from.is_control),
            );
            let Some(merge) = users(enter, "Merge").next() else {
                fixed.push((enter.clone(), start));
                continue;
            };
            let merged = nodes.get(&merge).map(inputs).into_iter().flatten();
            let mut again = merged.filter(|from| from.node != *enter);
            let next = again.next().and_then(|from| nodes.get(&from.node));
            let next = next.filter(|next| plain(&next.op) == "NextIteration");
            let next = next.and_then(|next| inputs(next).next());
            let next = next.ok_or_else(|| Error::unsupported(format!("`{merge}` is no start of a loop")))?;
            let mut switches = users(&merge, "Switch");
            let switch = switches.next();
            if switches.next().is_some() {
                return Err(Error::unsupported(format!("`{merge}` leads to several switches")));
            }
            if let Some(switch) = &switch {
                let gate = nodes.get(switch).and_then(|node| inputs(node).nth(1));
                let gate = gate.and_then(|gate| nodes.get(&gate.node)).filter(|gate| gate.op == "LoopCond");
                let asked = gate.and_then(|gate| inputs(gate).next());
                let asked = asked
                    .ok_or_else(|| Error::unsupported(format!("`{switch}` asks no condition of a loop")))?;
                if condition.as_ref().is_some_and(|known| *known != asked) {
                    return Err(Error::unsupported("a loop of two conditions"));
                }
                condition = Some(asked);
                exits.extend(users(switch, "Exit").map(|exit| (exit, carried.len())));
            }
            carried.push(Carried { start, merge, switch, next });
        }
        let condition = condition.ok_or_else(|| Error::unsupported("a loop without a condition"))?;
        Ok(Self { carried, fixed, condition, controls, exits })
    }

    /// The loops whose results are needed inside this one.
    fn inner<'a>(
        &self,
        roots: impl Iterator<Item = &'a Reference>,
        frames: &BTreeMap<String, Vec<String>>,
        nodes: &Nodes,
    ) -> Result<BTreeSet<String>> {
        let borders = self.borders();
        let mut seen = HashSet::new();
        let mut open: Vec<String> = roots.map(|root| root.node.clone()).collect();
        let mut found = BTreeSet::new();
        while let Some(name) = open.pop() {
            let Some(node) = nodes.get(&name).filter(|_| !borders.contains_key(name.as_str())) else {
                continue;
            };
            if !seen.insert(name) {
                continue;
            }
            if plain(&node.op) != "Exit" {
                open.extend(node.input.iter().map(|from| Reference::canonical(from).node));
                continue;
            }
            let frame = frame_of(node, nodes)?;
            if found.insert(frame.clone()) {
                let enters = frames.get(&frame).into_iter().flatten().filter_map(|enter| nodes.get(enter));
                open.extend(enters.flat_map(|enter| inputs(enter).map(|from| from.node)));
            }
        }
        Ok(found)
    }

    /// The nodes through which values come into the loop, with the number of the value.
    fn borders(&self) -> HashMap<&str, usize> {
        let carried = self.carried.iter().enumerate();
        let carried = carried.flat_map(|(at, carried)| {
            std::iter::once(&carried.merge).chain(&carried.switch).map(move |node| (node.as_str(), at))
        });
        let count = self.carried.len();
        let fixed = self.fixed.iter().enumerate().map(|(at, (node, _))| (node.as_str(), count + at));
        carried.chain(fixed).collect()
    }
}

/// The loop that an `Exit` leaves.
fn frame_of(exit: &NodeDef, nodes: &Nodes) -> Result<String> {
    let mut node = exit;
    for expected in ["Switch", "Merge"] {
        let from = inputs(node).next().and_then(|from| nodes.get(&from.node));
        node = from
            .filter(|from| plain(&from.op) == expected)
            .ok_or_else(|| Error::unsupported(format!("`{}` leaves no loop", exit.name)))?;
    }
    let mut enters = inputs(node).filter_map(|from| nodes.get(&from.node));
    let enter = enters.find(|from| plain(&from.op) == "Enter");
    frame_name(enter.ok_or_else(|| Error::unsupported(format!("`{}` leaves no loop", exit.name)))?)
}

fn frame_name(enter: &NodeDef) -> Result<String> {
    match enter.attr.get("frame_name").and_then(|attr| attr.value.as_ref()) {
        Some(attr_value::Value::S(name)) => Ok(String::from_utf8_lossy(name).into_owned()),
        _ => Err(Error::corrupt(format!("`{}` names no loop", enter.name))),
    }
}

/// The nodes that take an output of each node.
fn consumers(nodes: &Nodes) -> HashMap<String, Vec<String>> {
    let mut consumers: HashMap<String, Vec<String>> = HashMap::new();
    for node in &nodes.all {
        for from in inputs(node) {
            consumers.entry(from.node).or_default().push(node.name.clone());
        }
    }
    consumers
}
