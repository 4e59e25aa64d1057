//! Reading: configs by era, arrays under canonical paths, the file's own addresses kept beside.

use indexmap::IndexMap;
use kerata_core::{
    Artifact, DType, Error, Limits, Object, Originals, Result, ResultExt, Role, Tree, Variable, Variables,
};

use super::arrays::Array;
use super::layers::{self, Named, Writer};
use super::{bfloat16, names, optimizer};
use crate::Architecture;
use crate::containers::hdf5::{Attribute, Attributes, File};
use crate::era::{self, Era};
use crate::walk::{self, Walk};

/// Key of the metadata under which the file's own layout is kept for the way back.
pub(super) const LAYOUT: &str = "h5_layout";

/// Reads a file, with the architecture that is in it or, for weights alone, with another one.
pub(crate) fn read_with(
    file: &File,
    architecture: Option<&Architecture>,
    limits: &Limits,
) -> Result<Artifact> {
    let root = file.root_attributes();
    let weights_group = if file.group("model_weights").is_some() { "model_weights" } else { "" };
    let weights = file.group(weights_group).ok_or_else(|| Error::corrupt("the file has no weights"))?;
    let text = |name: &str| root.text(name).or_else(|| weights.attributes.text(name)).map(str::to_owned);
    let mut artifact = Artifact::new();
    artifact.metadata.format = Some("h5".to_owned());
    artifact.metadata.keras_version = text("keras_version");
    artifact.metadata.backend = text("backend");
    artifact.config = json(root, "model_config", limits)?;
    artifact.compile_config = json(root, "training_config", limits)?;
    if let Some(architecture) = architecture {
        if artifact.config.is_some() {
            return Err(Error::usage("the file holds a whole model, with a config of its own"));
        }
        artifact.config = Some(architecture.config.clone());
        artifact.compile_config.clone_from(&architecture.compile_config);
        let own = artifact.metadata.keras_version.take();
        artifact.metadata.keras_version = architecture.keras_version.clone().or(own);
    }
    let mut era = Era::of(artifact.metadata.keras_version.as_deref());
    if artifact.config.is_none() && artifact.metadata.keras_version.is_none() {
        // Only weights: nothing tells the era, and arrays are taken as they are.
        era = Era::Keras2;
    }
    let before = artifact.metadata.keras_version.clone();
    let changes = era::normalize(&mut artifact);
    artifact.metadata.keras_version = before;
    if !changes.is_empty() {
        artifact
            .notes
            .push(format!("{} places of the config are spelled as Keras 3 spells them", changes.len()));
    }
    let walk = artifact.config.as_ref().map(walk::objects);
    let backend = artifact.metadata.backend.clone();
    let writer = Writer { era, backend: backend.as_deref() };
    let layers = names::read(&weights.attributes, "layer_names");
    let layers = layers.ok_or_else(|| Error::corrupt("the weights have no `layer_names`"))?;
    if layers.len() > limits.max_layers {
        return Err(Error::limit(format!("{} layers", layers.len())));
    }
    let mut listed = Vec::new();
    for name in &layers {
        let arrays = group_arrays(file, &join(weights_group, name)).at(|| format!("layer `{name}`"))?;
        listed.push((name.clone(), arrays));
    }
    place_layers(&mut artifact, walk.as_ref(), &listed, writer)?;
    let top = group_arrays(file, &join(weights_group, "top_level_model_weights")).unwrap_or_default();
    let mut originals = Variables::new();
    for named in listed.iter().flat_map(|(_, arrays)| arrays).chain(&top) {
        keep(&mut originals, named, Role::Weight)?;
    }
    for (index, named) in top.into_iter().enumerate() {
        let variable = guessed(named)?;
        artifact.variables.insert(format!("vars/{index}"), variable)?;
    }
    let slots = group_arrays(file, "optimizer_weights").unwrap_or_default();
    for named in &slots {
        keep(&mut originals, named, Role::Optimizer)?;
    }
    if let Some(walk) = &walk {
        optimizer::placed(&mut artifact, walk, era, &slots)?;
        for object in walk.objects() {
            artifact.objects.insert(object.path.clone(), object.name.clone());
        }
    }
    artifact.metadata.extra.insert(LAYOUT.to_owned(), layout(file));
    artifact.originals = Some(Originals::new(originals, IndexMap::new(), artifact.variables.clone()));
    Ok(artifact)
}

