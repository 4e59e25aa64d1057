//! Training configs: `optimizer_config`, losses and metrics of any era, as `compile` gets them in Keras 3.

use kerata_core::{Object, Tree};

use super::modules::{self, Place};
use super::objects::built;
use super::{Era, Work};

/// Fields of a compile config that are kept, in Keras's order.
const FIELDS: &[&str] = &[
    "optimizer",
    "loss",
    "loss_weights",
    "metrics",
    "weighted_metrics",
    "run_eagerly",
    "steps_per_execution",
    "jit_compile",
];

/// A training config (or a compile config of Keras 2, which spells objects without modules).
pub(super) fn training(config: &mut Tree, work: &mut Work) {
    let Some(entries) = config.as_object_mut() else { return };
    let mut new = Object::new();
    let optimizer = entries.shift_remove("optimizer_config").or_else(|| entries.shift_remove("optimizer"));
    if let Some(mut value) = optimizer {
        work.inside("optimizer", |work| optimizer_object(&mut value, work));
        new.insert("optimizer".into(), value);
    }
    for (key, place) in
        [("loss", Place::Loss), ("metrics", Place::Metric), ("weighted_metrics", Place::Metric)]
    {
        if let Some(value) = entries.get_mut(key) {
            work.inside(key, |work| nested(value, place, work));
        }
    }
    if let Some(Tree::List(outputs)) = entries.get("metrics") {
        // One output: Keras 2 nests its list of metrics once more.
        if work.era < Era::Keras3
            && let [Tree::List(only)] = outputs.as_slice()
        {
            let only = only.clone();
            entries.insert("metrics".into(), Tree::List(only));
        }
    }
    for key in FIELDS {
        if let Some(value) = entries.shift_remove(*key) {
            new.insert((*key).into(), value);
        }
    }
    // `sample_weight_mode` and its like have no counterpart; unknown keys of Keras 3 files stay.
    if work.era < Era::Keras3 {
        let dropped: Vec<&String> =
            entries.iter().filter(|(_, v)| !v.is_null()).map(|(key, _)| key).collect();
        dropped.into_iter().for_each(|key| work.note(format!("`{key}` is dropped")));
    } else {
        new.extend(std::mem::take(entries));
    }
    new.entry("run_eagerly".into()).or_insert(false.into());
    new.entry("steps_per_execution".into()).or_insert(Tree::Int(1));
    if new.get("steps_per_execution").is_some_and(Tree::is_null) {
        new.insert("steps_per_execution".into(), Tree::Int(1));
    }
    if new.get("run_eagerly").is_some_and(Tree::is_null) {
        new.insert("run_eagerly".into(), false.into());
    }
    if new.get("jit_compile").is_none_or(Tree::is_null) {
        new.insert("jit_compile".into(), false.into());
    }
    *entries = new;
}

/// Losses or metrics in any nesting: names, objects, functions.
fn nested(tree: &mut Tree, place: Place, work: &mut Work) {
    if tree.class_name().is_some() {
        return loss_or_metric(tree, place, work);
    }
    match tree {
        Tree::Text(name) => {
            if let Some((_, new)) = NAMES.iter().find(|(old, _)| old == name) {
                *tree = (*new).into();
            }
        }
        Tree::List(items) => items.iter_mut().for_each(|item| nested(item, place, work)),
        Tree::Object(entries) => entries.values_mut().for_each(|item| nested(item, place, work)),
        _ => {}
    }
}

/// Names that Keras 3 has dropped.
const NAMES: &[(&str, &str)] = &[
    ("mse", "mean_squared_error"),
    ("MSE", "mean_squared_error"),
    ("mae", "mean_absolute_error"),
    ("MAE", "mean_absolute_error"),
    ("mape", "mean_absolute_percentage_error"),
    ("MAPE", "mean_absolute_percentage_error"),
    ("msle", "mean_squared_logarithmic_error"),
    ("MSLE", "mean_squared_logarithmic_error"),
    ("kld", "kl_divergence"),
    ("KLD", "kl_divergence"),
    ("kullback_leibler_divergence", "kl_divergence"),
    ("cosine_proximity", "cosine_similarity"),
    ("cosine", "cosine_similarity"),
    ("logcosh", "log_cosh"),
];

