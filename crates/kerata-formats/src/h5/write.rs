//! Writing: a file of the legacy layout that Keras 3 loads, or the very file that was read.

use std::collections::HashSet;

use kerata_core::{Artifact, LossReport, Originals, Result, Role, Shape, Tree, Variable};

use super::{bfloat16, inline, names, optimizer, read, training};
use crate::WriteOptions;
use crate::containers::hdf5::{Attribute, Plan, StringKind, Writer};
use crate::era::{self, Era};
use crate::walk::{self, Saved, Walk, Weight, slots};

/// The version that new files note: the Keras whose dialect they are in.
const KERAS_VERSION: &str = "3.15.1";

pub(super) fn plan(artifact: &Artifact, options: &WriteOptions) -> Result<(Plan, LossReport)> {
    let mut writer = Writer::new().compression(options.compression);
    let mut losses = options.compression.losses();
    let layout = artifact.metadata.extra.get(read::LAYOUT);
    match layout.and_then(|layout| Some((layout, unchanged(artifact, layout)?))) {
        Some((layout, originals)) => as_it_was(artifact, layout, originals, &mut writer)?,
        None => anew(artifact, &mut writer, &mut losses)?,
    }
    if !artifact.assets.is_empty() {
        losses.lose(format!(
            "{} assets (vocabularies): legacy HDF5 has no place for files",
            artifact.assets.len()
        ));
    }
    Ok((writer.plan()?, losses))
}

/// The variables of the file that was read, when it can be written again: nothing was changed, and it lists no others.
fn unchanged<'a>(artifact: &'a Artifact, layout: &Tree) -> Option<&'a Originals> {
    let originals = artifact.unchanged()?;
    let era = Era::of(artifact.metadata.keras_version.as_deref());
    if let (Some(original), Some(config)) = (&artifact.original_config, &artifact.config) {
        let mut again = original.clone();
        era::model(&mut again, era);
        // As text, since NaN is not equal to itself.
        if again.to_json() != config.to_json() {
            return None;
        }
    }
    let groups = layout.as_object().into_iter().flatten();
    let mut listed =
        groups.filter(|(group, _)| !is_dropped(group, originals)).flat_map(|(group, attributes)| {
            listed(attributes, "weight_names").into_iter().map(move |name| read::join(group, &name))
        });
    listed.all(|address| originals.variables.get(&address).is_some()).then_some(originals)
}

/// Whether a group belongs to an optimizer whose state was dropped.
fn is_dropped(group: &str, originals: &Originals) -> bool {
    let has_state = originals.variables.iter().any(|(_, variable)| variable.role == Role::Optimizer);
    !has_state && (group == "optimizer_weights" || group.starts_with("optimizer_weights/"))
}

/// A list of the layout, whole or in parts.
fn listed(attributes: &Tree, name: &str) -> Vec<String> {
    let whole = attributes.get(name).and_then(Tree::as_list);
    let parts = (0..).map_while(|part| attributes.get(&format!("{name}{part}")).and_then(Tree::as_list));
    let items = whole.into_iter().chain(parts).flatten();
    items.filter_map(Tree::as_str).map(str::to_owned).collect()
}

/// The file that was read: its groups, attributes and addresses.
fn as_it_was(artifact: &Artifact, layout: &Tree, originals: &Originals, writer: &mut Writer) -> Result<()> {
    for (address, variable) in originals.variables.iter() {
        dataset(writer, address, variable)?;
    }
    let groups = layout.as_object().into_iter().flatten();
    for (group, attributes) in groups.filter(|(group, _)| !is_dropped(group, originals)) {
        writer.group(group)?;
        for (name, value) in attributes.as_object().into_iter().flatten() {
            let is_part = name.ends_with(|c: char| c.is_ascii_digit());
            let kind = if is_part { StringKind::FixedAscii } else { StringKind::VariableAscii };
            match value {
                Tree::Text(text) => writer.attribute(group, name, text.as_str())?,
                Tree::List(items) if items.is_empty() => {
                    writer.attribute(group, name, Attribute::empty_list())?
                }
                Tree::List(items) if items.iter().all(|item| item.as_str().is_some()) => {
                    let texts = items.iter().filter_map(Tree::as_str).map(str::to_owned).collect();
                    writer.attribute_as(group, name, Attribute::Texts(texts), kind)?
                }
                Tree::List(items) => match items.first().and_then(Tree::as_i64) {
                    Some(number) => writer.attribute(group, name, Attribute::int(number))?,
                    None => writer,
                },
                _ => writer,
            };
        }
    }
    let config = artifact.original_config.as_ref().or(artifact.config.as_ref());
    let compile = artifact.original_compile_config.as_ref().or(artifact.compile_config.as_ref());
    for (name, tree) in [("model_config", config), ("training_config", compile)] {
        if let Some(tree) = tree {
            writer.attribute_as("", name, tree.to_json().as_str(), StringKind::VariableAscii)?;
        }
    }
    Ok(())
}

