//! `inspect`: what a file is, without reading its tensors.

use std::path::Path;

use indexmap::IndexMap;
use kerata_core::{Artifact, DType, Object, Result, Role, Tree};
use kerata_formats::walk;

use crate::salvage::with_remains;
use crate::{OpenOptions, input, open};

/// Looks at a file of any format; tensors are not read. The error of a damaged file says what of it is whole.
pub fn inspect(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Report> {
    let path = path.as_ref();
    match open(path, options) {
        Ok(artifact) => Ok(Report::of(&artifact)),
        Err(error) => Err(with_remains(error, &input(path)?, &options.limits)),
    }
}

/// What a file is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Name of the format.
    pub format: String,
    /// Version of Keras that wrote it.
    pub keras_version: Option<String>,
    /// Backend that it was written with.
    pub backend: Option<String>,
    /// When it was written, as the file says.
    pub date_saved: Option<String>,
    /// Class of the model.
    pub class_name: Option<String>,
    /// Name of the model.
    pub name: Option<String>,
    /// Number of layers, those of nested models included.
    pub layers: usize,
    /// How often each layer class occurs, most first.
    pub layer_classes: Vec<(String, usize)>,
    /// Parameters as `count_params()` counts them.
    pub parameters: u64,
    /// Parameters that training changes, when the file tells.
    pub trainable: Option<u64>,
    /// Class of the optimizer.
    pub optimizer: Option<String>,
    /// Elements of the optimizer's state.
    pub optimizer_parameters: u64,
    /// Number of variables of all roles.
    pub variables: usize,
    /// Bytes of the variables of all roles.
    pub variable_bytes: u64,
    /// Bytes by dtype, of all roles.
    pub bytes_by_dtype: IndexMap<DType, u64>,
    /// Asset files.
    pub assets: Vec<String>,
    /// Classes and functions that the file needs and that Keras does not have.
    pub custom_objects: Vec<String>,
    /// What is odd.
    pub notes: Vec<String>,
}

impl Report {
    /// Looks at an artifact.
    pub fn of(artifact: &Artifact) -> Self {
        let metadata = &artifact.metadata;
        let mut classes: IndexMap<String, usize> = IndexMap::new();
        let mut custom = Vec::new();
        if let Some(config) = &artifact.config {
            count_layers(config, &mut classes);
            find_custom(config, &mut custom);
        }
        let mut layer_classes: Vec<_> = classes.into_iter().collect();
        layer_classes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let mut bytes_by_dtype = IndexMap::new();
        for (_, variable) in artifact.variables.iter() {
            *bytes_by_dtype.entry(variable.dtype).or_insert(0) += variable.data.len();
        }
        let all_known = artifact.weights().all(|(_, variable)| variable.trainable.is_some());
        let trainable = artifact.weights().filter(|(_, variable)| variable.trainable == Some(true));
        let optimizer = artifact.compile_config.as_ref().and_then(|compile| compile.get("optimizer"));
        let config = artifact.config.as_ref();
        Self {
            format: metadata.format.clone().unwrap_or_default(),
            keras_version: metadata.keras_version.clone(),
            backend: metadata.backend.clone(),
            date_saved: metadata.date_saved.clone(),
            class_name: config.and_then(Tree::class_name).map(str::to_owned),
            name: config.and_then(|config| config.path(&["config", "name"])?.as_str()).map(str::to_owned),
            layers: layer_classes.iter().map(|entry| entry.1).sum(),
            layer_classes,
            parameters: artifact.parameters() + lora_parameters(artifact),
            trainable: all_known.then(|| trainable.map(|(_, variable)| variable.elements()).sum()),
            optimizer: optimizer.and_then(|tree| tree.class_name().or(tree.as_str())).map(str::to_owned),
            optimizer_parameters: artifact.of_role(Role::Optimizer).map(|entry| entry.1.elements()).sum(),
            variables: artifact.variables.len(),
            variable_bytes: artifact.variables.iter().map(|entry| entry.1.data.len()).sum(),
            bytes_by_dtype,
            assets: artifact.assets.keys().cloned().collect(),
            custom_objects: custom,
            notes: artifact.notes.clone(),
        }
    }

