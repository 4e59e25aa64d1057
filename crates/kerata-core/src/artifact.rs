//! `Artifact`: everything a saved model holds. All that is saved or loaded passes through it.

use std::fmt;
use std::sync::{Arc, Weak};

use indexmap::IndexMap;

use crate::array::Array;
use crate::graph::Graph;
use crate::{Data, Error, Object, Originals, Result, ResultExt, Role, Tree, Variable, Variables};

/// A saved model as plain data.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Artifact {
    /// The model's config (`module`, `class_name`, `config`, ...), in the Keras 3 dialect whatever the era of the file.
    pub config: Option<Tree>,
    /// The config as the file spelled it, when normalisation changed it.
    pub original_config: Option<Tree>,
    /// The compile config: optimizer, loss, metrics.
    pub compile_config: Option<Tree>,
    /// The compile (training) config as the file spelled it, when normalisation changed it.
    pub original_compile_config: Option<Tree>,
    /// Tensors by path, in file order: weights, optimizer slots, metric state (see [`Role`]).
    pub variables: Variables,
    /// The variables as the file had them, when its reader moved or turned some.
    pub originals: Option<Originals>,
    /// Saved objects by path (`layers/dense`) with the name that Keras notes beside their variables, also those without
    /// variables.
    pub objects: IndexMap<String, Option<String>>,
    /// Files that belong to the model (vocabularies), by their path below `assets/`.
    pub assets: IndexMap<String, Data>,
    /// Files of a container that belong to nothing that is known, by their name, kept for the way back.
    pub extras: IndexMap<String, Data>,
    /// The files that it came in, where its format gives back those that have not changed.
    pub original: Option<Arc<Original>>,
    /// Where it came from.
    pub metadata: Metadata,
    /// What the model computes, traced by whoever wrote the file; see [`Traces`].
    pub traces: Option<Arc<dyn Traces>>,
    /// Checksums that lazy reading has put off; see [`verify`](Self::verify).
    pub checks: Vec<Arc<dyn Check>>,
    /// What was odd about the file or changed while reading it, for people.
    pub notes: Vec<String>,
}

/// The computations that a file holds, by name of a signature or function; each becomes a graph when it is asked for.
///
/// The variables of the graphs are those of the artifact, by path.
pub trait Traces: Send + Sync + fmt::Debug {
    /// Names of signatures, then of other functions.
    fn names(&self) -> Vec<String>;

    /// The graph of one of them.
    fn graph(&self, name: &str) -> Result<Graph>;

    /// The graph of one of them, where the file leaves the number of axes of some inputs open: `rank` says it for the
    /// input of a name and position.
    fn graph_of(&self, name: &str, rank: &dyn Fn(&str, usize) -> Option<usize>) -> Result<Graph> {
        let _ = rank;
        self.graph(name)
    }

    /// Where they come from.
    fn origin(&self) -> TraceOrigin {
        TraceOrigin::Program
    }

    /// Whether they were made for this config; another one may compute something else.
    fn is_made_for(&self, config: &Tree) -> bool {
        let _ = config;
        true
    }

    /// Why they cannot be used, when the file that they came with has changed since.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The value of a variable that the graphs read and the artifact does not hold: states that are made anew.
    fn start(&self, path: &str) -> Result<Option<Variable>> {
        let _ = path;
        Ok(None)
    }

    /// The calls of Keras's layers and functions that one of them was recorded as, when it is no graph yet.
    fn calls(&self, name: &str) -> Option<&RecordedCalls> {
        let _ = name;
        None
    }
}

/// Bytes that are compared before all others: values that were trained differ in them.
const LOOK_BYTES: usize = 4096;

/// The files of a container as they were read, and what was in them; what has not changed goes back byte for byte.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Original {
    /// Names and contents.
    pub files: Vec<(String, Data)>,
    /// The variables, by path.
    pub variables: Variables,
    /// The saved objects, where the format notes their names.
    pub objects: IndexMap<String, Option<String>>,
    /// Signatures that have other names now: the old one, the new one.
    pub renamed: Vec<(String, String)>,
    /// The computations that go with the files.
    traces: Option<Weak<dyn Traces>>,
}