/// Keeps an array under its address; a group may list one twice.
fn keep(originals: &mut Variables, named: &Named, role: Role) -> Result<()> {
    let Array { origin, dtype, shape, data } = &named.array;
    if originals.get(origin).is_none() {
        let variable = Variable::new(*dtype, shape.clone(), data.clone())?.with_role(role);
        originals.insert(origin.clone(), variable)?;
    }
    Ok(())
}

/// A config in an attribute; Keras writes bytes.
fn json(attributes: &Attributes, name: &str, limits: &Limits) -> Result<Option<Tree>> {
    let bytes = match attributes.get(name) {
        None => return Ok(None),
        Some(Attribute::Text(text)) => text.as_bytes(),
        Some(Attribute::Bytes(bytes)) => bytes,
        Some(_) => return Err(Error::corrupt(format!("`{name}` is no text"))),
    };
    Tree::parse(bytes, limits).map(Some).at(|| format!("`{name}`"))
}

/// The arrays of a group in the order of `weight_names`.
fn group_arrays(file: &File, path: &str) -> Result<Vec<Named>> {
    let group = file.group(path).ok_or_else(|| Error::corrupt(format!("there is no group `{path}`")))?;
    let listed = names::read(&group.attributes, "weight_names").unwrap_or_default();
    listed
        .into_iter()
        .map(|name| {
            let address = join(path, &name);
            let found = file.dataset(&address);
            let found = found.ok_or_else(|| Error::corrupt(format!("there is no dataset `{address}`")))?;
            let shape =
                found.shape.sizes().ok_or_else(|| Error::corrupt(format!("`{address}` has no size")))?;
            let name_of_dtype = found.attributes.text(bfloat16::ATTRIBUTE);
            let (dtype, data) = match found.dtype {
                DType::Float32 if name_of_dtype == Some("bfloat16") => {
                    (DType::Bfloat16, bfloat16::narrowed(&found.data))
                }
                dtype => (dtype, found.data.clone()),
            };
            Ok(Named { name, array: Array { origin: address, dtype, shape, data } })
        })
        .collect()
}

/// Puts the arrays of layers under their paths.
pub(super) fn place_layers(
    artifact: &mut Artifact,
    walk: Option<&Walk>,
    listed: &[(String, Vec<Named>)],
    writer: Writer<'_>,
) -> Result<()> {
    let mut unplaced = 0;
    let known = walk.map(Walk::layers).unwrap_or_default();
    for (position, (name, arrays)) in listed.iter().enumerate() {
        // Normalisation takes slashes out of names.
        let bare = name.replace('/', "_");
        let fits = |known: &str| known == name || known.trim_end_matches('_') == bare.trim_end_matches('_');
        let by_name = known.iter().find(|layer| layer.name.as_deref().is_some_and(fits));
        // Models inside models have no name in Keras 1: then the order tells.
        let by_order = || known.get(position).filter(|_| known.len() == listed.len());
        let layer = by_name.or_else(by_order);
        if arrays.is_empty() {
            continue;
        }
        let config =
            artifact.config.as_ref().and_then(|config| layer_config(config, layer.map(|l| l.path.as_str())?));
        let placed = match (walk, layer) {
            (Some(walk), Some(layer)) => {
                let config = config.unwrap_or(&Tree::Null);
                layers::placed(walk, layer, config, arrays, writer).at(|| format!("layer `{name}`"))?
            }
            _ => None,
        };
        let path = layer.map_or_else(|| format!("layers/{bare}"), |layer| layer.path.clone());
        match placed {
            Some(variables) => {
                for (path, variable) in variables {
                    artifact.variables.insert(path, variable)?;
                }
            }
            None => {
                unplaced += 1;
                place_unknown(artifact, &path, arrays)?;
            }
        }
    }
    if unplaced > 0 && walk.is_some() {
        artifact
            .notes
            .push(format!("{unplaced} layers are not built in: the paths of their variables are a guess"));
    }
    Ok(())
}

