//! `hard_sigmoid` before Keras 3: clip(0.2 x + 0.5, 0, 1), where Keras 3 means relu6(x + 3) / 6.
//!
//! It is written as a layer that serves as activation, `Sequential([Rescaling(0.2, 0.5), ReLU(max_value=1)])` of the
//! name [`HARD_SIGMOID_NAME`], which Keras 3 loads as it is.

use kerata_core::Tree;

/// Name of the model that stands for the old `hard_sigmoid`.
pub const HARD_SIGMOID_NAME: &str = "hard_sigmoid_of_keras_2";

/// Whether a serialized activation is the old `hard_sigmoid`.
pub fn is_old_hard_sigmoid(activation: &Tree) -> bool {
    activation.class_name() == Some("Sequential")
        && activation.path(&["config", "name"]).and_then(Tree::as_str) == Some(HARD_SIGMOID_NAME)
}

/// The old `hard_sigmoid` in the Keras 3 dialect.
pub(super) fn old_hard_sigmoid() -> Tree {
    let layer = |class: &str, config: Tree| {
        Tree::from([
            ("module", Tree::from("keras.layers")),
            ("class_name", Tree::from(class)),
            ("config", config),
            ("registered_name", Tree::Null),
        ])
    };
    let rescaling = layer(
        "Rescaling",
        Tree::from([
            ("name", Tree::from("rescaling")),
            ("trainable", Tree::from(true)),
            ("scale", Tree::from(0.2)),
            ("offset", Tree::from(0.5)),
        ]),
    );
    let clip = layer(
        "ReLU",
        Tree::from([
            ("name", Tree::from("re_lu")),
            ("trainable", Tree::from(true)),
            ("max_value", Tree::from(1.0)),
            ("negative_slope", Tree::from(0.0)),
            ("threshold", Tree::from(0.0)),
        ]),
    );
    Tree::from([
        ("module", Tree::from("keras")),
        ("class_name", Tree::from("Sequential")),
        (
            "config",
            Tree::from([
                ("name", Tree::from(HARD_SIGMOID_NAME)),
                ("trainable", Tree::from(true)),
                ("layers", Tree::List(vec![rescaling, clip])),
            ]),
        ),
        ("registered_name", Tree::Null),
    ])
}

/// The Keras 3 names of activations that were spelled otherwise.
pub(super) const RENAMED: &[(&str, &str)] =
    &[("log_softmax_v2", "log_softmax"), ("softmax_v2", "softmax"), ("swish", "silu")];
