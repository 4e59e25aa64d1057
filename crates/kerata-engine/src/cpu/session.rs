//! A session of the CPU engine: a plan, the values of its variables, its workers and buffers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use kerata_core::graph::{Graph, Node, NodeKind, ValueId};
use kerata_core::{Array, Error, Result, TensorSpec};

use super::StepTime;
use super::batch;
use super::context::{Context, Pool};
use super::kernels::isa::Isa;
use super::merge;
use super::plan::{Plan, Read, Weights};
use super::recompute::recompute;
use super::reshapes;
use super::rewrite;
use super::weights;
use super::workers::Workers;
use crate::reference::checked;
use crate::{Session, SessionOptions, Updates};

/// A prepared graph.
pub(super) struct CpuSession {
    /// Of a session that never plans again, what goes in alone.
    graph: Graph,
    /// How many results are outputs.
    outputs: usize,
    values: HashMap<String, Array>,
    /// For inputs of any shapes; made when it is needed.
    general: OnceLock<Arc<Planned>>,
    /// Variables that plans have taken in.
    constants: HashSet<String>,
    /// For the shapes that steps of training have: sizes that are known let more be done at once.
    special: Mutex<Vec<(Shapes, Arc<Planned>)>>,
    is_training: bool,
    isa: Isa,
    workers: Workers,
    pool: Pool,
}

/// Shapes of inputs with a plan of their own; there are others seldom, and they have the same bits.
const SPECIAL: usize = 8;

/// The shapes of all inputs.
type Shapes = Vec<Vec<usize>>;

/// A plan.
struct Planned {
    plan: Plan,
    /// Variables that the plan reads at run time, in its order; the others are constants of the plan.
    live: Vec<String>,
    /// When samples can be run apart.
    samples: Option<batch::Samples>,
}

impl CpuSession {
    pub fn new(
        graph: &Graph,
        variables: &dyn Fn(&str) -> Result<Array>,
        options: &SessionOptions,
        isa: Isa,
    ) -> Result<CpuSession> {
        let updated: HashSet<&str> = graph.updates.iter().map(|(path, _)| path.as_str()).collect();
        let is_training = is_training(graph);
        let mut values = HashMap::new();
        for (path, spec, _) in graph.variables() {
            if options.keep_variables || is_training || updated.contains(path) {
                values.insert(path.to_owned(), checked(path, spec, variables(path)?)?);
            }
        }
        let read = |path: &str, spec: &TensorSpec| match values.get(path) {
            Some(value) => Ok(value.clone()),
            None => checked(path, spec, variables(path)?),
        };
        let general = OnceLock::new();
        if !is_training {
            let _ = general.set(Arc::new(plan(graph, &read, isa)?));
        }
        let workers = Workers::new(options.threads)?;
        let has_one_plan = values.is_empty() && !is_training;
        Ok(CpuSession {
            graph: if has_one_plan { without_ops(graph) } else { graph.clone() },
            outputs: graph.outputs.len(),
            values,
            general,
            constants: constants(graph),
            special: Mutex::default(),
            is_training,
            isa,
            workers,
            pool: Pool::default(),
        })
    }

    /// The plan for inputs of any shapes.
    fn general(&self) -> Result<Arc<Planned>> {
        if let Some(general) = self.general.get() {
            return Ok(general.clone());
        }
        let made = Arc::new(plan(&self.graph, &|path, _| self.kept(path), self.isa)?);
        Ok(self.general.get_or_init(|| made).clone())
    }

    fn kept(&self, path: &str) -> Result<Array> {
        self.values.get(path).cloned().ok_or_else(|| not_kept(path))
    }

    /// The plan for inputs.
    fn planned(&self, inputs: &[Array]) -> Result<Arc<Planned>> {
        let Some(mut special) = self.special.lock().ok().filter(|_| self.is_training) else {
            return self.general();
        };
        let shapes: Shapes = inputs.iter().map(|input| input.shape().to_vec()).collect();
        if let Some((_, planned)) = special.iter().find(|(known, _)| *known == shapes) {
            return Ok(planned.clone());
        }
        if special.len() == SPECIAL {
            return self.general();
        }
        let made = rewrite::specialized(&self.graph, &shapes)
            .and_then(|graph| plan(&graph, &|path, _| self.kept(path), self.isa));
        // What does not take fixed sizes is run as it is.
        let planned = made.map_or_else(|_| self.general(), |made| Ok(Arc::new(made)))?;
        special.push((shapes, planned.clone()));
        Ok(planned)
    }

