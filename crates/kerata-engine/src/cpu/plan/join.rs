//! Groups of updates joined: what an optimizer keeps of a variable and the variable's new value are one loop with several results.

use kerata_core::graph::{Graph, NodeKind};

use super::fuse::{Groups, row_reduction};

/// Results of one group: each is written at the same time.
const MOST_RESULTS: usize = 6;

impl Groups {
    /// Takes groups into the group of an update that reads them, as long as all are elementwise functions of one shape.
    pub(super) fn join_updates(&mut self, graph: &Graph, consumers: &[Vec<usize>], is_result: &[bool]) {
        let mut updated: Vec<(usize, &str)> =
            graph.updates.iter().map(|(path, value)| (value.node, path.as_str())).collect();
        updated.sort_unstable();
        for &(root, path) in &updated {
            self.release_producer(graph, root, path);
        }
        // The last update first: it reads the others.
        for (root, _) in updated.into_iter().rev() {
            let Some(home) = self.of[root].filter(|&group| self.all[group].root == root) else { continue };
            if !self.is_plain(graph, home) {
                continue;
            }
            while let Some(other) = self.joinable(graph, consumers, is_result, home) {
                self.join(home, other, consumers, is_result);
            }
        }
    }

    /// Parts an update of a variable by its gradient from the product that the gradient is: it is written over the variable, and
    /// the product is faster alone.
    fn release_producer(&mut self, graph: &Graph, root: usize, path: &str) {
        let Some(home) = self.of[root].filter(|&group| self.all[group].root == root) else { return };
        let is_variable = |node: usize| matches!(&graph.nodes[node].kind, NodeKind::Variable { path: known, .. } if known == path);
        let mut read = self.all[home].members.iter().flat_map(|&member| &graph.nodes[member].inputs);
        if read.any(|value| is_variable(value.node))
            && let Some(producer) = self.all[home].producer.take()
        {
            self.of[producer] = None;
        }
    }

    /// A group whose result a group reads and that may become part of it.
    fn joinable(
        &self,
        graph: &Graph,
        consumers: &[Vec<usize>],
        is_result: &[bool],
        home: usize,
    ) -> Option<usize> {
        let root = self.all[home].root;
        let read = self.all[home].members.iter().flat_map(|&member| &graph.nodes[member].inputs);
        read.map(|value| value.node).find_map(|node| {
            let other = self.of[node].filter(|&other| other != home && self.all[other].root == node)?;
            let is_one_shape = graph.nodes[node].outputs[0].shape == graph.nodes[root].outputs[0].shape
                && graph.nodes[node].outputs[0].shape.elements().is_some();
            // What others read of it must be there for them: the results of a step are made where its root stands.
            let group = &self.all[other];
            let leaves = |node: usize| {
                is_result[node] || consumers[node].iter().any(|&reader| self.of[reader] != Some(home))
            };
            let is_in_time = group.more.iter().chain([&node]).all(|&result| {
                consumers[result].iter().all(|&reader| {
                    self.of[reader] == Some(home) || self.of[reader] == Some(other) || reader > root
                })
            });
            let results = 1 + self.all[home].more.len() + group.more.len() + usize::from(leaves(node));
            (is_one_shape && is_in_time && results <= MOST_RESULTS && self.is_plain(graph, other))
                .then_some(other)
        })
    }

    fn join(&mut self, home: usize, other: usize, consumers: &[Vec<usize>], is_result: &[bool]) {
        let taken = std::mem::take(&mut self.all[other].members);
        let mut more = std::mem::take(&mut self.all[other].more);
        taken.iter().for_each(|&member| self.of[member] = Some(home));
        more.push(self.all[other].root);
        let of = &self.of;
        let group = &mut self.all[home];
        group.more.append(&mut more);
        group.more.retain(|&node| {
            is_result[node] || consumers[node].iter().any(|&reader| of[reader] != Some(home))
        });
        group.members.extend(taken);
        group.members.sort_unstable();
    }

    /// Whether a group is elementwise functions alone, of values of its own shape.
    fn is_plain(&self, graph: &Graph, group: usize) -> bool {
        let group = &self.all[group];
        let shape = &graph.nodes[group.root].outputs[0].shape;
        group.producer.is_none()
            && group.members.iter().all(|&member| {
                let node = &graph.nodes[member];
                matches!(&node.kind, NodeKind::Op(op) if row_reduction(op.as_ref(), graph, node).is_none())
                    && node.outputs[0].shape == *shape
            })
    }
}
