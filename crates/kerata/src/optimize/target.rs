//! `Target`: what a model is to be good at, the passes that this chooses, and why.

use kerata_core::{DType, Error, Result};

use super::{OptimizeOptions, Quantization};

/// What a model is to be good at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The fewest bytes.
    Smallest,
    /// The fastest run on kerata's CPU engine.
    FastestCpu,
    /// A lean file for Keras with the same numbers.
    Keras,
    /// TensorFlow Serving.
    TfServing,
}

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("fastest-cpu", Target::FastestCpu),
    ("keras", Target::Keras),
    ("smallest", Target::Smallest),
    ("tf-serving", Target::TfServing),
];

impl Target {
    /// The target of a name.
    pub fn named(name: &str) -> Result<Self> {
        let found = TARGETS.iter().find(|(known, _)| *known == name);
        found.map(|(_, target)| *target).ok_or_else(|| {
            let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            Error::usage(format!("unknown target `{name}`")).hint(format!("targets: {}", names.join(", ")))
        })
    }

    /// The passes that it chooses.
    pub fn options(self) -> OptimizeOptions {
        let lean = OptimizeOptions::new().drop_optimizer(true).prune(true);
        match self {
            Self::Smallest => lean.quantize(Quantization::INT4).dtype(DType::Float16),
            Self::FastestCpu => lean.fold(true).quantize(Quantization::INT8),
            Self::Keras => lean,
            Self::TfServing => lean.fold(true),
        }
    }

    /// Whether tensors are compressed.
    pub fn compresses(self) -> bool {
        matches!(self, Self::Smallest | Self::Keras)
    }

    /// Why, one sentence a choice.
    pub fn reasons(self) -> &'static [&'static str] {
        match self {
            Self::Smallest => &[
                "optimizer state is left out: only training needs it",
                "dense layers and embeddings take 4 bits a weight, in blocks of 128: the smallest layout of Keras",
                "all other float weights take 16 bits; Keras widens them when it loads",
                "tensors and config are deflated: Keras reads them, a little slower",
                "give --eval and --max-accuracy-drop to have the smallest form found that keeps its accuracy",
            ],
            Self::FastestCpu => &[
                "optimizer state is left out: only training needs it",
                "BatchNormalization is folded into the layer before it: one pass over the data less",
                "dense layers take 8 bits: a fourth of the memory traffic, and 8-bit dot products where the processor has them",
                "nothing is compressed: weights are used where they lie in the file",
            ],
            Self::Keras => &[
                "optimizer state is left out: only training needs it",
                "weights keep every bit; they are deflated, which Keras reads",
            ],
            Self::TfServing => &[
                "optimizer state, unused variables and second copies are left out",
                "BatchNormalization is folded into the layer before it: TensorFlow does not do it by itself",
                "weights stay float32: TensorFlow's kernels for smaller types are slower on a CPU",
            ],
        }
    }
}