/// A file in the dialect of Keras 3.
fn anew(artifact: &Artifact, writer: &mut Writer, losses: &mut LossReport) -> Result<()> {
    let is_model = artifact.config.is_some();
    let base = if is_model { "model_weights" } else { "" };
    let backend = artifact.metadata.backend.clone().unwrap_or_else(|| "tensorflow".to_owned());
    let version = artifact.metadata.keras_version.clone().filter(|version| version.starts_with('3'));
    let version = version.unwrap_or_else(|| KERAS_VERSION.to_owned());
    let mut config = artifact.config.clone();
    if let Some(config) = &mut config {
        inline::vocabularies(config, artifact, losses)?;
        inline::lora(config, losses);
        inline::ellipses(config);
        if config.class_name() == Some("FeatureSpace") {
            losses
                .lose("the features: a `FeatureSpace` is no model, and Keras reads none from a legacy file");
        }
        let class = config.class_name().unwrap_or("Functional").to_owned();
        let inner = config.get("config").cloned().unwrap_or_default();
        let model = Tree::from([("class_name", Tree::from(class)), ("config", inner)]);
        writer.attribute("", "keras_version", version.as_str())?;
        writer.attribute("", "backend", backend.as_str())?;
        writer.attribute_as("", "model_config", model.to_json().as_str(), StringKind::VariableAscii)?;
        if let Some(training) = artifact.compile_config.as_ref().and_then(training::of_compile_config) {
            writer.attribute_as(
                "",
                "training_config",
                training.to_json().as_str(),
                StringKind::VariableAscii,
            )?;
        }
    }
    let optimizer = artifact.compile_config.as_ref().and_then(|config| config.get("optimizer"));
    if let Some(class) =
        optimizer.and_then(Tree::class_name).filter(|class| training::UNKNOWN.contains(class))
    {
        losses.lose(format!(
            "the optimizer for Keras: its reader of legacy files knows no `{class}`, use `compile=False`"
        ));
    }
    writer.group(base)?;
    let walk = config.as_ref().map(walk::objects).unwrap_or_default();
    let layers = layer_arrays(artifact, &walk, losses);
    let layer_names: Vec<String> = layers.iter().map(|(name, _)| name.clone()).collect();
    names::write(writer, base, "layer_names", &layer_names)?;
    if is_model {
        writer.attribute_as(base, "backend", backend.as_str(), StringKind::VariableAscii)?;
        writer.attribute_as(base, "keras_version", version.as_str(), StringKind::VariableAscii)?;
    } else {
        writer.attribute_as("", "backend", backend.as_str(), StringKind::VariableAscii)?;
        writer.attribute_as("", "keras_version", version.as_str(), StringKind::VariableAscii)?;
    }
    for (name, arrays) in &layers {
        group(writer, &read::join(base, name), arrays)?;
    }
    let own: Arrays<'_> = artifact
        .weights()
        .filter(|(path, _)| path.starts_with("vars/"))
        .map(|(path, variable)| (variable.name.clone().unwrap_or_else(|| path.to_owned()), variable))
        .collect();
    group(writer, &read::join(base, "top_level_model_weights"), &own)?;
    optimizer_arrays(artifact, &walk, writer)
}

/// Arrays of one group with their names in it.
type Arrays<'a> = Vec<(String, &'a Variable)>;

