//! Groups and datasets of a Keras 3 weights file to objects and variables.

use std::borrow::Cow;

use indexmap::IndexMap;
use kerata_core::{Artifact, DType, Error, Limits, Result, ResultExt, Role, SourceRef, Variable};

use super::role;
use crate::containers::hdf5::{Dataset, File, Group};

/// Where Keras 2.12 and 2.13 kept what is `layers` everywhere else.
pub(super) const OLD_LAYERS: &str = "_layer_checkpoint_dependencies";

/// Adds what one HDF5 file holds; of a shard, what earlier ones did not.
pub(crate) fn read_into(artifact: &mut Artifact, source: &SourceRef, limits: &Limits) -> Result<()> {
    let file = File::open(source, limits)?;
    if artifact.variables.len() + file.datasets.len() > limits.max_tensors {
        return Err(Error::limit(format!("more than {} tensors", limits.max_tensors)));
    }
    for note in &file.notes {
        artifact.notes.push(note.to_string());
    }
    let mut groups: Vec<(&String, &Group)> = file.groups.iter().collect();
    // Keras writes objects in the order of its walk, and files grow.
    groups.sort_by_key(|(_, group)| group.address);
    let mut roles = IndexMap::new();
    for (path, group) in groups {
        let Some(object) = object_of(path) else { continue };
        let object = modern(object).into_owned();
        let name = group.attributes.text("name").map(str::to_owned);
        let first = file
            .datasets_below(group)
            .first()
            .filter(|(key, _)| key.strip_prefix(path.as_str()) == Some("/0"));
        let first = first.map(|(_, first)| (first.dtype, first.shape.rank()));
        let known = artifact.objects.entry(object.clone()).or_default();
        if known.is_none() {
            *known = name.clone();
        }
        let role = role::of_object(&object, known.as_deref(), first);
        roles.entry(object).or_insert(role);
    }
    let mut datasets: Vec<(&String, &Dataset)> = file.datasets.iter().collect();
    datasets.sort_by_cached_key(|(path, dataset)| {
        let owner = path.rsplit_once('/').map_or("", |(owner, _)| owner);
        let place = file.group(owner).map_or(0, |group| group.address);
        (place, number_of(path), dataset.address)
    });
    for (path, dataset) in datasets {
        let role = object_of_variable(path).and_then(|object| roles.get(modern(object).as_ref())).copied();
        let role = match role {
            Some(Role::Weight) if number_of(path) == u64::MAX || is_second_copy(&file, path) => Role::State,
            Some(role) => role,
            None => Role::State,
        };
        let mut variable = read_variable(dataset).at(|| path.as_str())?.with_role(role);
        let modern = modern(path);
        variable.origin = (modern != **path).then(|| path.clone());
        artifact.variables.insert(modern.into_owned(), variable)?;
    }
    Ok(())
}

/// Puts variables in the order of their objects and of their numbers, after several shards were read.
pub(crate) fn sort_by_owner(artifact: &mut Artifact) {
    let variables = std::mem::take(&mut artifact.variables);
    let mut sorted: Vec<(String, Variable)> = variables.into_iter().collect();
    let objects = &artifact.objects;
    sorted.sort_by_cached_key(|(path, _)| {
        let object = object_of_variable(path).and_then(|object| objects.get_index_of(object));
        (object.unwrap_or(usize::MAX), number_of(path))
    });
    for (path, variable) in sorted {
        // Paths were unique before.
        let _ = artifact.variables.insert(path, variable);
    }
}

/// The object whose variables a group holds: `layers/dense` for `layers/dense/vars`.
fn object_of(group: &str) -> Option<&str> {
    if group == "vars" { Some("") } else { group.strip_suffix("/vars") }
}

/// The object that a variable belongs to.
fn object_of_variable(path: &str) -> Option<&str> {
    let inside = path.rsplit_once("/vars/").map(|(object, _)| object);
    inside.or_else(|| path.starts_with("vars/").then_some(""))
}

/// Whether a variable is stored once more by the layer it belongs to: `SpectralNormalization` lists the kernel of the
/// layer that it wraps as its own.
fn is_second_copy(file: &File, path: &str) -> bool {
    let Some(wrapper) = path.strip_suffix("/vars/0") else { return false };
    let name = wrapper.rsplit('/').next().unwrap_or(wrapper);
    let inner = file.dataset(&format!("{wrapper}/layer/vars/0"));
    let shapes = inner.zip(file.dataset(path)).map(|(inner, own)| inner.shape == own.shape);
    name.starts_with("spectral_normalization") && shapes == Some(true)
}

/// Variables are numbered; other keys come last, as they stand.
fn number_of(path: &str) -> u64 {
    path.rsplit('/').next().and_then(|key| key.parse().ok()).unwrap_or(u64::MAX)
}

fn modern(path: &str) -> Cow<'_, str> {
    if !path.contains(OLD_LAYERS) {
        return Cow::Borrowed(path);
    }
    let replace = |part| if part == OLD_LAYERS { "layers" } else { part };
    path.split('/').map(replace).collect::<Vec<_>>().join("/").into()
}

fn read_variable(dataset: &Dataset) -> Result<Variable> {
    let sizes = dataset.shape.sizes().ok_or_else(|| Error::corrupt("a dataset without a fixed shape"))?;
    Variable::new(dtype_of(dataset), sizes, dataset.data.clone())
}

/// Opaque elements may be named by an attribute (`bfloat16`).
fn dtype_of(dataset: &Dataset) -> DType {
    let named = dataset.attributes.text("dtype").and_then(|name| name.parse::<DType>().ok());
    match (dataset.dtype, named) {
        (DType::Opaque(_), Some(named)) if named.size() == dataset.dtype.size() => named,
        (stored, _) => stored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_into_object_and_number() {
        assert_eq!(object_of("vars"), Some(""));
        assert_eq!(object_of("layers/dense/vars"), Some("layers/dense"));
        assert_eq!(object_of("layers/dense"), None);
        assert_eq!(object_of_variable("vars/0"), Some(""));
        assert_eq!(object_of_variable("layers/dense/vars/12"), Some("layers/dense"));
        assert_eq!(object_of_variable("layers/dense/12"), None);
        assert_eq!((number_of("a/vars/12"), number_of("a/vars/idf_weights")), (12, u64::MAX));
        assert_eq!(modern("_layer_checkpoint_dependencies/dense"), "layers/dense");
    }
}
