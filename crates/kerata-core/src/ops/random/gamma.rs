//! `random_gamma`: numbers of gamma and beta distributions that follow from a seed, as TensorFlow and JAX draw them.
//!
//! Both draw by the method of Marsaglia and Tsang (2000): a normal and an even number at a time, until a pair is accepted.

use super::generator::Generator;
use super::philox::Philox;
use super::random::{doubles, normal_pair_f64, unit_f64};
use super::threefry::{block, normal, unit};
use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::{self, Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

/// Steps of the generator that TensorFlow reserves for each number.
const STEPS: u64 = 256;

op! {
    /// For each element of the second input, the shape of a gamma distribution of scale one, a number of it that follows from
    /// the first input, a seed of two whole numbers.
    pub struct RandomGamma("random_gamma") {
        /// Whose numbers.
        pub generator: Generator,
        /// Which of the sequences of the seed: 0 for the only one, 1 and 2 for the two of a beta distribution.
        pub sequence: u64,
        /// Whether logarithms are given, in which small numbers keep their precision.
        pub log: bool,
    }
}

/// For each element of `alpha`, a number of the gamma distribution of that shape.
pub fn random_gamma(seed: &Tensor, alpha: &Tensor) -> Result<Tensor> {
    let generator = seed.builder().generator();
    gamma(seed, alpha, RandomGamma { generator, sequence: 0, log: false })
}

/// For each element of `alpha` and `beta`, a number of the beta distribution of these shapes.
pub fn random_beta(seed: &Tensor, alpha: &Tensor, beta: &Tensor) -> Result<Tensor> {
    let generator = seed.builder().generator();
    let log = generator == Generator::Jax;
    let draw = |shapes: &Tensor, sequence| gamma(seed, shapes, RandomGamma { generator, sequence, log });
    let (mut a, mut b) = (draw(alpha, 1)?, draw(beta, 2)?);
    if log {
        let most = ops::maximum(&a, &b)?;
        (a, b) = (ops::exp(&ops::subtract(&a, &most)?)?, ops::exp(&ops::subtract(&b, &most)?)?);
    }
    ops::divide(&a, &ops::add(&a, &b)?)
}

fn gamma(seed: &Tensor, alpha: &Tensor, op: RandomGamma) -> Result<Tensor> {
    let inputs = [seed.clone(), alpha.clone()];
    GraphBuilder::innermost(&inputs)?.add_one(op, &inputs)
}

impl Op for RandomGamma {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [seed, alpha] = inputs else {
            return Err(Error::mismatch("gamma numbers take a seed and shapes"));
        };
        if !seed.dtype.is_integer() || seed.rank() != 1 || seed.size(0).is_some_and(|size| size != 2) {
            return Err(Error::mismatch(format!("a seed is two whole numbers, found {seed}")));
        }
        let fits = match self.generator {
            Generator::TensorFlow => !self.log,
            // Wider numbers take JAX's 64-bit mode.
            Generator::Jax => alpha.dtype != DType::Float64,
        };
        if !alpha.dtype.is_float() || !fits || self.sequence > 2 {
            return Err(Error::unsupported(format!("gamma numbers of {} as this backend draws them", alpha.dtype)));
        }
        Ok(vec![alpha.clone()])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let spec = self.spec(&specs)?.swap_remove(0);
        let seed = inputs[0].to_i64s()?;
        let alphas = inputs[1].to_f64s()?;
        let values: Vec<f64> = match self.generator {
            Generator::TensorFlow => {
                let shift = if self.sequence == 2 { 12 } else { 0 };
                let philox = Philox::from_seed([(seed[0] + shift) as u64, (seed[1] + shift) as u64]);
                let least = least(spec.dtype);
                let own = |at: usize| philox.skipped(STEPS * at as u64);
                alphas.iter().enumerate().map(|(at, &alpha)| by_philox(own(at), alpha).max(least)).collect()
            }
            Generator::Jax => {
                let mut key = [seed[0] as u32, seed[1] as u32];
                if let Some(part) = self.sequence.checked_sub(1) {
                    key = block(key, part);
                }
                let own = |at: usize| block(key, at as u64);
                let drawn = |(at, &alpha): (usize, &f64)| by_threefry(own(at), alpha as f32, self.log).into();
                alphas.iter().enumerate().map(drawn).collect()
            }
        };
        Ok(vec![Array::from_vec(inputs[1].shape(), values)?.cast(spec.dtype)?])
    }
}

