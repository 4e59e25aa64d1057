//! The trace of a `.keras` file: what the model computes, for readers without the code of its layers
//! (`docs/formats/trace.md`).

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::artifact::{RecordedCalls, TraceOrigin, Traces};
use kerata_core::graph::{Graph, TensorSpec};
use kerata_core::{
    Artifact, DType, Error, Limits, LossReport, Object, Result, ResultExt, Shape, Sink, Tree, Variable,
};

use super::binding::{Binding, list, paths, text};
use super::members::Members;
use crate::containers::npy::TextKind;
use crate::npz;

/// The member that holds the trace.
pub const TRACE: &str = "kerata/trace.json";
/// The member that holds its large constants.
pub const CONSTANTS: &str = "kerata/constants.npz";

const VERSION: i64 = 1;
/// Most signatures of a file.
const MAX_SIGNATURES: usize = 1_000;

/// Reads the trace, when there is one; `config` is that of the file, as it was spelled.
pub(super) fn read(
    artifact: &mut Artifact,
    config: &Tree,
    members: &Members,
    names: &[String],
    limits: &Limits,
) -> Result<()> {
    let Some(json) = members.read(TRACE, names, limits.max_config_bytes)? else { return Ok(()) };
    let constants = match names.iter().any(|name| name == CONSTANTS) {
        true => npz::read_arrays(&members.source(CONSTANTS)?, limits).at(|| CONSTANTS)?,
        false => IndexMap::new(),
    };
    let tree = Tree::parse(&json, limits).at(|| TRACE)?;
    let mut traces = FileTraces::read(&tree, &constants, limits).at(|| TRACE)?;
    if let Err(stale) = traces.binding.check(config, artifact) {
        artifact.notes.push(format!("{}; it is left aside", stale.message()));
        traces.stale = Some(stale);
    }
    artifact.checks.extend([TRACE, CONSTANTS].into_iter().filter_map(|name| members.check(name)));
    artifact.traces = Some(std::sync::Arc::new(traces));
    Ok(())
}

/// The traces of a file.
#[derive(Debug)]
struct FileTraces {
    binding: Binding,
    signatures: IndexMap<String, Signature>,
    starts: IndexMap<String, Variable>,
    stale: Option<Error>,
    limits: Limits,
}

#[derive(Debug)]
enum Signature {
    Graph(Tree, Vec<Array>),
    Calls(RecordedCalls),
}

impl FileTraces {
    fn read(tree: &Tree, constants: &IndexMap<String, Variable>, limits: &Limits) -> Result<Self> {
        let version = tree.require("version")?.as_i64();
        if version != Some(VERSION) {
            return Err(Error::unsupported(format!("trace version {version:?}, this build reads {VERSION}")));
        }
        let binding = Binding::read(tree, limits)?;
        let entries =
            tree.require("signatures")?.as_object().ok_or_else(|| Error::corrupt("expected an object"))?;
        if entries.len() > MAX_SIGNATURES {
            return Err(Error::limit(format!("more than {MAX_SIGNATURES} signatures")));
        }
        let mut signatures = IndexMap::new();
        for (position, (name, entry)) in entries.iter().enumerate() {
            let stored = list(entry.require("constants")?)?.iter().enumerate();
            let arrays = stored
                .map(|(number, dtype)| constant(constants, &format!("{position}_{number}"), dtype))
                .collect::<Result<Vec<_>>>()
                .at(|| format!("signature `{name}`"))?;
            let signature = match (entry.get("graph"), entry.get("calls")) {
                (Some(graph), None) => Signature::Graph(graph.clone(), arrays),
                (None, Some(calls)) => Signature::Calls(RecordedCalls::new(calls.clone(), arrays)),
                _ => return Err(Error::corrupt(format!("signature `{name}` has neither a graph nor calls"))),
            };
            signatures.insert(name.clone(), signature);
        }
        let mut starts = IndexMap::new();
        for (number, entry) in tree.get("starts").map_or(Ok(&[][..]), list)?.iter().enumerate() {
            let [path, dtype] = list(entry)? else {
                return Err(Error::corrupt("a start value is a path and a dtype"));
            };
            let value = constant(constants, &format!("start_{number}"), dtype)?;
            starts.insert(text(path)?.to_owned(), value.to_variable()?);
        }
        Ok(Self { binding, signatures, starts, stale: None, limits: limits.clone() })
    }

    fn signature(&self, name: &str) -> Result<&Signature> {
        self.signatures.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.signatures.keys().map(String::as_str).collect();
            Error::not_found(format!("no signature `{name}`"))
                .hint(format!("there are: {}", known.join(", ")))
        })
    }
}

/// A stored constant; NumPy has no name for the small floats, so the trace says what the bytes are.
fn constant(constants: &IndexMap<String, Variable>, name: &str, dtype: &Tree) -> Result<Array> {
    let stored = constants.get(name).ok_or_else(|| Error::corrupt(format!("no constant `{name}`")))?;
    let dtype: DType = text(dtype)?.parse()?;
    let mut variable = stored.clone();
    if matches!(variable.dtype, DType::Opaque(_)) && variable.dtype.size() == dtype.size() {
        variable.dtype = dtype;
    }
    if variable.dtype != dtype {
        return Err(Error::corrupt(format!("constant `{name}` is {}, not {dtype}", variable.dtype)));
    }
    Array::from_variable(&variable).at(|| format!("constant `{name}`"))
}