    /// How many tiles the batch is to be split into, when it is.
    fn tiles(&self, inputs: &[Array]) -> Option<usize> {
        let batch = *inputs.first()?.shape().first()?;
        let is_batch = inputs.iter().all(|input| input.shape().first() == Some(&batch));
        let tiles = self.general.get()?.samples?.tiles(batch, self.workers.threads());
        (is_batch && tiles > 1).then_some(tiles)
    }

    fn run_whole(&self, plan: &Plan, workers: &Workers, all: &[&Array]) -> Result<Vec<Array>> {
        plan.run(&Context::new(self.isa, workers, &self.pool), all)
    }

    /// Runs the batch in tiles, each on one thread, and puts the results together. The first `count` of `all` have a
    /// batch axis.
    fn run_tiles(&self, plan: &Plan, all: &[&Array], count: usize, tiles: usize) -> Result<Vec<Array>> {
        let batch = all[0].shape()[0];
        let alone = Workers::single();
        let whole: Vec<batch::Whole> = (0..self.outputs).map(|_| batch::Whole::new(batch)).collect();
        let ends: Vec<OnceLock<Result<()>>> = (0..tiles).map(|_| OnceLock::new()).collect();
        self.workers.each(tiles, &|index| {
            let (from, to) = (batch * index / tiles, batch * (index + 1) / tiles);
            let run = || {
                let parts = all[..count]
                    .iter()
                    .map(|input| batch::samples(&self.pool, input, from, to))
                    .collect::<Result<Vec<_>>>()?;
                let arguments: Vec<&Array> = parts.iter().chain(all[count..].iter().copied()).collect();
                let made = self.run_whole(plan, &alone, &arguments)?;
                whole.iter().zip(made).try_for_each(|(whole, part)| whole.put(&self.pool, from, part))?;
                parts.into_iter().for_each(|part| self.pool.recycle(part));
                Ok(())
            };
            let _ = ends[index].set(run());
        });
        for end in ends {
            end.into_inner().unwrap_or_else(|| Err(Error::internal("a tile was not run")))?;
        }
        whole.into_iter().map(batch::Whole::finish).collect()
    }

    /// How long each step takes at least, in so many runs of the whole batch.
    pub fn profile(&self, inputs: &[Array], runs: usize) -> Result<Vec<StepTime>> {
        self.graph.check_inputs(inputs)?;
        let Planned { plan, live, .. } = &*self.planned(inputs)?;
        let all = self.with_live(live, inputs)?;
        let (kernels, names) = (plan.kernels(), plan.names());
        let step = |(kernel, name): (&str, &str)| StepTime {
            kernel: kernel.to_owned(),
            name: name.to_owned(),
            time: Duration::MAX,
        };
        let mut times: Vec<StepTime> = kernels.into_iter().zip(names).map(step).collect();
        for _ in 0..runs {
            let mut observe = |at: usize, time| times[at].time = times[at].time.min(time);
            let cx = Context::new(self.isa, &self.workers, &self.pool);
            let all = all.iter().map(|&input| input.clone()).collect();
            plan.run_observed(&cx, all, Some(&mut observe))?;
        }
        Ok(times)
    }

    /// The inputs of a plan: those of the graph, and the variables that it reads at run time.
    fn with_live<'a>(&'a self, live: &[String], inputs: &'a [Array]) -> Result<Vec<&'a Array>> {
        let mut all: Vec<&Array> = inputs.iter().collect();
        for path in live {
            all.push(self.values.get(path).ok_or_else(|| Error::not_found(format!("variable `{path}`")))?);
        }
        Ok(all)
    }

    /// The names of the kernels, in order.
    pub fn explain(&self) -> Result<Vec<String>> {
        Ok(self.general()?.plan.kernels().into_iter().map(str::to_owned).collect())
    }
}

