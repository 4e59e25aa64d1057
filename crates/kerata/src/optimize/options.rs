//! `OptimizeOptions`: what is to be done to a model.

use indexmap::IndexMap;
use kerata_core::DType;
use kerata_core::array::Array;

/// Which passes run, and how.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OptimizeOptions {
    /// Whether the optimizer's state is left out.
    pub drop_optimizer: bool,
    /// The half-precision dtype that float weights are stored in: `float16` or `bfloat16`.
    pub dtype: Option<DType>,
    /// How kernels and embeddings are quantized.
    pub quantize: Option<Quantization>,
    /// Inputs of the model, by name or as `in_0`, ...; float8 takes the scales of activations from them.
    pub calibrate: Option<IndexMap<String, Array>>,
    /// Whether BatchNormalization is folded into the layer before it.
    pub fold: bool,
    /// Whether variables that nothing reads, and second copies, are left out.
    pub prune: bool,
}

impl OptimizeOptions {
    /// Nothing is done.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the optimizer's state is left out.
    #[must_use]
    pub fn drop_optimizer(mut self, drop: bool) -> Self {
        self.drop_optimizer = drop;
        self
    }

    /// Sets the half-precision dtype that float weights are stored in.
    #[must_use]
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = Some(dtype);
        self
    }

    /// Sets how kernels and embeddings are quantized.
    #[must_use]
    pub fn quantize(mut self, quantization: impl Into<Quantization>) -> Self {
        self.quantize = Some(quantization.into());
        self
    }

    /// Sets the inputs that the scales of activations are taken from.
    #[must_use]
    pub fn calibrate(mut self, inputs: IndexMap<String, Array>) -> Self {
        self.calibrate = Some(inputs);
        self
    }

    /// Sets whether BatchNormalization is folded into the layer before it.
    #[must_use]
    pub fn fold(mut self, fold: bool) -> Self {
        self.fold = fold;
        self
    }

    /// Sets whether variables that nothing reads, and second copies, are left out.
    #[must_use]
    pub fn prune(mut self, prune: bool) -> Self {
        self.prune = prune;
        self
    }

    /// Whether the optimizer goes: its slots fit the float weights only.
    pub(super) fn drops_optimizer(&self) -> bool {
        self.drop_optimizer || self.quantize.is_some() || self.fold
    }
}

/// A quantized layout of Keras 3.15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantization {
    /// 8-bit weights, a scale a channel; inputs rounded to 8 bits when the model runs, or not.
    Int8(Activations),
    /// 4-bit weights, two a byte; a scale and a zero point for so many weights, or a scale a channel.
    Int4 {
        /// Weights that share a scale; a whole channel when `None`.
        block_size: Option<usize>,
    },
    /// Float weights that are rounded to 8-bit floats when the model runs: for training, not for size.
    Float8,
}

/// What an 8-bit layer does with its inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activations {
    /// Rounded to 8 bits by their largest value, each time: Keras's default.
    #[default]
    Dynamic,
    /// Left as floats: only weights are quantized.
    Float,
}

impl Quantization {
    /// Keras's default for int8.
    pub const INT8: Self = Self::Int8(Activations::Dynamic);
    /// Keras's default for int4: blocks of 128.
    pub const INT4: Self = Self::Int4 { block_size: Some(128) };

    /// Keras's name of the mode.
    pub fn mode(self) -> &'static str {
        match self {
            Self::Int8(_) => "int8",
            Self::Int4 { .. } => "int4",
            Self::Float8 => "float8",
        }
    }
}
