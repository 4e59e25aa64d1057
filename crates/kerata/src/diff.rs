//! `diff`: what differs between two artifacts, in config and in tensors.

use indexmap::IndexSet;
use kerata_core::{Artifact, Data, Result, ResultExt, Tree, Variable};

use crate::elements;

/// Everything that differs between two artifacts.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Diff {
    /// Differences of the model config, by place.
    pub config: Vec<Change>,
    /// Differences of the compile config, by place.
    pub compile_config: Vec<Change>,
    /// Differences of variables, by path.
    pub variables: Vec<VariableChange>,
    /// Assets that differ: added, removed, changed.
    pub assets: Vec<Change>,
    /// Variables that are equal bit for bit.
    pub equal_variables: usize,
}

/// One place that differs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// Where: keys joined by `/`.
    pub place: String,
    /// What the first has; `None` when it is added.
    pub before: Option<Tree>,
    /// What the second has; `None` when it is removed.
    pub after: Option<Tree>,
}

/// One variable that differs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct VariableChange {
    /// Path of the variable.
    pub path: String,
    /// How it differs.
    pub kind: VariableChangeKind,
}

/// How a variable differs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum VariableChangeKind {
    /// Only the second has it: dtype and shape as text.
    Added(String),
    /// Only the first has it: dtype and shape as text.
    Removed(String),
    /// Another dtype or shape.
    Retyped(String, String),
    /// Other values.
    Changed {
        /// Largest absolute difference; NaN where one side has a NaN that the other has not.
        max_abs: f64,
        /// Cosine of the angle between both, as vectors.
        cosine: f64,
    },
}

impl Diff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.config.is_empty()
            && self.compile_config.is_empty()
            && self.variables.is_empty()
            && self.assets.is_empty()
    }
}

/// Compares two artifacts; reads every variable that both have.
pub fn diff(before: &Artifact, after: &Artifact) -> Result<Diff> {
    let mut diff = Diff::default();
    compare_trees("", before.config.as_ref(), after.config.as_ref(), &mut diff.config);
    let compile = (before.compile_config.as_ref(), after.compile_config.as_ref());
    compare_trees("", compile.0, compile.1, &mut diff.compile_config);

    let paths: IndexSet<&str> =
        before.variables.iter().chain(after.variables.iter()).map(|entry| entry.0).collect();
    for path in paths {
        let pair = (before.variables.get(path), after.variables.get(path));
        match compare_variables(pair.0, pair.1).at(|| format!("variable `{path}`"))? {
            Some(kind) => diff.variables.push(VariableChange { path: path.to_owned(), kind }),
            None => diff.equal_variables += 1,
        }
    }

    let names: IndexSet<&String> = before.assets.keys().chain(after.assets.keys()).collect();
    for name in names {
        let (old, new) = (before.assets.get(name), after.assets.get(name));
        if let (Some(old), Some(new)) = (old, new)
            && old.bytes()? == new.bytes()?
        {
            continue;
        }
        let bytes = |data: &Data| Tree::from(data.len());
        diff.assets.push(Change { place: name.clone(), before: old.map(bytes), after: new.map(bytes) });
    }
    Ok(diff)
}

/// Keys that Keras fills anew at every save: no difference in meaning.
const VOLATILE_KEYS: &[&str] = &["shared_object_id"];

fn compare_trees(place: &str, before: Option<&Tree>, after: Option<&Tree>, changes: &mut Vec<Change>) {
    let join = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}/{key}") };
    match (before, after) {
        (None, None) => {}
        (Some(Tree::Object(old)), Some(Tree::Object(new))) => {
            let keys: IndexSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                if !VOLATILE_KEYS.contains(&key.as_str()) {
                    compare_trees(&join(key), old.get(key), new.get(key), changes);
                }
            }
        }
        (Some(Tree::List(old)), Some(Tree::List(new))) => {
            for position in 0..old.len().max(new.len()) {
                let key = item_key(old.get(position).or(new.get(position)), position);
                compare_trees(&join(&key), old.get(position), new.get(position), changes);
            }
        }
        (Some(old), Some(new)) if is_same(old, new) => {}
        _ => changes.push(Change { place: place.to_owned(), before: before.cloned(), after: after.cloned() }),
    }
}