/// The inputs and variables of a graph, which computes nothing.
fn without_ops(graph: &Graph) -> Graph {
    let is_kept = |node: &&Node| !matches!(node.kind, NodeKind::Op(_) | NodeKind::Constant(_));
    let place = |at: usize| graph.nodes.iter().take(at).filter(is_kept).count();
    let inputs = graph.inputs.iter().map(|&input| ValueId { node: place(input.node), ..input });
    Graph {
        name: graph.name.clone(),
        nodes: graph.nodes.iter().filter(is_kept).cloned().collect(),
        inputs: inputs.collect(),
        ..Graph::default()
    }
}

/// Whether a graph changes variables that are trained: it is run on many batches of few shapes.
fn is_training(graph: &Graph) -> bool {
    let is_updated = |path: &str| graph.updates.iter().any(|(updated, _)| updated == path);
    graph.variables().any(|(path, _, is_trainable)| is_trainable && is_updated(path))
}

/// The plan of a graph with its variables as constants, but for those that its updates change, and for large ones of products
/// while others are trained: packed in each plan, they would be held several times.
fn plan(graph: &Graph, read: &Read, isa: Isa) -> Result<Planned> {
    let updated: HashSet<&str> = graph.updates.iter().map(|(path, _)| path.as_str()).collect();
    let is_training = is_training(graph);
    // Many plans share the weights of a training, so there they keep the shape that they have.
    let (mut planned, reshaped) = match is_training {
        true => (graph.clone(), HashMap::new()),
        false => weights::as_read(graph.clone(), &updated),
    };
    let read = &|path: &str, spec: &TensorSpec| match reshaped.get(path) {
        Some(own) => read(path, own)?.reshape(spec.sizes()?),
        None => read(path, spec),
    };
    let weights = weights::of_products(&planned);
    let mut packed = HashSet::new();
    for (at, node) in planned.nodes.iter_mut().enumerate() {
        let NodeKind::Variable { path, .. } = &node.kind else { continue };
        if updated.contains(path.as_str()) {
            continue;
        }
        // Large weights are read one after the other while they are packed, so that few are held at one time.
        if weights.contains(&at) {
            if !is_training {
                packed.insert(path.clone());
            }
        } else {
            let spec = node.outputs.first().ok_or_else(|| Error::internal("a variable's spec"))?;
            node.kind = NodeKind::Constant(read(path, spec)?);
        }
    }
    let graph = reshapes::around_products(rewrite::simplify(planned)?)?;
    let graph = merge::merge_scans(graph)?;
    let graph = if is_training { recompute(graph) } else { graph };
    let variables = graph.variables().map(|(path, ..)| path.to_owned());
    let live = variables.filter(|path| !packed.contains(path)).collect();
    let plan = Plan::new(&graph, isa, Some(&Weights { paths: &packed, read }))?;
    Ok(Planned { plan, live, samples: batch::Samples::of(&graph) })
}

/// The variables that plans take in: all but those that are updated, and large weights where others are trained.
fn constants(graph: &Graph) -> HashSet<String> {
    let weights = if is_training(graph) { weights::of_products(graph) } else { HashSet::new() };
    let is_updated = |path: &str| graph.updates.iter().any(|(updated, _)| updated == path);
    let nodes = graph.nodes.iter().enumerate().filter(|(at, _)| !weights.contains(at));
    let paths = nodes.filter_map(|(_, node)| match &node.kind {
        NodeKind::Variable { path, .. } if !is_updated(path) => Some(path.clone()),
        _ => None,
    });
    paths.collect()
}

impl Session for CpuSession {
    fn run_with_updates(&self, inputs: &[Array]) -> Result<(Vec<Array>, Updates)> {
        self.graph.check_inputs(inputs)?;
        let Planned { plan, live, .. } = &*self.planned(inputs)?;
        let all = self.with_live(live, inputs)?;
        self.pool.next_run();
        let mut results = match self.tiles(inputs) {
            Some(tiles) => self.run_tiles(plan, &all, inputs.len(), tiles),
            None => self.run_whole(plan, &self.workers, &all),
        }?;
        let updates = results.split_off(self.outputs);
        let paths = self.graph.updates.iter().map(|(path, _)| path.clone());
        Ok((results, paths.zip(updates).collect()))
    }

