//! `threefry`: numbers that follow from a key, the same as JAX's `jax.random` gives (threefry 2×32-20 of Salmon et al. 2011,
//! each element numbered by its place, which is JAX's `threefry_partitionable`).

use half::{bf16, f16};

use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::size::{Dim, Size, dims, shape_of_dims};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result, named_attribute};

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Numbers spread evenly from `low` to below `high`.
    Uniform,
    /// Numbers spread normally, with mean 0 and variance 1.
    Normal,
    /// Numbers spread normally, between `low` and `high`.
    TruncatedNormal,
    /// Whole numbers from `low` to below `high`.
    Integers,
    /// All bits at random; only for whole numbers.
    Bits,
}

named_attribute!(Draw {
    Uniform = "uniform",
    Normal = "normal",
    TruncatedNormal = "truncated_normal",
    Integers = "integers",
    Bits = "bits",
});

op! {
    /// Numbers that follow from the first input, a key of two whole numbers; further inputs only lend the sizes of their
    /// axes (they are numbered with the key as 0).
    pub struct Threefry("threefry") {
        /// What is drawn.
        pub draw: Draw,
        /// Lower end.
        pub low: f64,
        /// Upper end.
        pub high: f64,
        /// Sizes of the axes.
        pub dims: Vec<Dim>,
        /// Element type.
        pub dtype: DType,
    }
}

/// Numbers that JAX draws from a key of two whole numbers.
pub fn threefry(
    key: &Tensor,
    draw: Draw,
    (low, high): (f64, f64),
    sizes: impl IntoIterator<Item = impl Into<Size>>,
    dtype: DType,
) -> Result<Tensor> {
    let mut inputs = vec![key.clone()];
    let dims = dims(sizes, &mut inputs);
    GraphBuilder::innermost(&inputs)?.add_one(Threefry { draw, low, high, dims, dtype }, &inputs)
}

