//! `random`: numbers that follow from a seed, the same as TensorFlow's stateless ops give on the CPU.

use super::generator::Generator;
use super::philox::Philox;
use super::threefry::{Draw, threefry};
use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::size::{Dim, Size, dims, shape_of_dims};
use crate::ops::{self, Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result, named_attribute};

/// How the numbers are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Evenly from 0 to below 1.
    Uniform,
    /// Normally, with mean 0 and variance 1.
    Normal,
    /// Normally, without what is 2 or more from the mean.
    TruncatedNormal,
    /// All bits at random; only for whole numbers.
    Bits,
}

named_attribute!(Distribution {
    Uniform = "uniform",
    Normal = "normal",
    TruncatedNormal = "truncated_normal",
    Bits = "bits",
});

op! {
    /// Numbers that follow from the first input, a seed of two whole numbers; further inputs only lend the sizes of their
    /// axes (they are numbered with the seed as 0).
    pub struct Random("random") {
        /// How the numbers are spread.
        pub distribution: Distribution,
        /// Sizes of the axes.
        pub dims: Vec<Dim>,
        /// Element type.
        pub dtype: DType,
    }
}

/// Numbers of a distribution that follow from a seed of two whole numbers.
pub fn random(
    seed: &Tensor,
    distribution: Distribution,
    sizes: impl IntoIterator<Item = impl Into<Size>>,
    dtype: DType,
) -> Result<Tensor> {
    let mut inputs = vec![seed.clone()];
    let dims = dims(sizes, &mut inputs);
    GraphBuilder::innermost(&inputs)?.add_one(Random { distribution, dims, dtype }, &inputs)
}

/// Numbers spread evenly from `low` to below `high`.
pub fn random_uniform(
    seed: &Tensor,
    sizes: impl IntoIterator<Item = impl Into<Size>>,
    low: f64,
    high: f64,
    dtype: DType,
) -> Result<Tensor> {
    if seed.builder().generator() == Generator::Jax {
        return threefry(seed, Draw::Uniform, (low, high), sizes, dtype);
    }
    let unit = random(seed, Distribution::Uniform, sizes, dtype)?;
    let (low, high) = (ops::scalar(&unit, low)?, ops::scalar(&unit, high)?);
    ops::add(&ops::multiply(&unit, &ops::subtract(&high, &low)?)?, &low)
}

/// Numbers spread normally.
pub fn random_normal(
    seed: &Tensor,
    sizes: impl IntoIterator<Item = impl Into<Size>>,
    mean: f64,
    stddev: f64,
    dtype: DType,
) -> Result<Tensor> {
    let standard = match seed.builder().generator() {
        Generator::Jax => threefry(seed, Draw::Normal, (0.0, 0.0), sizes, dtype)?,
        Generator::TensorFlow => random(seed, Distribution::Normal, sizes, dtype)?,
    };
    ops::plus(&ops::times(&standard, stddev)?, mean)
}

/// Numbers spread normally, without what is two or more standard deviations from the mean.
pub fn random_truncated_normal(
    seed: &Tensor,
    sizes: impl IntoIterator<Item = impl Into<Size>>,
    mean: f64,
    stddev: f64,
    dtype: DType,
) -> Result<Tensor> {
    let standard = match seed.builder().generator() {
        Generator::Jax => threefry(seed, Draw::TruncatedNormal, (-2.0, 2.0), sizes, dtype)?,
        Generator::TensorFlow => random(seed, Distribution::TruncatedNormal, sizes, dtype)?,
    };
    ops::plus(&ops::times(&standard, stddev)?, mean)
}