impl Original {
    /// Files and what was read from them.
    pub fn new(files: Vec<(String, Data)>, variables: &Variables, traces: Option<&Arc<dyn Traces>>) -> Self {
        let traces = traces.map(Arc::downgrade);
        Self { files, variables: variables.clone(), traces, ..Self::default() }
    }

    /// The same with other names of signatures, for computations that differ in nothing else.
    #[must_use]
    pub fn renamed(&self, renamed: Vec<(String, String)>, traces: &Arc<dyn Traces>) -> Self {
        Self { renamed, traces: Some(Arc::downgrade(traces)), ..self.clone() }
    }

    /// Whether an artifact still computes what the files do.
    pub fn has_traces(&self, traces: Option<&Arc<dyn Traces>>) -> bool {
        match (&self.traces, traces) {
            (None, None) => true,
            (Some(own), Some(traces)) => std::ptr::addr_eq(own.as_ptr(), Arc::as_ptr(traces)),
            _ => false,
        }
    }

    /// Paths of the variables that have other values now; `None` when they are other ones, or of another shape.
    pub fn changed(&self, variables: &Variables) -> Result<Option<Vec<&str>>> {
        self.differing(variables, &is_same)
    }

    /// Paths of the variables whose bytes do not lie in the files any more, be they the same or not; nothing is read.
    pub fn replaced(&self, variables: &Variables) -> Result<Option<Vec<&str>>> {
        self.differing(variables, &|old, new| Ok(old.is_same(new)))
    }

    fn differing(&self, variables: &Variables, is_same: &Compare) -> Result<Option<Vec<&str>>> {
        if self.variables.len() != variables.len() {
            return Ok(None);
        }
        let mut differing = Vec::new();
        for (path, old) in self.variables.iter() {
            let Some(new) = variables.get(path) else { return Ok(None) };
            if old.dtype != new.dtype || old.shape != new.shape {
                return Ok(None);
            }
            if !is_same(&old.data, &new.data)? {
                differing.push(path);
            }
        }
        Ok(Some(differing))
    }
}

/// Tells whether two variables hold the same.
type Compare = dyn Fn(&Data, &Data) -> Result<bool>;

/// Whether bytes are the same; those of one place of one source are without being read.
fn is_same(a: &Data, b: &Data) -> Result<bool> {
    if a.is_same(b) {
        return Ok(true);
    }
    match (a.as_strings(), b.as_strings()) {
        (Some(a), Some(b)) => Ok(a == b),
        (None, None) if a.len() == b.len() => is_equal(a, &b.bytes()?),
        _ => Ok(false),
    }
}

/// Whether data is these bytes: block by block, as far as they are the same, so that a mapped file does not stay in memory.
fn is_equal(data: &Data, bytes: &[u8]) -> Result<bool> {
    if data.as_slice().is_some_and(|slice| slice.get(..LOOK_BYTES) != bytes.get(..LOOK_BYTES)) {
        return Ok(false);
    }
    let (mut rest, mut is_other) = (bytes, false);
    let compared = data.stream(&mut |part| match rest.strip_prefix(part) {
        Some(left) => {
            rest = left;
            Ok(())
        }
        None => {
            is_other = true;
            Err(Error::internal("other bytes"))
        }
    });
    if is_other { Ok(false) } else { compared.map(|()| true) }
}

/// Where traces come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceOrigin {
    /// They are the model itself, as in a SavedModel; a config beside them only tells how it was made.
    Program,
    /// They came with the file and stand in for layers whose code is missing.
    Stored,
    /// They are made of the layers of a model when they are asked for.
    Layers,
}

/// Calls of Keras's layers and functions, as recorded where no graph could be made (`docs/formats/trace.md`).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RecordedCalls {
    /// The record.
    pub tree: Tree,
    /// Constants that the record refers to by position.
    pub constants: Vec<Array>,
}

impl RecordedCalls {
    /// A record with its constants.
    pub fn new(tree: Tree, constants: Vec<Array>) -> Self {
        Self { tree, constants }
    }
}

/// A checksum over stored bytes that reading lazily has put off.
pub trait Check: Send + Sync + fmt::Debug {
    /// What is checked: a member, a tensor.
    fn place(&self) -> String;

    /// Reads the bytes and compares. `go_on` is asked between two parts; its error ends the check.
    fn run(&self, go_on: &dyn Fn() -> Result<()>) -> Result<()>;
}

