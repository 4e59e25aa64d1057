//! `Kind`: what a layer is for, and its colours on light and dark ground.

/// What a layer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Input,
    Model,
    Dense,
    Convolution,
    Recurrent,
    Attention,
    Embedding,
    Normalization,
    Activation,
    Pooling,
    Reshaping,
    Merging,
    Regularization,
    Preprocessing,
    Operation,
    Other,
}

/// Kind, its name for people, its colour on light ground, its colour on dark ground.
pub(super) const KINDS: &[(Kind, &str, &str, &str)] = &[
    (Kind::Input, "input", "#475569", "#94a3b8"),
    (Kind::Model, "model", "#64748b", "#94a3b8"),
    (Kind::Dense, "dense", "#2563eb", "#60a5fa"),
    (Kind::Convolution, "convolution", "#7c3aed", "#a78bfa"),
    (Kind::Recurrent, "recurrent", "#15803d", "#4ade80"),
    (Kind::Attention, "attention", "#be185d", "#f472b6"),
    (Kind::Embedding, "embedding", "#0e7490", "#22d3ee"),
    (Kind::Normalization, "normalization", "#b45309", "#fbbf24"),
    (Kind::Activation, "activation", "#dc2626", "#f87171"),
    (Kind::Pooling, "pooling", "#0f766e", "#2dd4bf"),
    (Kind::Reshaping, "reshaping", "#4d7c0f", "#a3e635"),
    (Kind::Merging, "merging", "#9333ea", "#d8b4fe"),
    (Kind::Regularization, "regularization", "#78716c", "#a8a29e"),
    (Kind::Preprocessing, "preprocessing", "#92400e", "#fdba74"),
    (Kind::Operation, "operation", "#334155", "#cbd5e1"),
    (Kind::Other, "other", "#374151", "#d1d5db"),
];

/// Parts of class names, the first that fits says the kind.
const MARKS: &[(&str, Kind)] = &[
    ("InputLayer", Kind::Input),
    ("Attention", Kind::Attention),
    ("SpectralNormalization", Kind::Other),
    ("UnitNormalization", Kind::Normalization),
    ("BatchNormalization", Kind::Normalization),
    ("LayerNormalization", Kind::Normalization),
    ("GroupNormalization", Kind::Normalization),
    ("RMSNormalization", Kind::Normalization),
    ("Embedding", Kind::Embedding),
    ("LSTM", Kind::Recurrent),
    ("GRU", Kind::Recurrent),
    ("RNN", Kind::Recurrent),
    ("Bidirectional", Kind::Recurrent),
    ("GaussianDropout", Kind::Regularization),
    ("Dropout", Kind::Regularization),
    ("GaussianNoise", Kind::Regularization),
    ("ActivityRegularization", Kind::Regularization),
    ("Pool", Kind::Pooling),
    ("Conv", Kind::Convolution),
    ("Dense", Kind::Dense),
    ("Softmax", Kind::Activation),
    ("ReLU", Kind::Activation),
    ("ELU", Kind::Activation),
    ("Activation", Kind::Activation),
    ("Cropping", Kind::Reshaping),
    ("ZeroPadding", Kind::Reshaping),
    ("UpSampling", Kind::Reshaping),
    ("Flatten", Kind::Reshaping),
    ("Reshape", Kind::Reshaping),
    ("Permute", Kind::Reshaping),
    ("RepeatVector", Kind::Reshaping),
    ("Lookup", Kind::Preprocessing),
    ("Hash", Kind::Preprocessing),
    ("TextVectorization", Kind::Preprocessing),
    ("Rescaling", Kind::Preprocessing),
    ("Normalization", Kind::Preprocessing),
    ("Resizing", Kind::Preprocessing),
    ("CenterCrop", Kind::Preprocessing),
    ("CategoryEncoding", Kind::Preprocessing),
    ("Discretization", Kind::Preprocessing),
    ("Random", Kind::Preprocessing),
    ("Spectrogram", Kind::Preprocessing),
];

/// Names of layers that put tensors together.
const MERGING: &[&str] =
    &["Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"];

impl Kind {
    /// The kind of a class.
    pub fn of(class: &str, is_operation: bool) -> Self {
        if is_operation {
            return Self::Operation;
        }
        if MERGING.contains(&class) {
            return Self::Merging;
        }
        let mark = MARKS.iter().find(|(mark, _)| class.contains(mark));
        mark.map_or(Self::Other, |(_, kind)| *kind)
    }

    /// Name for people.
    pub fn label(self) -> &'static str {
        KINDS.iter().find(|entry| entry.0 == self).map_or("other", |entry| entry.1)
    }
}