/// A layer of a list goes by its name, anything else by its position.
fn item_key(item: Option<&Tree>, position: usize) -> String {
    let name =
        item.and_then(|item| item.path(&["config", "name"]).or(item.get("name"))).and_then(Tree::as_str);
    name.map_or_else(|| position.to_string(), str::to_owned)
}

fn is_same(a: &Tree, b: &Tree) -> bool {
    match (a, b) {
        (Tree::Float(a), Tree::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
        _ => a == b,
    }
}

fn compare_variables(
    before: Option<&Variable>,
    after: Option<&Variable>,
) -> Result<Option<VariableChangeKind>> {
    let (old, new) = match (before, after) {
        (Some(old), Some(new)) => (old, new),
        (Some(old), None) => return Ok(Some(VariableChangeKind::Removed(type_text(old)))),
        (None, Some(new)) => return Ok(Some(VariableChangeKind::Added(type_text(new)))),
        (None, None) => return Ok(None),
    };
    if old.dtype != new.dtype || old.shape != new.shape {
        return Ok(Some(VariableChangeKind::Retyped(type_text(old), type_text(new))));
    }
    if let (Some(a), Some(b)) = (old.data.as_strings(), new.data.as_strings()) {
        let differing = a.iter().zip(b).filter(|(a, b)| a != b).count();
        let changed = VariableChangeKind::Changed { max_abs: differing as f64, cosine: f64::NAN };
        return Ok((differing > 0).then_some(changed));
    }
    let (old_bytes, new_bytes) = (old.data.bytes()?, new.data.bytes()?);
    if old_bytes == new_bytes {
        return Ok(None);
    }
    compare_values(old, new).map(Some)
}

fn compare_values(old: &Variable, new: &Variable) -> Result<VariableChangeKind> {
    let mut first = Vec::new();
    if elements::for_each_block(old, &mut |block| first.extend_from_slice(block)).is_err() {
        return Ok(VariableChangeKind::Changed { max_abs: f64::NAN, cosine: f64::NAN });
    }
    let (mut max_abs, mut dot, mut old_norm, mut new_norm) = (0.0f64, 0.0, 0.0, 0.0);
    let mut old_values = first.iter();
    elements::for_each_block(new, &mut |block| {
        for (&b, &a) in block.iter().zip(old_values.by_ref()) {
            let difference =
                if a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) { 0.0 } else { (a - b).abs() };
            max_abs =
                if difference.is_nan() || max_abs.is_nan() { f64::NAN } else { max_abs.max(difference) };
            dot += a * b;
            old_norm += a * a;
            new_norm += b * b;
        }
    })?;
    let cosine = dot / (old_norm.sqrt() * new_norm.sqrt());
    Ok(VariableChangeKind::Changed { max_abs, cosine })
}

fn type_text(variable: &Variable) -> String {
    let shape = kerata_core::Shape::known(variable.shape.iter().copied());
    format!("{} {shape}", variable.dtype)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::{DType, Limits};

    fn artifact(config: &str, values: &[f32]) -> Artifact {
        let mut artifact = Artifact::new();
        artifact.config = Some(Tree::parse(config.as_bytes(), &Limits::default()).unwrap());
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let variable = Variable::new(DType::Float32, [values.len() as u64], Data::owned(bytes)).unwrap();
        artifact.variables.insert("layers/dense/vars/0", variable).unwrap();
        artifact
    }

    #[test]
    fn equal_artifacts_differ_in_nothing() {
        let one = artifact(r#"{"a": NaN, "shared_object_id": 1}"#, &[1.0]);
        let two = artifact(r#"{"a": NaN, "shared_object_id": 2}"#, &[1.0]);
        assert!(diff(&one, &two).unwrap().is_empty());
    }

    #[test]
    fn values_are_compared_by_distance_and_angle() {
        let one = artifact(r#"{"layers": [{"config": {"name": "d", "units": 1}}]}"#, &[3.0, 4.0]);
        let two = artifact(r#"{"layers": [{"config": {"name": "d", "units": 2}}]}"#, &[4.0, 3.0]);
        let diff = diff(&one, &two).unwrap();
        assert_eq!(diff.config[0].place, "layers/d/config/units");
        let VariableChangeKind::Changed { max_abs, cosine } = diff.variables[0].kind else { panic!() };
        // (3, 4) · (4, 3) / 25
        assert_eq!((max_abs, cosine), (1.0, 0.96));
    }
}