impl Traces for FileTraces {
    fn names(&self) -> Vec<String> {
        self.signatures.keys().cloned().collect()
    }

    fn graph(&self, name: &str) -> Result<Graph> {
        self.check()?;
        match self.signature(name)? {
            Signature::Graph(tree, constants) => Graph::from_tree(tree, constants, &self.limits).at(|| TRACE),
            Signature::Calls(_) => Err(Error::unsupported(
                "the trace is a record of calls, which the layers must make a graph of",
            )),
        }
    }

    fn origin(&self) -> TraceOrigin {
        TraceOrigin::Stored
    }

    fn is_made_for(&self, config: &Tree) -> bool {
        self.binding.is_for(config)
    }

    fn check(&self) -> Result<()> {
        self.stale.clone().map_or(Ok(()), Err)
    }

    fn start(&self, path: &str) -> Result<Option<Variable>> {
        Ok(self.starts.get(path).cloned())
    }

    fn calls(&self, name: &str) -> Option<&RecordedCalls> {
        match self.signatures.get(name)? {
            Signature::Calls(calls) => Some(calls),
            Signature::Graph(..) => None,
        }
    }
}

/// A variable that no longer has the shape for which a graph was made.
fn changed<'a>(graph: &'a Graph, artifact: &Artifact) -> Option<&'a str> {
    let mut read = graph.variables();
    let is_changed = |path: &str, spec: &TensorSpec| {
        let stored = artifact.variables.get(path);
        stored.is_some_and(|stored| Shape::known(stored.shape.iter().copied()) != spec.shape)
    };
    read.find(|(path, spec, _)| is_changed(path, spec)).map(|(path, _, _)| path)
}

/// A trace that is ready to be written.
pub(super) struct Plan {
    json: String,
    constants: Vec<(String, Variable)>,
}

impl Plan {
    /// The trace of an artifact, when it has one that can be used; `config` is that of the file.
    pub(super) fn of(artifact: &Artifact, config: &Tree, losses: &mut LossReport) -> Result<Option<Self>> {
        let Some(traces) = artifact.traces.as_ref() else { return Ok(None) };
        if let Err(stale) = traces.check() {
            losses.lose(stale.message().to_owned());
            return Ok(None);
        }
        if !traces.is_made_for(config) {
            losses.lose("the trace: it was made before the config was changed");
            return Ok(None);
        }
        let mut signatures = Object::new();
        let mut constants = Vec::new();
        let mut read: Vec<String> = Vec::new();
        for (position, name) in traces.names().iter().enumerate() {
            // What the reader of the calls finds out again by itself.
            let graph = traces.graph(name).at(|| format!("signature `{name}`"))?;
            let (kind, tree, arrays) = match traces.calls(name) {
                Some(calls) => ("calls", calls.tree.clone(), calls.constants.clone()),
                None => {
                    let (tree, arrays) = graph.to_tree();
                    ("graph", tree, arrays)
                }
            };
            if let Some(path) = changed(&graph, artifact) {
                losses.lose(format!("the trace: it was made before the variable `{path}` was changed"));
                return Ok(None);
            }
            read.extend(paths(&graph).map(str::to_owned));
            let dtypes = arrays.iter().map(|array| Tree::from(array.dtype().name())).collect();
            for (number, array) in arrays.iter().enumerate() {
                constants.push((format!("{position}_{number}"), array.to_variable()?));
            }
            let entry = Tree::from([(kind, tree), ("constants", Tree::List(dtypes))]);
            signatures.insert(name.clone(), entry);
        }
        let mut starts = Vec::new();
        read.sort_unstable();
        read.dedup();
        for path in read.iter().filter(|path| artifact.variables.get(path).is_none()) {
            let value = traces.start(path)?;
            let value = value.ok_or_else(|| Error::not_found(format!("no variable `{path}`")))?;
            starts.push(Tree::List(vec![path.as_str().into(), value.dtype.name().into()]));
            constants.push((format!("start_{}", starts.len() - 1), value));
        }
        let binding = Binding::of(config, &artifact.variables, read.iter().map(String::as_str));
        let mut tree = Object::new();
        tree.insert("version".to_owned(), Tree::from(VERSION));
        tree.extend(binding.write().map(|(key, value)| (key.to_owned(), value)));
        tree.insert("starts".to_owned(), Tree::List(starts));
        tree.insert("signatures".to_owned(), Tree::Object(signatures));
        Ok(Some(Self { json: Tree::Object(tree).to_json(), constants }))
    }

    pub(super) fn json(&self) -> &str {
        &self.json
    }

    /// Whether there is a member of constants.
    pub(super) fn has_constants(&self) -> bool {
        !self.constants.is_empty()
    }

    /// Writes the member of constants.
    pub(super) fn write_constants(&self, sink: &mut dyn Sink) -> Result<()> {
        let arrays = self.constants.iter().map(|(name, variable)| (name.as_str(), variable));
        npz::write_arrays(arrays, TextKind::Bytes, sink)
    }
}