/// The smallest normal number of a dtype, which TensorFlow gives for smaller ones.
fn least(dtype: DType) -> f64 {
    match dtype {
        DType::Float16 => half::f16::MIN_POSITIVE.to_f64(),
        DType::Float64 => f64::MIN_POSITIVE,
        _ => f32::MIN_POSITIVE.into(),
    }
}

/// Numbers of the generator two at a time, the second first.
struct Pairs<'a> {
    left: Vec<f64>,
    pair: &'a dyn Fn([u64; 2]) -> [f64; 2],
}

impl Pairs<'_> {
    fn next(&mut self, philox: &mut Philox) -> f64 {
        if self.left.is_empty() {
            self.left.extend((self.pair)(doubles(philox.step())));
        }
        self.left.pop().unwrap_or_default()
    }
}

/// A number as TensorFlow draws it, in float64.
fn by_philox(mut philox: Philox, alpha: f64) -> f64 {
    let mut even = Pairs { left: Vec::new(), pair: &|pair| pair.map(unit_f64) };
    if alpha == 1.0 {
        return -(-even.next(&mut philox)).ln_1p();
    }
    let mut normals = Pairs { left: Vec::new(), pair: &normal_pair_f64 };
    let d = alpha + if alpha < 1.0 { 2.0 / 3.0 } else { -1.0 / 3.0 };
    let c = 1.0 / 3.0 / d.sqrt();
    // A shape that is no number accepts nothing.
    if d.is_nan() || d <= 0.0 {
        return f64::NAN;
    }
    loop {
        let x = normals.next(&mut philox);
        let v = 1.0 + c * x;
        if v <= 0.0 {
            continue;
        }
        let v = v * v * v;
        let u = even.next(&mut philox);
        if u < 1.0 - 0.0331 * (x * x) * (x * x) || u.ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
            let less_than_one = if alpha < 1.0 { even.next(&mut philox).powf(1.0 / alpha) } else { 1.0 };
            return d * v * less_than_one;
        }
    }
}

/// A number as JAX draws it, in float32.
fn by_threefry(key: [u32; 2], alpha: f32, log: bool) -> f32 {
    const THIRD: f32 = 1.0 / 3.0;
    let is_large = alpha >= 1.0;
    let d = if is_large { alpha } else { alpha + 1.0 } - THIRD;
    let c = THIRD / d.sqrt();
    if d.is_nan() || d <= 0.0 {
        return f32::NAN;
    }
    let (mut key, boost_key) = (block(key, 0), block(key, 1));
    let cube = loop {
        let (mut normal_key, even_key) = (block(key, 1), block(key, 2));
        key = block(key, 0);
        let (x, v) = loop {
            let x = normal(block(normal_key, 1));
            normal_key = block(normal_key, 0);
            let v = 1.0 + x * c;
            if v > 0.0 {
                break (x, v);
            }
        };
        let (square, cube, u) = (x * x, v * v * v, unit(even_key));
        let is_refused = u >= 1.0 - 0.0331 * (square * square)
            && u.ln() >= square * 0.5 + d * ((1.0 - cube) + cube.ln());
        if !is_refused {
            break cube;
        }
    };
    let u = unit(boost_key);
    if log {
        let sample = (-u).ln_1p();
        let boost = if is_large || sample == 0.0 { 0.0 } else { sample * (1.0 / alpha) };
        d.ln() + cube.ln() + boost
    } else {
        let boost = if is_large { 1.0 } else { (1.0 - u).powf(1.0 / alpha) };
        d * cube * boost
    }
}