    fn step(&mut self, inputs: &[Array]) -> Result<(Vec<Array>, Updates)> {
        self.graph.check_inputs(inputs)?;
        let missing = |path: &str| Error::not_found(format!("variable `{path}`"));
        let Planned { plan, live, .. } = &*self.planned(inputs)?;
        let mut all: Vec<Array> = inputs.to_vec();
        for path in live {
            // Variables that are updated belong to the run: their new values are written over the old ones.
            let value = match self.graph.updates.iter().any(|(updated, _)| updated == path) {
                true => self.values.remove(path),
                false => self.values.get(path).cloned(),
            };
            all.push(value.ok_or_else(|| missing(path))?);
        }
        self.pool.next_run();
        let mut results = plan.run_on(&Context::new(self.isa, &self.workers, &self.pool), all)?;
        let updates = results.split_off(self.outputs);
        let mut unread = Updates::new();
        for ((path, _), value) in self.graph.updates.iter().zip(updates) {
            match live.contains(path) || self.values.contains_key(path) {
                true => drop(self.values.insert(path.clone(), value)),
                false => unread.push((path.clone(), value)),
            }
        }
        Ok((results, unread))
    }

    fn set_variables(&mut self, values: Updates) -> Result<()> {
        let specs: HashMap<String, _> =
            self.graph.variables().map(|(path, spec, _)| (path.to_owned(), spec.clone())).collect();
        let mut is_plan_old = false;
        for (path, value) in values {
            let Some(spec) = specs.get(&path) else { continue };
            if !self.values.contains_key(&path) {
                return Err(not_kept(&path));
            }
            let value = checked(&path, spec, value)?;
            is_plan_old |= self.constants.contains(&path);
            if let Some(old) = self.values.insert(path, value) {
                self.pool.recycle(old);
            }
        }
        if is_plan_old {
            self.general = OnceLock::new();
            self.special = Mutex::default();
            // What cannot be planned is said here.
            if !self.is_training {
                self.general()?;
            }
        }
        Ok(())
    }

    fn variable(&self, path: &str) -> Result<Array> {
        match self.values.get(path) {
            Some(value) => Ok(value.clone()),
            None if self.graph.variables().any(|(known, ..)| known == path) => Err(not_kept(path)),
            None => Err(Error::not_found(format!("variable `{path}`"))),
        }
    }

    fn rest(&self) {
        self.pool.clear();
    }
}

fn not_kept(path: &str) -> Error {
    Error::usage(format!("the session does not keep the variable `{path}`"))
        .hint("prepare it with `SessionOptions::with_variables_kept(true)`")
}

#[cfg(test)]
mod tests {
    use kerata_core::graph::GraphBuilder;
    use kerata_core::{DType, ErrorKind, Shape, ops};

    use super::*;

    #[test]
    fn a_session_that_keeps_no_variables_holds_the_inputs_of_its_graph_alone() {
        let floats = |axes: &[Option<u64>]| TensorSpec::new(DType::Float32, Shape::new(axes.iter().copied()));
        let builder = GraphBuilder::new("scaled");
        let unused = builder.constant(Array::scalar(7.0f32));
        let weight = builder.variable("w", floats(&[Some(2)]), true).unwrap();
        let x = builder.input("x", floats(&[None, Some(2)]));
        let y = ops::add(&ops::multiply(&x, &weight).unwrap(), &unused).unwrap();
        let graph = builder.end(&[("y", &y)]).unwrap();
        assert!(builder.is_empty());
        let read = |_: &str| Ok(Array::vector(vec![2.0f32, 3.0]));
        let options = SessionOptions::default().with_variables_kept(false);
        let mut session = CpuSession::new(&graph, &read, &options, Isa::best()).unwrap();
        assert!(session.graph.nodes.iter().all(|node| node.op().is_none()));
        assert_eq!(session.graph.input_specs().unwrap(), graph.input_specs().unwrap());
        // 10 x 2 + 7, 20 x 3 + 7.
        let made = session.run(&[Array::from_f32([1, 2], vec![10.0, 20.0]).unwrap()]).unwrap();
        assert_eq!(made[0].as_f32().unwrap(), [27.0, 67.0]);
        let wrong = session.run(&[Array::vector(vec![1.0f32])]).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::Mismatch);
        assert_eq!(session.variable("w").unwrap_err().kind(), ErrorKind::Usage);
        let refused = session.set_variables(vec![("w".to_owned(), Array::vector(vec![1.0f32, 1.0]))]);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Usage);
    }
}
