//! `Number`: conversions between element types as TensorFlow's `cast` does them.

use half::{bf16, f16};

/// A number wide enough to hold any element exactly.
#[derive(Clone, Copy, Debug)]
pub enum Wide {
    /// Whole numbers and bools.
    Int(i64),
    /// `uint64`.
    Uint(u64),
    /// Floats.
    Float(f64),
}

/// A real element type.
pub trait Number: Copy {
    /// The exact value.
    fn wide(self) -> Wide;

    /// The value in this type: whole numbers wrap around, floats round to nearest, a float that becomes a whole
    /// number is cut, and gives what x86 processors give when it does not fit.
    fn from_wide(wide: Wide) -> Self;

    /// The nearest float64.
    fn to_f64(self) -> f64 {
        match self.wide() {
            Wide::Int(value) => value as f64,
            Wide::Uint(value) => value as f64,
            Wide::Float(value) => value,
        }
    }
}

/// A float cut to 32 bits; what does not fit gives the smallest number.
fn cut_i32(value: f64) -> i32 {
    if value > -2_147_483_649.0 && value < 2_147_483_648.0 { value as i32 } else { i32::MIN }
}

/// A float cut to 64 bits; what does not fit gives the smallest number.
fn cut_i64(value: f64) -> i64 {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&value) { value as i64 } else { i64::MIN }
}

fn cut_u64(value: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if value >= HALF { (cut_i64(value - HALF) as u64) ^ (1 << 63) } else { cut_i64(value) as u64 }
}

macro_rules! integers {
    ($($type:ty, $wide:ident, $cut:expr;)*) => { $(
        impl Number for $type {
            fn wide(self) -> Wide {
                Wide::$wide(self.into())
            }

            fn from_wide(wide: Wide) -> Self {
                match wide {
                    Wide::Int(value) => value as $type,
                    Wide::Uint(value) => value as $type,
                    Wide::Float(value) => $cut(value) as $type,
                }
            }
        }
    )* };
}

integers! {
    i8, Int, cut_i32;
    i16, Int, cut_i32;
    i32, Int, cut_i32;
    i64, Int, cut_i64;
    u8, Int, cut_i32;
    u16, Int, cut_i32;
    u32, Int, cut_i64;
    u64, Uint, cut_u64;
}

macro_rules! floats {
    ($($type:ty, $from_f64:expr, $from_int:expr, $from_uint:expr;)*) => { $(
        impl Number for $type {
            fn wide(self) -> Wide {
                Wide::Float(self.into())
            }

            fn from_wide(wide: Wide) -> Self {
                match wide {
                    Wide::Int(value) => $from_int(value),
                    Wide::Uint(value) => $from_uint(value),
                    Wide::Float(value) => $from_f64(value),
                }
            }
        }
    )* };
}

floats! {
    f64, |v| v, |v| v as f64, |v| v as f64;
    f32, |v| v as f32, |v| v as f32, |v| v as f32;
    // TensorFlow converts whole numbers to half types by way of float32.
    f16, f16::from_f64, |v| f16::from_f32(v as f32), |v| f16::from_f32(v as f32);
    bf16, bf16::from_f64, |v| bf16::from_f32(v as f32), |v| bf16::from_f32(v as f32);
}
