//! The training config of a legacy file, spelled so that Keras 3 reads it.

use kerata_core::{Object, Tree};

/// Names of losses and metrics with the class that Keras has for each.
const CLASSES: &[(&str, &str)] = &[
    ("binary_accuracy", "BinaryAccuracy"),
    ("binary_crossentropy", "BinaryCrossentropy"),
    ("categorical_accuracy", "CategoricalAccuracy"),
    ("categorical_crossentropy", "CategoricalCrossentropy"),
    ("categorical_hinge", "CategoricalHinge"),
    ("cosine_similarity", "CosineSimilarity"),
    ("hinge", "Hinge"),
    ("huber", "Huber"),
    ("kl_divergence", "KLDivergence"),
    ("kld", "KLDivergence"),
    ("log_cosh", "LogCosh"),
    ("logcosh", "LogCosh"),
    ("mae", "MeanAbsoluteError"),
    ("mape", "MeanAbsolutePercentageError"),
    ("mean_absolute_error", "MeanAbsoluteError"),
    ("mean_absolute_percentage_error", "MeanAbsolutePercentageError"),
    ("mean_squared_error", "MeanSquaredError"),
    ("mean_squared_logarithmic_error", "MeanSquaredLogarithmicError"),
    ("mse", "MeanSquaredError"),
    ("msle", "MeanSquaredLogarithmicError"),
    ("poisson", "Poisson"),
    ("sparse_categorical_accuracy", "SparseCategoricalAccuracy"),
    ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"),
    ("squared_hinge", "SquaredHinge"),
];

/// Optimizers that are not in the list of names by which Keras reads those of legacy files.
pub(super) const UNKNOWN: &[&str] = &["Lamb"];

/// A compile config as a legacy file keeps it. Keras 3 cannot read names such as `mse` there; objects it can.
pub(super) fn of_compile_config(config: &Tree) -> Option<Tree> {
    let entries = config.as_object()?;
    let mut out = Object::new();
    for (key, value) in entries.iter().filter(|(key, _)| *key != "optimizer") {
        let value = match key.as_str() {
            "loss" => objects(value, "keras.losses"),
            "metrics" | "weighted_metrics" => objects(value, "keras.metrics"),
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    for key in ["loss", "metrics", "weighted_metrics", "loss_weights"] {
        out.entry(key.to_owned()).or_insert(Tree::Null);
    }
    let optimizer = entries.get("optimizer")?;
    let class = match optimizer {
        Tree::Text(name) => {
            Tree::from([("class_name", Tree::from(name.clone())), ("config", Tree::Object(Object::new()))])
        }
        object => {
            let kept = ["module", "class_name", "config", "registered_name"];
            let kept = kept.into_iter().filter_map(|key| Some((key.to_owned(), object.get(key)?.clone())));
            Tree::Object(kept.collect())
        }
    };
    out.insert("optimizer_config".into(), class);
    Some(Tree::Object(out))
}

fn objects(tree: &Tree, module: &str) -> Tree {
    if tree.class_name().is_some() {
        // A public function stands as an object whose config is its name.
        let name = tree.get("config").and_then(Tree::as_str);
        return name.and_then(|name| object(name, module)).unwrap_or_else(|| tree.clone());
    }
    match tree {
        Tree::Text(name) => object(name, module).unwrap_or_else(|| tree.clone()),
        Tree::List(items) => Tree::List(items.iter().map(|item| objects(item, module)).collect()),
        Tree::Object(entries) => {
            Tree::Object(entries.iter().map(|(key, item)| (key.clone(), objects(item, module))).collect())
        }
        other => other.clone(),
    }
}

fn object(name: &str, module: &str) -> Option<Tree> {
    let class = CLASSES.iter().find(|(short, _)| *short == name)?.1;
    let class = if module == "keras.metrics" && class == "LogCosh" { "LogCoshError" } else { class };
    if module == "keras.metrics" && class == "Huber"
        || module == "keras.losses" && class.ends_with("Accuracy")
    {
        return None;
    }
    let mut config = Object::new();
    config.insert("name".into(), name.into());
    if module == "keras.losses" {
        config.insert("reduction".into(), "sum_over_batch_size".into());
    }
    Some(Tree::from([
        ("module", Tree::from(module)),
        ("class_name", Tree::from(class)),
        ("config", Tree::Object(config)),
        ("registered_name", Tree::Null),
    ]))
}
