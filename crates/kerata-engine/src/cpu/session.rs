//! A session of the CPU engine: a plan, the values of its variables, its workers and buffers.

use std::collections::{HashMap, HashSet};

use kerata_core::graph::{Graph, NodeKind};
use kerata_core::{Array, Error, Result};

use super::context::{Context, Pool};
use super::kernels::isa::Isa;
use super::plan::Plan;
use super::rewrite;
use super::workers::Workers;
use crate::reference::checked;
use crate::{Session, SessionOptions, Updates};

/// A prepared graph.
pub(super) struct CpuSession {
    graph: Graph,
    values: HashMap<String, Array>,
    /// Variables that the plan reads at run time, in its order; the others are constants of the plan.
    live: Vec<String>,
    plan: Plan,
    isa: Isa,
    workers: Workers,
    pool: Pool,
}

impl CpuSession {
    pub fn new(
        graph: &Graph,
        variables: &dyn Fn(&str) -> Result<Array>,
        options: &SessionOptions,
        isa: Isa,
    ) -> Result<CpuSession> {
        let mut values = HashMap::new();
        for (path, spec, _) in graph.variables() {
            values.insert(path.to_owned(), checked(path, spec, variables(path)?)?);
        }
        let (plan, live) = plan(graph, &values, isa)?;
        let workers = Workers::new(options.threads)?;
        Ok(CpuSession { graph: graph.clone(), values, live, plan, isa, workers, pool: Pool::default() })
    }

    /// The names of the kernels, in order.
    pub fn explain(&self) -> Vec<String> {
        self.plan.kernels().into_iter().map(str::to_owned).collect()
    }
}

/// The plan of a graph with its variables as constants, but for those that its updates change.
fn plan(graph: &Graph, values: &HashMap<String, Array>, isa: Isa) -> Result<(Plan, Vec<String>)> {
    let updated: HashSet<&str> = graph.updates.iter().map(|(path, _)| path.as_str()).collect();
    let mut graph = graph.clone();
    for node in &mut graph.nodes {
        if let NodeKind::Variable { path, .. } = &node.kind
            && !updated.contains(path.as_str())
            && let Some(value) = values.get(path)
        {
            node.kind = NodeKind::Constant(value.clone());
        }
    }
    let graph = rewrite::simplify(&graph)?;
    let live = graph.variables().map(|(path, ..)| path.to_owned()).collect();
    Ok((Plan::new(&graph, isa)?, live))
}

impl Session for CpuSession {
    fn run_with_updates(&self, inputs: &[Array]) -> Result<(Vec<Array>, Updates)> {
        self.graph.check_inputs(inputs)?;
        let mut all: Vec<&Array> = inputs.iter().collect();
        for path in &self.live {
            all.push(self.values.get(path).ok_or_else(|| Error::not_found(format!("variable `{path}`")))?);
        }
        self.pool.next_run();
        let mut results = self.workers.enter(|| {
            let cx = Context { isa: self.isa, workers: &self.workers, pool: &self.pool };
            self.plan.run(&cx, &all)
        })?;
        let updates = results.split_off(self.graph.outputs.len());
        let paths = self.graph.updates.iter().map(|(path, _)| path.clone());
        Ok((results, paths.zip(updates).collect()))
    }

    fn set_variables(&mut self, values: Updates) -> Result<()> {
        let specs: HashMap<String, _> =
            self.graph.variables().map(|(path, spec, _)| (path.to_owned(), spec.clone())).collect();
        let mut is_plan_old = false;
        for (path, value) in values {
            let Some(spec) = specs.get(&path) else { continue };
            let value = checked(&path, spec, value)?;
            is_plan_old |= !self.live.contains(&path);
            if let Some(old) = self.values.insert(path, value) {
                self.pool.recycle(old);
            }
        }
        if is_plan_old {
            (self.plan, self.live) = plan(&self.graph, &self.values, self.isa)?;
        }
        Ok(())
    }

    fn variable(&self, path: &str) -> Result<Array> {
        self.values.get(path).cloned().ok_or_else(|| Error::not_found(format!("variable `{path}`")))
    }
}