/// Where an artifact came from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Metadata {
    /// Name of the format it was read from (`keras`, `h5`, ...).
    pub format: Option<String>,
    /// Version of Keras that wrote it.
    pub keras_version: Option<String>,
    /// Backend that Keras ran on.
    pub backend: Option<String>,
    /// Date as the file spells it.
    pub date_saved: Option<String>,
    /// Everything else a file says about itself (safetensors metadata, root attributes), kept for the way back.
    pub extra: Object,
}

impl Artifact {
    /// An artifact with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same without configs and without the files it came in: variables, assets and traces share their bytes with it.
    pub fn without_configs(&self) -> Self {
        Self {
            variables: self.variables.clone(),
            assets: self.assets.clone(),
            metadata: self.metadata.clone(),
            traces: self.traces.clone(),
            checks: self.checks.clone(),
            ..Self::default()
        }
    }

    /// The variables as the file had them, while nothing was changed since.
    pub fn unchanged(&self) -> Option<&Originals> {
        self.originals.as_ref().filter(|originals| originals.are_of(&self.variables))
    }

    /// The weights: paths and variables in file order.
    pub fn weights(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.of_role(Role::Weight)
    }

    /// The optimizer's variables: paths and variables in file order.
    pub fn optimizer(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.of_role(Role::Optimizer)
    }

    /// The variables of a role, in file order.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = (&str, &Variable)> {
        self.variables.iter().filter(move |(_, variable)| variable.role == role)
    }

    /// Number of parameters as Keras's `count_params()` counts them.
    pub fn parameters(&self) -> u64 {
        self.weights().map(|(_, variable)| variable.elements()).sum()
    }

    /// Reads everything that carries a checksum and compares: damage deep inside a tensor is found here.
    pub fn verify(&self) -> Result<()> {
        self.verify_while(&|| Ok(()))
    }

    /// The same; `go_on` is asked between two parts, and its error ends the check.
    pub fn verify_while(&self, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        self.checks.iter().try_for_each(|check| check.run(go_on).at(|| check.place()))
    }

    /// Removes the optimizer's state and its place in the compile config stays; gives the bytes saved.
    pub fn drop_optimizer(&mut self) -> u64 {
        let bytes = self.optimizer().map(|(_, variable)| variable.data.len()).sum();
        self.variables.retain(|_, variable| variable.role != Role::Optimizer);
        self.objects.retain(|path, _| path != "optimizer" && !path.starts_with("optimizer/"));
        self.originals.iter_mut().for_each(Originals::drop_optimizer);
        bytes
    }
}

/// What a target format could not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LossReport(Vec<String>);

impl LossReport {
    /// Nothing is lost so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one thing that is lost: `optimizer state (14 variables): .safetensors keeps weights only`.
    pub fn lose(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    /// The losses in the order they were met.
    pub fn losses(&self) -> &[String] {
        &self.0
    }

    /// Whether everything was kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::Source;

    /// A mapped file that counts the bytes it may forget.
    #[derive(Debug)]
    struct Mapped(Vec<u8>, AtomicU64);

    impl Source for Mapped {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, _: u64, _: &mut [u8]) -> Result<()> {
            Err(Error::internal("mapped bytes are not copied"))
        }

        fn as_slice(&self) -> Option<&[u8]> {
            Some(&self.0)
        }

        fn forget(&self, _: u64, len: u64) {
            self.1.fetch_add(len, Ordering::Relaxed);
        }
    }

    #[test]
    fn comparing_with_a_mapped_file_keeps_none_of_it_and_stops_early() {
        let bytes: Vec<u8> = (0..9_000_000u32).map(|at| (at % 251) as u8).collect();
        let mapped = Arc::new(Mapped(bytes.clone(), AtomicU64::new(0)));
        let data = Data::range(mapped.clone(), 0, bytes.len() as u64).unwrap();
        let forgotten = || mapped.1.swap(0, Ordering::Relaxed);
        assert!(is_same(&data, &Data::owned(bytes.clone())).unwrap());
        assert_eq!(forgotten(), 9_000_000);
        for (place, most) in [(0, 0), (5000, 0), (8_999_999, 8_999_999)] {
            let mut other = bytes.clone();
            other[place] ^= 1;
            assert!(!is_same(&data, &Data::owned(other)).unwrap(), "{place}");
            assert!(forgotten() <= most, "{place}");
        }
    }
}