    /// The report as JSON; the field names are stable.
    pub fn to_tree(&self) -> Tree {
        let text = |value: &Option<String>| Tree::from(value.as_deref());
        let classes: Object =
            self.layer_classes.iter().map(|(class, count)| (class.clone(), Tree::from(*count))).collect();
        let dtypes: Object = self
            .bytes_by_dtype
            .iter()
            .map(|(dtype, bytes)| (dtype.to_string(), Tree::from(*bytes)))
            .collect();
        Tree::from([
            ("format", Tree::from(self.format.as_str())),
            ("keras_version", text(&self.keras_version)),
            ("backend", text(&self.backend)),
            ("date_saved", text(&self.date_saved)),
            ("class_name", text(&self.class_name)),
            ("name", text(&self.name)),
            ("layers", Tree::from(self.layers)),
            ("layer_classes", Tree::Object(classes)),
            ("parameters", Tree::from(self.parameters)),
            ("trainable", Tree::from(self.trainable)),
            ("non_trainable", Tree::from(self.trainable.map(|count| self.parameters.saturating_sub(count)))),
            ("optimizer", text(&self.optimizer)),
            ("optimizer_parameters", Tree::from(self.optimizer_parameters)),
            ("variables", Tree::from(self.variables)),
            ("variable_bytes", Tree::from(self.variable_bytes)),
            ("bytes_by_dtype", Tree::Object(dtypes)),
            ("assets", Tree::from(self.assets.clone())),
            ("custom_objects", Tree::from(self.custom_objects.clone())),
            ("notes", Tree::from(self.notes.clone())),
        ])
    }
}

/// Elements of the LoRA factors: part of `count_params()`, but merged into the kernels when Keras saves.
fn lora_parameters(artifact: &Artifact) -> u64 {
    // Few models have any, and the walk takes as long as reading the weights.
    let Some(config) = artifact.config.as_ref().filter(|config| mentions(config, "lora_rank")) else {
        return 0;
    };
    let walk = walk::objects(config);
    let factors = walk.objects().iter().filter_map(|object| {
        let rank = object.lora_rank?;
        // The kernel (or table) is the first variable; its factors are (..., in, rank) and (rank, out).
        let kernel = artifact.variables.get(&format!("{}/vars/0", object.path))?;
        let (out, rest) = kernel.shape.split_last()?;
        let rows: u64 = rest.iter().product();
        rows.checked_add(*out)?.checked_mul(rank)
    });
    factors.sum()
}

/// Whether a key stands anywhere in a tree.
fn mentions(tree: &Tree, key: &str) -> bool {
    match tree {
        Tree::Object(entries) => entries.iter().any(|(own, value)| own == key || mentions(value, key)),
        Tree::List(items) => items.iter().any(|item| mentions(item, key)),
        _ => false,
    }
}

/// Counts the layers of a model config, nested models included, the models themselves not.
fn count_layers(model: &Tree, classes: &mut IndexMap<String, usize>) {
    let layers = model.path(&["config", "layers"]).and_then(Tree::as_list).unwrap_or_default();
    for layer in layers {
        if layer.path(&["config", "layers"]).and_then(Tree::as_list).is_some() {
            count_layers(layer, classes);
        } else if let Some(class) = layer.class_name() {
            *classes.entry(class.to_owned()).or_insert(0) += 1;
        }
    }
}

/// Names of the objects that Keras does not have: `package>Name` or what Python code stands behind.
fn find_custom(tree: &Tree, found: &mut Vec<String>) {
    match tree {
        Tree::Object(entries) => {
            if let Some(name) = custom_name(tree)
                && !found.contains(&name)
            {
                found.push(name);
            }
            entries.values().for_each(|value| find_custom(value, found));
        }
        Tree::List(items) => items.iter().for_each(|item| find_custom(item, found)),
        _ => {}
    }
}

fn custom_name(object: &Tree) -> Option<String> {
    let class = object.class_name()?;
    if class == "__lambda__" || class == "Lambda" {
        return Some("Lambda".to_owned());
    }
    let module = object.get("module")?;
    let registered = object.get("registered_name").and_then(Tree::as_str);
    let is_keras = module.as_str().is_some_and(|module| {
        ["keras", "keras_core", "tf_keras", "tensorflow"].iter().any(|root| {
            module.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    });
    let is_package = registered.is_some_and(|name| name.contains('>'));
    if class == "function" {
        return (!is_keras).then(|| registered.or(object.get("config")?.as_str()).map(str::to_owned))?;
    }
    (!is_keras || is_package).then(|| registered.unwrap_or(class).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::Limits;

    #[test]
    fn custom_objects_are_told_from_keras_ones() {
        let config = br#"{"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": [
            {"module": "keras.layers", "class_name": "Dense", "config": {"activation": "relu"}, "registered_name": null},
            {"module": null, "class_name": "Mine", "config": {}, "registered_name": "pkg>Mine"},
            {"module": "keras.layers", "class_name": "Lambda", "config": {"function": {"class_name": "__lambda__"}},
             "registered_name": null}]}, "registered_name": null}"#;
        let mut artifact = Artifact::new();
        artifact.config = Some(Tree::parse(config, &Limits::default()).unwrap());
        let report = Report::of(&artifact);
        assert_eq!(report.custom_objects, ["pkg>Mine", "Lambda"]);
        assert_eq!((report.layers, report.name.as_deref()), (3, Some("m")));
    }
}