/// The layers of the model in its order, with their arrays in the legacy order.
fn layer_arrays<'a>(
    artifact: &'a Artifact,
    walk: &Walk,
    losses: &mut LossReport,
) -> Vec<(String, Arrays<'a>)> {
    if walk.objects().is_empty() {
        return without_config(artifact);
    }
    let layers = walk.layers();
    if layers.is_empty() {
        return of_custom_model(artifact, losses);
    }
    let arrays = |layer: &&Saved| {
        let is_known = walk.owners_of(layer).iter().all(|owner| owner.variables.is_some());
        let arrays = match is_known {
            true => {
                let weights = walk.loading_order_of(layer);
                let (first, second): (Vec<_>, Vec<_>) =
                    weights.iter().partition(|weight| weight.variable.trainable);
                let weights = first.into_iter().chain(second);
                weights.filter_map(|weight| known(artifact, weight, losses)).collect()
            }
            false => custom(artifact, walk, layer, losses),
        };
        (layer.name.clone().unwrap_or_else(|| layer.path.clone()), arrays)
    };
    layers.iter().map(arrays).collect()
}

/// A variable that a class is known to have.
fn known<'a>(
    artifact: &'a Artifact,
    weight: &Weight<'_>,
    losses: &mut LossReport,
) -> Option<(String, &'a Variable)> {
    let found = artifact.variables.get(weight.path());
    if found.is_none() && weight.variable.path.is_some() {
        losses.lose(format!("`{}`: the artifact has no such variable", weight.path()));
    }
    found.map(|variable| (weight.keras_path(), variable))
}

/// The arrays of a layer that is custom, or holds one that is: where the code alone knows the variables, those that stand
/// below its path.
fn custom<'a>(artifact: &'a Artifact, walk: &Walk, layer: &Saved, losses: &mut LossReport) -> Arrays<'a> {
    let weights = walk.loading_order_of(layer);
    let owners = walk.owners_of(layer);
    let mut arrays = Vec::new();
    for owner in &owners {
        if owner.variables.is_some() {
            let own = weights.iter().filter(|weight| std::ptr::eq(weight.owner, *owner));
            let found =
                own.filter_map(|weight| Some((weight.variable.trainable, known(artifact, weight, losses)?)));
            arrays.extend(found);
            continue;
        }
        let below = format!("{}/", owner.path);
        // What the config says of the objects inside is told by them.
        let inner: Vec<String> = owners
            .iter()
            .filter(|other| other.path.starts_with(&below))
            .map(|other| format!("{}/", other.path))
            .collect();
        let is_own =
            |path: &str| path.starts_with(&below) && !inner.iter().any(|inner| path.starts_with(inner));
        let found: Vec<(&str, &Variable)> = artifact.weights().filter(|(path, _)| is_own(path)).collect();
        let holders: HashSet<&str> =
            found.iter().filter_map(|(path, _)| Some(path.rsplit_once('/')?.0)).collect();
        if holders.len() > 1 {
            losses.lose(format!(
                "the order of the {} variables of `{}`: only the code of its class knows it, and Keras loads them by order",
                found.len(),
                owner.path
            ));
        }
        let named = |path: &str, variable| {
            custom_name(layer.name.as_deref(), path, &format!("{}/", layer.path), variable)
        };
        arrays.extend(found.into_iter().map(|(path, variable)| {
            (owner.trainable && variable.trainable.unwrap_or(true), (named(path, variable), variable))
        }));
    }
    let (first, second): (Vec<_>, Vec<_>) = arrays.into_iter().partition(|(trainable, _)| *trainable);
    first.into_iter().chain(second).map(|(_, array)| array).collect()
}

fn custom_name(layer: Option<&str>, path: &str, below: &str, variable: &Variable) -> String {
    let inside = path.strip_prefix(below).unwrap_or(path).replace("vars/", "");
    let layer = layer.unwrap_or("layer");
    match &variable.name {
        Some(name) => {
            let scope = inside.rsplit_once('/').map_or(String::new(), |(scope, _)| format!("{scope}/"));
            format!("{layer}/{scope}{name}")
        }
        None => format!("{layer}/{inside}"),
    }
}