fn loss_or_metric(tree: &mut Tree, place: Place, work: &mut Work) {
    let Some(class) = tree.class_name().map(str::to_owned) else { return };
    if class == "MeanMetricWrapper" || class == "LossFunctionWrapper" {
        let function = tree.path(&["config", "fn"]).cloned();
        if let Some(Tree::Text(name)) = function {
            // A metric that was given by the name of a function.
            let name = NAMES.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| (*new).to_owned());
            *tree = name.into();
        }
        return;
    }
    if class == "function" || class.contains('>') {
        return;
    }
    let known = if place == Place::Loss { modules::spelled(Place::Loss, &class) } else { None };
    let known = known.map(str::to_owned).or_else(|| place.has(&class).then(|| class.clone()));
    let Some(class) = known else { return };
    let mut config = tree.get("config").cloned().unwrap_or_else(|| Tree::Object(Object::new()));
    if let Some(entries) = config.as_object_mut() {
        entries.shift_remove("fn");
        if entries.get("reduction").and_then(Tree::as_str) == Some("auto") {
            entries.insert("reduction".into(), "sum_over_batch_size".into());
            work.note(format!("`reduction` of `{class}` is `sum_over_batch_size`"));
        }
        if entries.get("name").is_some_and(Tree::is_null) {
            entries.shift_remove("name");
        }
    }
    *tree = built(place, &class, config);
}

/// Keras 2 and 1 spellings of an optimizer's fields, by class; empty for all.
const RENAMED: &[(&str, &str, &str)] = &[("", "lr", "learning_rate")];

/// Fields that Keras 3 has no place for; the value says when that changes nothing.
const DROPPED: &[(&str, Option<f64>)] = &[
    ("decay", Some(0.0)),
    ("initial_decay", Some(0.0)),
    ("is_legacy_optimizer", None),
    ("jit_compile", None),
    ("schedule_decay", None),
    ("exclude_from_weight_decay", None),
];

/// An optimizer: a name, or class and config.
fn optimizer_object(tree: &mut Tree, work: &mut Work) {
    let Some(class) = tree.class_name() else { return };
    if class.contains('>') && !class.starts_with("Custom>") && !class.starts_with("Addons>") {
        return;
    }
    let class = class.rsplit('>').next().unwrap_or_default();
    let Some(class) = modules::spelled(Place::Optimizer, class) else { return };
    let mut config = tree.get("config").cloned().unwrap_or_else(|| Tree::Object(Object::new()));
    if let Some(entries) = config.as_object_mut() {
        if class == "LossScaleOptimizer"
            && work.era < Era::Keras3
            && let Some(mut inner) = loss_scale(entries, work)
        {
            optimizer_object(&mut inner, work);
            *tree = inner;
            return;
        }
        fields(class, entries, work);
    }
    *tree = built(Place::Optimizer, class, config);
}

/// Loss scaling of Keras 2 in the fields of Keras 3; with a fixed scale the inner optimizer alone, which takes it.
fn loss_scale(entries: &mut Object, work: &mut Work) -> Option<Tree> {
    if let Some(inner) = entries.shift_remove("optimizer") {
        entries.insert("inner_optimizer".into(), inner);
    }
    let mut is_dynamic = entries.shift_remove("dynamic").and_then(|flag| flag.as_bool()).unwrap_or(true);
    if let Some(scale) = entries.shift_remove("loss_scale") {
        is_dynamic = scale.class_name() != Some("FixedLossScale");
        let old = |key: &str| scale.path(&["config", key]).cloned();
        let number = old("initial_loss_scale").or_else(|| old("loss_scale_value"));
        entries.extend(number.map(|number| ("initial_scale".to_owned(), number)));
        entries.extend(old("increment_period").map(|steps| ("dynamic_growth_steps".to_owned(), steps)));
    }
    if is_dynamic {
        return None;
    }
    let mut inner = entries.get("inner_optimizer")?.clone();
    let scale = entries.get("initial_scale").cloned().unwrap_or_default();
    inner.get_mut("config")?.as_object_mut()?.insert("loss_scale_factor".into(), scale);
    work.note("a fixed loss scale is the optimizer's `loss_scale_factor`");
    Some(inner)
}

