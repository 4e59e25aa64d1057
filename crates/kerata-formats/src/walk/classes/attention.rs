//! Attention layers.

use crate::walk::facts::{Child, Class, Facts, Part, named};

/// The family.
pub(super) const CLASSES: &[Class] = &[
    Class::own("AdditiveAttention", |facts| named(&[("scale", facts.flag("use_scale", true))])),
    Class::own("Attention", |facts| {
        let concat = facts.text("score_mode") == Some("concat");
        named(&[("scale", facts.flag("use_scale", false)), ("concat_score_weight", concat)])
    }),
    Class {
        python: "GroupedQueryAttention",
        ..Class::holds("GroupQueryAttention", |facts| {
            projections(facts, ["_query_dense", "_key_dense", "_value_dense", "_output_dense"])
        })
    },
    Class::holds("MultiHeadAttention", |facts| {
        projections(facts, ["query_dense", "key_dense", "value_dense", "output_dense"])
    }),
];

/// Query, key, (gate), value, softmax, dropout, output, as they are made.
fn projections<'a>(facts: &Facts<'a>, attributes: [&'static str; 4]) -> Vec<Child<'a>> {
    let [query, key, value, output] = attributes;
    let dense = |attribute: &'static str, name: &str| {
        let part = Part::implied("EinsumDense", name).with("has_bias", facts.flag("use_bias", true));
        let part = part.with("int8", is_int8(facts));
        Child::one(attribute, part)
    };
    let mut children = vec![dense(query, "query"), dense(key, "key")];
    if facts.flag("use_gate", false) {
        children.push(dense("_gate_dense", "gate"));
    }
    children.push(dense(value, "value"));
    children.push(Child::one("_softmax", Part::implied("Softmax", "softmax")));
    children.push(Child::one("_dropout_layer", Part::implied("Dropout", "dropout")));
    children.push(dense(output, "attention_output"));
    children
}

/// Whether a map of policies gives the projections int8 (`era::repair` writes such).
fn is_int8(facts: &Facts<'_>) -> bool {
    let map = facts.get("dtype").and_then(|dtype| dtype.path(&["config", "policy_map"])?.as_object());
    let mode =
        |policy: &kerata_core::Tree| policy.path(&["config", "mode"])?.as_str().map(|mode| mode == "int8");
    let of_query = map
        .into_iter()
        .flatten()
        .find(|(pattern, _)| pattern.ends_with("/(query|key|value|attention_output)"));
    of_query.and_then(|(_, policy)| mode(policy)).unwrap_or(false)
}

/// Whether an `EinsumDense` has a bias: said by its owner, or by `bias_axes`.
pub(super) fn einsum_bias(facts: &Facts<'_>) -> bool {
    facts.flag("has_bias", facts.has("bias_axes"))
}