/// Whole numbers spread evenly from `low` to below `high`, as int32 or int64.
pub fn random_integers(
    seed: &Tensor,
    sizes: impl IntoIterator<Item = impl Into<Size>>,
    low: i64,
    high: i64,
    dtype: DType,
) -> Result<Tensor> {
    let unsigned = match dtype {
        DType::Int32 => DType::Uint32,
        DType::Int64 => DType::Uint64,
        other => return Err(Error::usage(format!("random whole numbers as {other}"))),
    };
    let span = high.checked_sub(low).filter(|span| *span > 0);
    let span = span.ok_or_else(|| Error::usage(format!("no whole number from {low} to below {high}")))?;
    if seed.builder().generator() == Generator::Jax {
        // Without 64-bit mode, JAX draws 32 bits whatever is asked for.
        let drawn = threefry(seed, Draw::Integers, (low as f64, high as f64), sizes, DType::Int32)?;
        return ops::cast(&drawn, dtype);
    }
    let bits = random(seed, Distribution::Bits, sizes, unsigned)?;
    let span = ops::full(bits.builder(), Vec::<Size>::new(), span, unsigned)?;
    ops::plus(&ops::cast(&ops::remainder(&bits, &span)?, dtype)?, low)
}

/// Whether numbers from 0 to 1 fall below a probability: one where `keep` is drawn, zero elsewhere.
pub fn random_bernoulli(
    seed: &Tensor,
    sizes: impl IntoIterator<Item = impl Into<Size>>,
    probability: &Tensor,
) -> Result<Tensor> {
    let unit = random_uniform(seed, sizes, 0.0, 1.0, probability.dtype())?;
    ops::less(&unit, probability)
}

/// For each row of logits, so many classes drawn (int32), by way of Gumbel noise; not the draws of TensorFlow.
pub fn random_categorical(seed: &Tensor, logits: &Tensor, count: usize) -> Result<Tensor> {
    let sizes = [logits.size(0), Size::Known(count as u64), logits.size(1)];
    let unit = random(seed, Distribution::Uniform, sizes, DType::Float32)?;
    let positive = ops::maximum(&unit, &ops::scalar(&unit, f64::from(f32::MIN_POSITIVE))?)?;
    let noise = ops::negative(&ops::log(&ops::negative(&ops::log(&positive)?)?)?)?;
    let scores = ops::add(&ops::expand_dims(&ops::cast(logits, DType::Float32)?, 1)?, &noise)?;
    ops::argmax(&scores, Some(-1), false)
}