fn fields(class: &str, entries: &mut Object, work: &mut Work) {
    for (of, old, new) in RENAMED {
        if (of.is_empty() || *of == class)
            && let Some(value) = entries.shift_remove(*old)
        {
            entries.insert((*new).into(), value);
            work.note(format!("`{old}` is called `{new}`"));
        }
    }
    if let Some(rate) = entries.get_mut("learning_rate")
        && let Some(name) = rate.class_name().and_then(|name| modules::spelled(Place::Schedule, name))
    {
        let mut inner = rate.get("config").cloned().unwrap_or_default();
        // Keras 2 writes `null` for the name that Keras 3 chooses by itself, and takes no `null`.
        if let Some(entries) = inner.as_object_mut().filter(|e| e.get("name").is_some_and(Tree::is_null)) {
            entries.shift_remove("name");
        }
        *rate = built(Place::Schedule, name, inner);
    }
    match class {
        "Nadam" => schedule_of_momentum(entries, work),
        _ => decay(entries, work),
    }
    if work.era < Era::Keras3 {
        for (key, harmless) in DROPPED {
            let Some(value) = entries.shift_remove(*key) else { continue };
            if harmless.is_some_and(|harmless| value.as_f64().unwrap_or(harmless) != harmless) {
                work.note(format!("`{key}` = {} is dropped: Keras 3 has no such field", value.to_json()));
            }
        }
        for key in ["ema_overwrite_frequency", "weight_decay"] {
            // Keras 2 writes numbers where Keras 3 wants `null` for nothing.
            if key == "weight_decay" && entries.get(key).and_then(Tree::as_f64) == Some(0.0) {
                entries.insert(key.into(), Tree::Null);
            }
        }
        if entries.get("use_ema").and_then(Tree::as_bool) == Some(false) {
            entries.shift_remove("ema_overwrite_frequency");
        }
        if entries.get("epsilon").is_some_and(Tree::is_null) {
            entries.insert("epsilon".into(), 1e-7.into());
        }
        if class == "Adagrad" && !entries.contains_key("initial_accumulator_value") {
            entries.insert("initial_accumulator_value".into(), 0.0.into());
        }
        // Old and new spellings of the base fields.
        for (old, new) in [("gradient_clipnorm", "clipnorm"), ("amount", "weight_decay")] {
            if let Some(value) = entries.shift_remove(old) {
                entries.insert(new.into(), value);
            }
        }
        known_fields(class, entries, work);
    }
    if let Some(inner) = entries.get_mut("inner_optimizer") {
        optimizer_object(inner, work);
    }
}

/// `decay` or `schedule_decay` of an older `Nadam` is the pace at which its momentum grows, in steps; Keras 3 has pace 1.
fn schedule_of_momentum(entries: &mut Object, work: &mut Work) {
    for key in ["decay", "schedule_decay"] {
        if let Some(pace) =
            entries.shift_remove(key).and_then(|pace| pace.as_f64()).filter(|pace| *pace != 1.0)
        {
            work.note(format!(
                "the momentum of `Nadam` grows at the pace 1 and not {pace}: Keras 3 has no other, and trains on a little differently"
            ));
        }
    }
}

/// `decay` of older optimizers divides the rate by 1 + decay · step: `InverseTimeDecay` in Keras 3.
fn decay(entries: &mut Object, work: &mut Work) {
    let decay = entries.get("decay").and_then(Tree::as_f64).filter(|decay| *decay != 0.0);
    let (Some(decay), Some(rate)) = (decay, entries.get("learning_rate").and_then(Tree::as_f64)) else {
        return;
    };
    let config = Tree::from([
        ("initial_learning_rate", Tree::from(rate)),
        ("decay_steps", Tree::Int(1)),
        ("decay_rate", Tree::from(decay)),
        ("staircase", Tree::from(false)),
        ("name", Tree::from("InverseTimeDecay")),
    ]);
    entries.insert("learning_rate".into(), built(Place::Schedule, "InverseTimeDecay", config));
    entries.shift_remove("decay");
    work.note("`decay` is written as the schedule `InverseTimeDecay`");
}

/// Fields of every optimizer of Keras 3.
const BASE_FIELDS: &[&str] = &[
    "name",
    "learning_rate",
    "weight_decay",
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
];

/// Fields of one optimizer of Keras 3.
const OWN_FIELDS: &[(&str, &[&str])] = &[
    ("Adadelta", &["rho", "epsilon"]),
    ("Adafactor", &["beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step"]),
    ("Adagrad", &["initial_accumulator_value", "epsilon"]),
    ("Adam", &["beta_1", "beta_2", "epsilon", "amsgrad"]),
    ("AdamW", &["beta_1", "beta_2", "epsilon", "amsgrad"]),
    ("Adamax", &["beta_1", "beta_2", "epsilon"]),
    (
        "Ftrl",
        &[
            "learning_rate_power",
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
            "beta",
        ],
    ),
    ("Lion", &["beta_1", "beta_2"]),
    ("LossScaleOptimizer", &["inner_optimizer", "initial_scale", "dynamic_growth_steps"]),
    ("Nadam", &["beta_1", "beta_2", "epsilon"]),
    ("RMSprop", &["rho", "momentum", "epsilon", "centered"]),
    ("SGD", &["momentum", "nesterov"]),
];

/// Drops what Keras 3's constructor refuses.
fn known_fields(class: &str, entries: &mut Object, work: &mut Work) {
    let Some((_, own)) = OWN_FIELDS.iter().find(|(name, _)| *name == class) else { return };
    let unknown: Vec<String> = entries
        .keys()
        .filter(|key| !BASE_FIELDS.contains(&key.as_str()) && !own.contains(&key.as_str()))
        .cloned()
        .collect();
    for key in unknown {
        let value = entries.shift_remove(&key).unwrap_or_default();
        if !value.is_null() {
            work.note(format!(
                "`{key}` = {} of `{class}` is dropped: Keras 3 has no such field",
                value.to_json()
            ));
        }
    }
}