impl Op for Threefry {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let key = inputs.first().ok_or_else(|| Error::mismatch("random numbers without a key"))?;
        if !key.dtype.is_integer() || key.rank() != 1 || key.size(0).is_some_and(|size| size != 2) {
            return Err(Error::mismatch(format!("a key is two whole numbers, found {key}")));
        }
        let fits = match (self.draw, self.dtype) {
            (Draw::Uniform, DType::Float16 | DType::Bfloat16 | DType::Float32) => true,
            (Draw::Normal | Draw::TruncatedNormal, DType::Float16 | DType::Bfloat16 | DType::Float32) => true,
            (Draw::Integers, DType::Int32) => self.low < self.high,
            (Draw::Bits, DType::Uint32 | DType::Uint64) => true,
            _ => false,
        };
        if !fits || self.dims.contains(&Dim::Infer) {
            let (draw, dtype) = (self.draw.name(), self.dtype);
            return Err(Error::unsupported(format!("{draw} numbers of {dtype} as JAX draws them")));
        }
        Ok(vec![TensorSpec::new(self.dtype, shape_of_dims(&self.dims, inputs)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.swap_remove(0).sizes()?;
        let count = crate::array::element_count(&shape)?;
        let key = inputs[0].to_i64s()?;
        let key = [key[0] as u32, key[1] as u32];
        let words = (0..count as u64).map(|place| block(key, place));
        let bits = |[a, b]: [u32; 2]| a ^ b;
        let floats = |made: &mut dyn Iterator<Item = f32>| {
            Array::from_vec(shape.clone(), made.collect::<Vec<f32>>())?.cast(self.dtype)
        };
        let between = |low: f32, high: f32| {
            let dtype = self.dtype;
            move |word| uniform(bits(word), low, high, dtype)
        };
        let array = match self.draw {
            Draw::Bits if self.dtype == DType::Uint64 => {
                let wide = words.map(|[high, low]| u64::from(high) << 32 | u64::from(low));
                Array::from_vec(shape, wide.collect::<Vec<u64>>())?
            }
            Draw::Bits => Array::from_vec(shape, words.map(bits).collect::<Vec<u32>>())?,
            Draw::Integers => {
                let (low, high) = (self.low as i32, self.high as i32);
                Array::from_vec(shape, integers(key, count as u64, low, high).collect::<Vec<i32>>())?
            }
            Draw::Uniform => floats(&mut words.map(between(self.low as f32, self.high as f32)))?,
            Draw::Normal => {
                let low = next_towards_zero(-1.0, self.dtype);
                floats(&mut words.map(between(low, 1.0)).map(|u| std::f32::consts::SQRT_2 * inverse_erf(u)))?
            }
            Draw::TruncatedNormal => {
                let (low, high) = (self.low as f32, self.high as f32);
                let edge = |end: f32| erf(end / std::f32::consts::SQRT_2);
                let normal = |u| std::f32::consts::SQRT_2 * inverse_erf(u);
                let inside = |x: f32| x.max(low.next_up()).min(high.next_down());
                floats(&mut words.map(between(edge(low), edge(high))).map(normal).map(inside))?
            }
        };
        Ok(vec![array])
    }
}

/// The two words of a place.
pub(super) fn block(key: [u32; 2], place: u64) -> [u32; 2] {
    const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
    let keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1bd1_1bda];
    let mut x = [(place >> 32) as u32, place as u32];
    x = [x[0].wrapping_add(keys[0]), x[1].wrapping_add(keys[1])];
    for group in 0..5usize {
        for rotation in ROTATIONS[group % 2] {
            x[0] = x[0].wrapping_add(x[1]);
            x[1] = x[1].rotate_left(rotation) ^ x[0];
        }
        x[0] = x[0].wrapping_add(keys[(group + 1) % 3]);
        x[1] = x[1].wrapping_add(keys[(group + 2) % 3]).wrapping_add(group as u32 + 1);
    }
    x
}

/// The high bits of a word as a fraction between two numbers, rounded as XLA's CPU code rounds.
fn uniform(word: u32, low: f32, high: f32, dtype: DType) -> f32 {
    let spread = match dtype {
        DType::Float16 => {
            let (low, high) = (f16::from_f32(low), f16::from_f32(high));
            let unit = f16::from_bits((word as u16) >> 6 | 0x3c00).to_f32() - 1.0;
            f16::from_f32(unit.mul_add((high - low).to_f32(), low.to_f32())).to_f32()
        }
        DType::Bfloat16 => {
            // Mantissas below eight bits take a byte.
            let (low, high) = (bf16::from_f32(low), bf16::from_f32(high));
            let unit = bf16::from_bits(u16::from(word as u8) >> 1 | 0x3f80) - bf16::ONE;
            (unit * (high - low) + low).to_f32()
        }
        _ => (f32::from_bits(word >> 9 | 0x3f80_0000) - 1.0).mul_add(high - low, low),
    };
    spread.max(low)
}

/// A number from 0 to below 1 in float32, of a key of its own.
pub(super) fn unit(key: [u32; 2]) -> f32 {
    let [a, b] = block(key, 0);
    uniform(a ^ b, 0.0, 1.0, DType::Float32)
}

/// A normal number in float32, of a key of its own.
pub(super) fn normal(key: [u32; 2]) -> f32 {
    let [a, b] = block(key, 0);
    let spread = uniform(a ^ b, next_towards_zero(-1.0, DType::Float32), 1.0, DType::Float32);
    std::f32::consts::SQRT_2 * inverse_erf(spread)
}

/// Whole numbers: two words each, so that the remainder favours none by much.
fn integers(key: [u32; 2], count: u64, low: i32, high: i32) -> impl Iterator<Item = i32> {
    let (first, second) = (block(key, 0), block(key, 1));
    let span = high.wrapping_sub(low) as u32;
    // 2^32 modulo the span, without leaving 32 bits.
    let half = (1u32 << 16) % span;
    let factor = half.wrapping_mul(half) % span;
    (0..count).map(move |place| {
        let [a, b] = [first, second].map(|key| block(key, place)).map(|[a, b]| (a ^ b) % span);
        low.wrapping_add((a.wrapping_mul(factor).wrapping_add(b) % span) as i32)
    })
}

/// The neighbour of a number below zero in the dtype, towards zero.
fn next_towards_zero(x: f32, dtype: DType) -> f32 {
    match dtype {
        DType::Float16 => f16::from_bits(f16::from_f32(x).to_bits() - 1).to_f32(),
        DType::Bfloat16 => bf16::from_bits(bf16::from_f32(x).to_bits() - 1).to_f32(),
        _ => x.next_up(),
    }
}

fn erf(x: f32) -> f32 {
    libm::erf(f64::from(x)) as f32
}

/// The inverse of the error function, by the two polynomials of Giles (2010) that XLA uses.
fn inverse_erf(x: f32) -> f32 {
    const CENTRE: [f32; 9] = [
        2.810_226_4e-8, 3.432_739_4e-7, -3.523_387_7e-6, -4.391_506_5e-6, 2.185_808_7e-4, -1.253_725e-3,
        -4.177_681_6e-3, 2.466_407_3e-1, 1.501_409_4,
    ];
    const TAILS: [f32; 9] = [
        -2.002_142_6e-4, 1.009_505_6e-4, 1.349_343_2e-3, -3.673_428_4e-3, 5.739_507_7e-3, -7.622_461_3e-3,
        9.438_870_5e-3, 1.001_674, 2.832_976_8,
    ];
    let w = -(f64::from(-(x * x)).ln_1p() as f32);
    let (w, polynomial) = if w < 5.0 { (w - 2.5, CENTRE) } else { (w.sqrt() - 3.0, TAILS) };
    if x.abs() == 1.0 {
        return x * f32::INFINITY;
    }
    x * polynomial.iter().fold(0.0, |sum: f32, factor| sum.mul_add(w, *factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test vectors of the Random123 library.
    #[test]
    fn known_answers() {
        assert_eq!(block([0, 0], 0), [0x6b20_0159, 0x99ba_4efe]);
        assert_eq!(block([u32::MAX; 2], u64::MAX), [0x1cb9_96fc, 0xbb00_2be7]);
        assert_eq!(block([0x1319_8a2e, 0x0370_7344], 0x243f_6a88_85a3_08d3), [0xc492_3a9c, 0x483d_f7a0]);
    }
}