impl Op for Random {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let seed = inputs.first().ok_or_else(|| Error::mismatch("random numbers without a seed"))?;
        if !seed.dtype.is_integer() || seed.rank() != 1 || seed.size(0).is_some_and(|size| size != 2) {
            return Err(Error::mismatch(format!("a seed is two whole numbers, found {seed}")));
        }
        let fits = match self.dtype {
            DType::Float16 | DType::Bfloat16 | DType::Float32 | DType::Float64 => {
                self.distribution != Distribution::Bits
            }
            DType::Uint32 | DType::Uint64 => self.distribution == Distribution::Bits,
            _ => false,
        };
        if !fits || self.dims.contains(&Dim::Infer) {
            return Err(Error::mismatch(format!("{} numbers of {}", self.distribution.name(), self.dtype)));
        }
        Ok(vec![TensorSpec::new(self.dtype, shape_of_dims(&self.dims, inputs)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.swap_remove(0).sizes()?;
        let count = crate::array::element_count(&shape)?;
        let seed = inputs[0].to_i64s()?;
        let philox = Philox::from_seed([seed[0] as u64, seed[1] as u64]);
        if self.dtype == DType::Uint32 {
            return Ok(vec![Array::from_vec(shape, fill(philox, count, |generator| generator.step()))?]);
        }
        if self.dtype == DType::Uint64 {
            let pair = |generator: &mut Philox| doubles(generator.step());
            return Ok(vec![Array::from_vec(shape, fill(philox, count, pair))?]);
        }
        let is_double = self.dtype == DType::Float64;
        let values = match self.distribution {
            Distribution::TruncatedNormal => truncated(philox, count, is_double),
            Distribution::Normal if is_double => fill(philox, count, |g| normal_pair_f64(doubles(g.step()))),
            Distribution::Normal => fill(philox, count, |g| {
                let [a, b, c, d] = g.step();
                let ([a, b], [c, d]) = (normal_pair(a, b), normal_pair(c, d));
                [a, b, c, d].map(f64::from)
            }),
            _ if is_double => fill(philox, count, |g| doubles(g.step()).map(unit_f64)),
            _ => {
                let mantissa_bits = match self.dtype {
                    DType::Float16 => 10,
                    DType::Bfloat16 => 7,
                    _ => 23,
                };
                fill(philox, count, |g| g.step().map(|word| unit(word, mantissa_bits)))
            }
        };
        Ok(vec![Array::from_vec(shape, values)?.cast(self.dtype)?])
    }
}

/// `count` numbers, a group a call.
pub(super) fn fill<T: Clone, const N: usize>(mut philox: Philox, count: usize, group: impl Fn(&mut Philox) -> [T; N]) -> Vec<T> {
    let mut out = Vec::with_capacity(count + N);
    while out.len() < count {
        out.extend(group(&mut philox));
    }
    out.truncate(count);
    out
}

/// Four words as two of 64 bits.
pub(super) fn doubles([a, b, c, d]: [u32; 4]) -> [u64; 2] {
    [u64::from(a) | u64::from(b) << 32, u64::from(c) | u64::from(d) << 32]
}

/// The low bits of a word as a fraction.
fn unit(word: u32, bits: u32) -> f64 {
    f64::from(word & ((1 << bits) - 1)) / f64::from(1u32 << bits)
}

/// 52 bits as a fraction; the first word of a pair gives the high ones.
pub(super) fn unit_f64(pair: u64) -> f64 {
    let bits = (pair & 0xf_ffff) << 32 | pair >> 32;
    bits as f64 / (1u64 << 52) as f64
}

/// Two normal numbers from two words (Box and Muller), in float32.
fn normal_pair(a: u32, b: u32) -> [f32; 2] {
    let distance = (unit(a, 23) as f32).max(1e-7);
    let angle = 2.0 * std::f32::consts::PI * unit(b, 23) as f32;
    let radius = (-2.0 * distance.ln()).sqrt();
    [angle.sin() * radius, angle.cos() * radius]
}

/// Two normal numbers from two words, in float64.
pub(super) fn normal_pair_f64([a, b]: [u64; 2]) -> [f64; 2] {
    let distance = unit_f64(a).max(1e-7);
    let angle = 2.0 * std::f64::consts::PI * unit_f64(b);
    let radius = (-2.0 * distance.ln()).sqrt();
    [angle.sin() * radius, angle.cos() * radius]
}

/// Normal numbers drawn again until they are below 2. Every number has 64 steps of the generator to itself, since it is not
/// known before how many it needs.
fn truncated(philox: Philox, count: usize, is_double: bool) -> Vec<f64> {
    const STEPS: u64 = 64;
    let size = if is_double { 2 } else { 4 };
    let mut out = Vec::with_capacity(count + size);
    for group in 0..count.div_ceil(size) {
        let mut generator = philox.skipped(group as u64 * size as u64 * STEPS);
        let mut words: Vec<u32> = Vec::new();
        let end = out.len() + size;
        while out.len() < end {
            if words.is_empty() {
                words.extend(generator.step());
            }
            let pair = if is_double {
                let all = std::mem::take(&mut words);
                normal_pair_f64(doubles([all[0], all[1], all[2], all[3]]))
            } else {
                let pair: Vec<u32> = words.drain(..2).collect();
                normal_pair(pair[0], pair[1]).map(f64::from)
            };
            out.extend(pair.into_iter().filter(|value| value.abs() < 2.0).take(end - out.len()));
        }
    }
    out.truncate(count);
    out
}
