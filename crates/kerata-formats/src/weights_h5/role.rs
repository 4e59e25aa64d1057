//! What a variable is for, told by its path in a Keras 3 weights file.

use kerata_core::{DType, Role};

/// Names that Keras gives its optimizers; a subclassed model may keep one under any attribute.
const OPTIMIZERS: &[&str] = &[
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "ftrl",
    "lamb",
    "lion",
    "loss_scale_optimizer",
    "muon",
    "nadam",
    "rmsprop",
    "schedule_free_adam_w",
    "sgd",
    "SGD",
];

/// The role of what an object keeps in its own variables.
///
/// `name` is the name noted beside them, `first` the dtype and rank of its variable `0`.
pub(super) fn of_object(path: &str, name: Option<&str>, first: Option<(DType, usize)>) -> Role {
    let mut parts = path.split('/');
    let top = parts.next().unwrap_or_default();
    let is_top = parts.next().is_none();
    if top == "optimizer" {
        return Role::Optimizer;
    }
    if top == "metrics" && !is_top {
        return Role::Metric;
    }
    if path.split('/').any(|part| matches!(part, "seed_generator" | "_random_generator")) {
        return Role::Seed;
    }
    let starts_with_a_step_count = matches!(first, Some((DType::Int32 | DType::Int64, 0)));
    if is_top && starts_with_a_step_count && name.is_some_and(is_optimizer_name) {
        return Role::Optimizer;
    }
    Role::Weight
}

/// The role of a variable of which only the path is known.
pub(crate) fn role_of_path(path: &str) -> Role {
    of_object(path, None, None)
}

/// Whether a name is an optimizer's, perhaps with a number behind (`adam_1`).
fn is_optimizer_name(name: &str) -> bool {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
    OPTIMIZERS.contains(&base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_follow_paths() {
        let float = Some((DType::Float32, 2));
        let count = Some((DType::Int64, 0));
        assert_eq!(of_object("layers/dense", Some("dense"), float), Role::Weight);
        assert_eq!(of_object("optimizer", Some("adam"), count), Role::Optimizer);
        assert_eq!(of_object("optimizer/_learning_rate", None, None), Role::Optimizer);
        assert_eq!(of_object("g_opt", Some("adam_1"), count), Role::Optimizer);
        assert_eq!(of_object("counter", Some("counter"), count), Role::Weight);
        assert_eq!(of_object("metrics/mean", None, float), Role::Metric);
        assert_eq!(of_object("layers/dropout/seed_generator", None, float), Role::Seed);
        assert_eq!(of_object("", Some("model"), float), Role::Weight);
    }
}
