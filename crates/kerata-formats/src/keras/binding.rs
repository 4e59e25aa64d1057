//! `Binding`: what a trace belongs to: a config and the variables it reads. When either has changed since, the trace no longer
//! says what the model computes.

use kerata_core::graph::Graph;
use kerata_core::{Artifact, DType, Error, Limits, Result, Shape, Tree, Variables};
use sha2::{Digest, Sha256};

/// Keys that say nothing about what the model computes: how it is trained, and addresses that Keras puts in.
const NOT_COMPUTED: [&str; 2] = ["compile_config", "shared_object_id"];

/// What a trace belongs to.
#[derive(Clone, Debug, Default)]
pub(super) struct Binding {
    config: String,
    variables: Vec<(String, DType, Vec<u64>)>,
}

impl Binding {
    /// The binding of graphs to the artifact that they are written with.
    pub(super) fn of<'a>(config: &Tree, variables: &Variables, paths: impl Iterator<Item = &'a str>) -> Self {
        let mut bound = Self { config: config_digest(config), variables: Vec::new() };
        for path in paths {
            let is_new = bound.variables.iter().all(|(known, _, _)| known != path);
            if let Some(variable) = variables.get(path).filter(|_| is_new) {
                bound.variables.push((path.to_owned(), variable.dtype, variable.shape.clone()));
            }
        }
        bound
    }

    pub(super) fn read(tree: &Tree, limits: &Limits) -> Result<Self> {
        let config = text(tree.require("config")?)?.to_owned();
        let listed = list(tree.require("variables")?)?;
        if listed.len() > limits.max_tensors {
            return Err(Error::limit(format!("more than {} variables", limits.max_tensors)));
        }
        let mut variables = Vec::new();
        for entry in listed {
            let [path, dtype, shape] = list(entry)? else {
                return Err(Error::corrupt("a variable is a path, a dtype and a shape"));
            };
            let size = |size: &Tree| size.as_u64().ok_or_else(|| Error::corrupt("a bad size"));
            let shape = list(shape)?.iter().map(size).collect::<Result<_>>()?;
            variables.push((text(path)?.to_owned(), text(dtype)?.parse()?, shape));
        }
        Ok(Self { config, variables })
    }

    /// The entries of the trace's header.
    pub(super) fn write(&self) -> [(&'static str, Tree); 2] {
        let entry = |(path, dtype, shape): &(String, DType, Vec<u64>)| {
            Tree::List(vec![path.as_str().into(), dtype.name().into(), shape.clone().into()])
        };
        let variables = self.variables.iter().map(entry).collect();
        [("config", self.config.as_str().into()), ("variables", Tree::List(variables))]
    }

    /// Whether it is that of a config.
    pub(super) fn is_for(&self, config: &Tree) -> bool {
        config_digest(config) == self.config
    }

    /// Fails, and says what has changed, when an artifact is not the one that the trace was written with.
    pub(super) fn check(&self, config: &Tree, artifact: &Artifact) -> Result<()> {
        let stale = |what: String| {
            Err(Error::mismatch(format!("the trace in the file was made before {what}"))
                .hint("trace the model again, or give its code"))
        };
        if !self.is_for(config) {
            return stale("the config was changed".to_owned());
        }
        for (path, dtype, shape) in &self.variables {
            match artifact.variables.get(path) {
                None => return stale(format!("the variable `{path}` was removed")),
                Some(found) if !is_same_type(found.dtype, *dtype) || found.shape != *shape => {
                    let shown = |shape: &[u64]| Shape::known(shape.iter().copied());
                    return stale(format!(
                        "the variable `{path}` was changed from {dtype} {} to {} {}",
                        shown(shape),
                        found.dtype,
                        shown(&found.shape)
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// HDF5 files keep some small floats as bytes without a name.
fn is_same_type(a: DType, b: DType) -> bool {
    let is_unnamed = |dtype| matches!(dtype, DType::Opaque(_));
    a == b || ((is_unnamed(a) || is_unnamed(b)) && a.size() == b.size())
}

/// Paths of the variables that a graph reads or changes.
pub(super) fn paths(graph: &Graph) -> impl Iterator<Item = &str> {
    graph.variables().map(|(path, _, _)| path).chain(graph.updates.iter().map(|(path, _)| path.as_str()))
}

/// SHA-256 of what a config says, however its JSON is spelled (`docs/formats/trace.md`).
pub fn config_digest(config: &Tree) -> String {
    let mut bytes = Vec::new();
    spell(config, &mut bytes);
    Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn spell(tree: &Tree, out: &mut Vec<u8>) {
    let text = |text: &str, out: &mut Vec<u8>| {
        out.extend(format!("s{}:", text.len()).bytes());
        out.extend(text.bytes());
    };
    match tree {
        Tree::Null => out.push(b'n'),
        Tree::Bool(true) => out.push(b't'),
        Tree::Bool(false) => out.push(b'f'),
        Tree::Int(value) => out.extend(format!("i{value};").bytes()),
        Tree::Float(value) if value.is_nan() => out.extend(b"dnan;"),
        Tree::Float(value) => out.extend(format!("d{:016x};", value.to_bits()).bytes()),
        Tree::Text(value) => text(value, out),
        Tree::List(items) => {
            out.push(b'l');
            items.iter().for_each(|item| spell(item, out));
            out.push(b'e');
        }
        Tree::Object(entries) => {
            let mut sorted: Vec<_> =
                entries.iter().filter(|(key, _)| !NOT_COMPUTED.contains(&key.as_str())).collect();
            sorted.sort_by_key(|(key, _)| key.as_bytes());
            out.push(b'o');
            for (key, value) in sorted {
                text(key, out);
                spell(value, out);
            }
            out.push(b'e');
        }
    }
}

pub(super) fn list(tree: &Tree) -> Result<&[Tree]> {
    tree.as_list().ok_or_else(|| Error::corrupt("expected a list"))
}

pub(super) fn text(tree: &Tree) -> Result<&str> {
    tree.as_str().ok_or_else(|| Error::corrupt("expected text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(json: &str) -> Tree {
        Tree::parse(json.as_bytes(), &Limits::default()).unwrap()
    }

    /// From `hashlib.sha256(b'os1:ai1;s1:bld3ff8000000000000;tnee')`.
    #[test]
    fn the_digest_is_of_the_spelling_in_the_docs() {
        let mut bytes = Vec::new();
        spell(&tree(r#"{"b": [1.5, true, null], "a": 1}"#), &mut bytes);
        assert_eq!(bytes, b"os1:ai1;s1:bld3ff8000000000000;tnee");
        assert_eq!(
            config_digest(&tree(r#"{"b": [1.5, true, null], "a": 1}"#)),
            "ba8764e05a4c035e23d90430db71b60f44bc150e2689d9d875300ecf4c68a165"
        );
    }

    #[test]
    fn addresses_and_training_do_not_count() {
        let plain = config_digest(&tree(r#"{"a": {"x": 1}}"#));
        let other = r#"{"compile_config": {"loss": "mse"}, "a": {"shared_object_id": 7, "x": 1}}"#;
        assert_eq!(plain, config_digest(&tree(other)));
        assert_ne!(plain, config_digest(&tree(r#"{"a": {"x": 2}}"#)));
    }
}