/// The serialized layer at a path of the outermost model.
fn layer_config<'a>(config: &'a Tree, path: &str) -> Option<&'a Tree> {
    let key = path.strip_prefix("layers/")?;
    let layers = config.path(&["config", "layers"])?.as_list()?;
    let is_graph = config.path(&["config", "input_layers"]).is_some();
    let mut used = std::collections::HashMap::new();
    layers
        .iter()
        .filter(|layer| is_graph || layer.class_name() != Some("InputLayer"))
        .filter(|layer| {
            let module = layer.get("module").and_then(Tree::as_str).unwrap_or_default();
            !module.starts_with("keras.src.ops") && !module.starts_with("keras.ops")
        })
        .find(|layer| {
            let class = layer.class_name().unwrap_or_default();
            walk::container_key(walk::python_name(class), &mut used) == key
        })
}

/// Variables of a custom layer: its own ones by number, deeper ones below the names of their scopes.
fn place_unknown(artifact: &mut Artifact, path: &str, arrays: &[Named]) -> Result<()> {
    let mut counts: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for named in arrays {
        let bare = named.name.split(':').next().unwrap_or_default();
        if is_path(bare) {
            artifact.variables.insert(bare, guessed(named.clone())?)?;
            continue;
        }
        let scopes: Vec<&str> = bare.split('/').filter(|part| !part.is_empty()).collect();
        let inner = scopes.get(1..scopes.len().saturating_sub(1)).unwrap_or_default().join("/");
        let base = if inner.is_empty() { path.to_owned() } else { format!("{path}/{inner}") };
        let count = counts.entry(base.clone()).or_insert(0);
        let place = format!("{base}/vars/{count}");
        *count += 1;
        let variable = guessed(named.clone())?;
        artifact.variables.insert(place, variable)?;
    }
    Ok(())
}

/// Whether a name is a path as Keras 3 has it, which models of classes of their own are written with.
fn is_path(name: &str) -> bool {
    name.rsplit_once("/vars/").is_some_and(|(_, index)| index.parse::<usize>().is_ok())
}

/// A variable of which only the name is known.
fn guessed(named: Named) -> Result<Variable> {
    let bare = named.name.split(':').next().unwrap_or_default();
    let last = bare.rsplit('/').next().unwrap_or_default().to_owned();
    let is_seed = last.starts_with("StateVar") || last.starts_with("seed_generator_state");
    let dtype = bfloat16::told(named.array.dtype);
    let mut variable = Variable::new(dtype, named.array.shape, named.array.data)?;
    variable.name = Some(last);
    variable.origin = Some(named.array.origin);
    Ok(if is_seed { variable.with_role(Role::Seed) } else { variable })
}

/// Groups and their attributes, so that the same file can be written again.
fn layout(file: &File) -> Tree {
    let mut groups = Object::new();
    for (path, group) in &file.groups {
        let attributes =
            group.attributes.iter().filter(|(name, _)| !matches!(*name, "model_config" | "training_config"));
        let attributes: Object =
            attributes.map(|(name, value)| (name.to_owned(), attribute(value))).collect();
        groups.insert(path.clone(), Tree::Object(attributes));
    }
    Tree::Object(groups)
}

/// An attribute as a tree: text, or a list of texts; numbers by their dtype.
fn attribute(value: &Attribute) -> Tree {
    match value {
        Attribute::Text(text) => text.as_str().into(),
        other => match (other.as_texts(), other.to_ints(), other.to_floats()) {
            (Some(texts), _, _) => texts.to_vec().into(),
            (_, Some(ints), _) => ints.into(),
            (_, _, Some(floats)) => floats.into(),
            _ => Tree::Null,
        },
    }
}

pub(super) fn join(group: &str, name: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") }
}