/// A model that is a class of its own: one group for each of its attributes, whose arrays keep their paths.
fn of_custom_model<'a>(artifact: &'a Artifact, losses: &mut LossReport) -> Vec<(String, Arrays<'a>)> {
    let mut out: Vec<(String, Arrays<'a>)> = Vec::new();
    for (path, variable) in artifact.weights().filter(|(path, _)| !path.starts_with("vars/")) {
        let attribute = path.split('/').next().unwrap_or(path);
        let array = (path.to_owned(), variable);
        match out.iter_mut().find(|(known, _)| known == attribute) {
            Some((_, arrays)) => arrays.push(array),
            None => out.push((attribute.to_owned(), vec![array])),
        }
    }
    if !out.is_empty() {
        losses.lose("the layers of the model: only the code of its class knows them, and Keras loads none from a legacy file");
    }
    out
}

/// Without an architecture: one group for each object below `layers`.
fn without_config(artifact: &Artifact) -> Vec<(String, Arrays<'_>)> {
    let mut out: Vec<(String, Arrays<'_>)> = Vec::new();
    for (path, variable) in artifact.weights() {
        let inside = path.strip_prefix("layers/").unwrap_or(path);
        let (layer, rest) = inside.split_once('/').unwrap_or((inside, "0"));
        let name = format!("{layer}/{}", variable.name.clone().unwrap_or_else(|| rest.replace("vars/", "")));
        match out.iter_mut().find(|(known, _)| known == layer) {
            Some((_, arrays)) => arrays.push((name, variable)),
            None => out.push((layer.to_owned(), vec![(name, variable)])),
        }
    }
    out
}

/// One group with its list of names; names that are taken get a number.
fn group(writer: &mut Writer, path: &str, arrays: &[(String, &Variable)]) -> Result<()> {
    writer.group(path)?;
    let mut used: HashSet<String> = HashSet::new();
    let mut written = Vec::with_capacity(arrays.len());
    for (name, variable) in arrays {
        let mut unique = name.clone();
        let mut count = 0;
        // A dataset cannot stand where a group of another name stands, nor the other way round.
        while used.iter().any(|other| collides(other, &unique)) {
            count += 1;
            unique = format!("{name}_{count}");
        }
        used.insert(unique.clone());
        dataset(writer, &read::join(path, &unique), variable)?;
        written.push(unique);
    }
    names::write(writer, path, "weight_names", &written)
}

fn collides(a: &str, b: &str) -> bool {
    a == b || a.starts_with(&format!("{b}/")) || b.starts_with(&format!("{a}/"))
}

fn dataset(writer: &mut Writer, path: &str, variable: &Variable) -> Result<()> {
    let shape = Shape::known(variable.shape.iter().copied());
    let (dtype, data) = bfloat16::widened(variable.dtype, &variable.data);
    writer.dataset(path, dtype, &shape, data)?;
    if dtype != variable.dtype {
        writer.attribute(path, bfloat16::ATTRIBUTE, variable.dtype.name())?;
    }
    Ok(())
}

/// The optimizer's variables in its own order.
fn optimizer_arrays(artifact: &Artifact, walk: &Walk, writer: &mut Writer) -> Result<()> {
    let own = |path: &str| path.strip_prefix("optimizer/vars/").and_then(|key| key.parse::<usize>().ok());
    let mut arrays: Vec<(usize, &Variable)> = artifact
        .of_role(Role::Optimizer)
        .filter_map(|(path, variable)| Some((own(path)?, variable)))
        .collect();
    if arrays.is_empty() {
        return Ok(());
    }
    arrays.sort_by_key(|(index, _)| *index);
    let wanted = artifact
        .compile_config
        .as_ref()
        .and_then(|config| config.get("optimizer"))
        .and_then(|optimizer| slots(optimizer, &optimizer::targets(artifact, walk)?));
    let name = |index: usize| {
        let slot = wanted.as_ref()?.iter().find(|slot| own(&slot.path) == Some(index))?;
        Some(slot.keras_path.clone())
    };
    let named: Vec<(String, &Variable)> = arrays
        .into_iter()
        .map(|(index, variable)| (name(index).unwrap_or_else(|| format!("optimizer/{index}")), variable))
        .collect();
    group(writer, "optimizer_weights", &named)
}
