//! The public module of every built-in class, whatever path an older file spells.

use crate::walk;

/// Where an object stands: names of losses and metrics overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Initializer,
    Regularizer,
    Constraint,
    Loss,
    Metric,
    Optimizer,
    Schedule,
}

impl Place {
    /// The public module.
    pub(super) fn module(self) -> &'static str {
        match self {
            Self::Initializer => "keras.initializers",
            Self::Regularizer => "keras.regularizers",
            Self::Constraint => "keras.constraints",
            Self::Loss => "keras.losses",
            Self::Metric => "keras.metrics",
            Self::Optimizer => "keras.optimizers",
            Self::Schedule => "keras.optimizers.schedules",
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Metric => &[],
            Self::Initializer => INITIALIZERS,
            Self::Regularizer => &["L1", "L1L2", "L2", "OrthogonalRegularizer"],
            Self::Constraint => &["MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"],
            Self::Loss => LOSSES,
            Self::Optimizer => OPTIMIZERS,
            Self::Schedule => SCHEDULES,
        }
    }

    /// Whether this is the name of a built-in class.
    pub(super) fn has(self, class: &str) -> bool {
        match self {
            Self::Metric => walk::is_known(class),
            _ => self.names().contains(&class),
        }
    }
}

/// The module that Keras writes for a layer or model.
pub(super) fn of_layer(class: &str) -> (&'static str, Option<&'static str>) {
    match class {
        "Functional" => ("keras.src.models.functional", Some("Functional")),
        "Model" | "Sequential" => ("keras", None),
        "FeatureSpace" => ("keras.utils", None),
        _ => ("keras.layers", None),
    }
}

/// The class name as Keras 3 spells it (`glorot_uniform`, `VarianceScalingV2`, `max_norm` are older spellings).
pub(super) fn spelled(place: Place, class: &str) -> Option<&'static str> {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let wanted = plain(class.trim_end_matches("V3").trim_end_matches("V2").trim_end_matches("V1"));
    let renamed = match (place, wanted.as_str()) {
        (Place::Regularizer, "weightregularizer" | "l1l2regularizer") => "l1l2",
        (Place::Constraint, "unitnorm") => "unitnorm",
        (Place::Initializer, "normal") => "randomnormal",
        (Place::Initializer, "uniform") => "randomuniform",
        (Place::Initializer, "zero") => "zeros",
        (Place::Initializer, "one") => "ones",
        (_, other) => other,
    };
    place.names().iter().find(|name| plain(name) == renamed).copied()
}

const INITIALIZERS: &[&str] = &[
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "STFT",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
];

const LOSSES: &[&str] = &[
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CTC",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
];

const OPTIMIZERS: &[&str] = &[
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "RMSprop",
    "SGD",
    "ScheduleFreeAdamW",
];

const SCHEDULES: &[&str] = &[
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
];
