//! Segments, sequences and signals.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, Tree, ops};

use super::Table;
use super::call::{Call, one};

pub(super) const TABLE: Table = &[
    ("Angle", |call| {
        call.unary(|x| if is_complex(x) { ops::angle(x) } else { ops::arctan2(&ops::zeros_like(x)?, x) })
    }),
    ("ExtractSequences", |call| {
        let (length, stride) = (call.require("sequence_length")?, call.require("sequence_stride")?);
        one(ops::extract_sequences(&call.first()?, length, stride))
    }),
    ("FFT", |call| parts(&ops::fft(&complex(call)?)?)),
    ("FFT2", |call| parts(&ops::fft2(&complex(call)?)?)),
    ("IFFT2", |call| parts(&ops::ifft2(&complex(call)?)?)),
    ("IRFFT", |call| one(ops::irfft(&complex(call)?, call.get("fft_length")?))),
    ("RFFT", |call| parts(&ops::rfft(&call.first()?, call.get("fft_length")?)?)),
    ("STFT", |call| {
        let (length, stride) = (call.require("sequence_length")?, call.require("sequence_stride")?);
        let window = match call.get::<Tree>("window")? {
            Some(Tree::Text(name)) if name == "hann" => Some(ops::hann_window(length)),
            Some(Tree::Text(name)) if name == "hamming" => Some(ops::hamming_window(length)),
            Some(tree) => Some(crate::config::array(&tree)?.to_f64s()?),
            None => None,
        };
        let (fft_length, center) = (call.require("fft_length")?, call.or("center", true)?);
        parts(&ops::stft(&call.first()?, length, stride, fft_length, window.as_deref(), center)?)
    }),
    ("SegmentMax", |call| segment(call, f64::NEG_INFINITY, ops::max)),
    ("SegmentMin", |call| segment(call, f64::INFINITY, ops::min)),
    ("SegmentProd", |call| segment(call, 1.0, ops::prod)),
    ("SegmentSum", |call| segment(call, 0.0, ops::sum)),
    ("ViewAsComplex", |call| {
        let x = call.first()?;
        one(ops::complex(&ops::index(&x, -1, 0)?, &ops::index(&x, -1, 1)?))
    }),
    ("ViewAsReal", |call| {
        let x = call.first()?;
        one(ops::stack(&[ops::real(&x)?, ops::imag(&x)?], -1))
    }),
];

fn is_complex(x: &Tensor) -> bool {
    matches!(x.dtype(), DType::Complex64 | DType::Complex128)
}

/// The complex tensor that a pair of real and imaginary parts stands for.
pub(super) fn complex(call: &Call<'_>) -> Result<Tensor> {
    match &call.tensors()?[..] {
        [real, imaginary] => ops::complex(real, imaginary),
        other => Err(Error::mismatch(format!(
            "expected a real and an imaginary part, found {} tensors",
            other.len()
        ))),
    }
}

/// The real and imaginary part.
fn parts(x: &Tensor) -> Result<Vec<Tensor>> {
    Ok(vec![ops::real(x)?, ops::imag(x)?])
}

/// A reduction of the rows of each segment; `empty` where there are none.
fn segment(
    call: &Call<'_>,
    empty: f64,
    reduce: fn(&Tensor, &[i64], bool) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let (x, ids) = (call.tensor("data", 0)?, call.tensor("segment_ids", 1)?);
    let count: usize = call.get("num_segments")?.ok_or_else(|| {
        Error::unsupported("segments whose number is known only at run time").hint("give `num_segments`")
    })?;
    let empty = match x.dtype() {
        dtype if dtype.is_float() && empty.is_infinite() => empty.signum() * ops::largest(dtype)?,
        dtype if empty.is_infinite() && dtype != DType::Int64 => empty.signum() * 2_147_483_647.0,
        _ => empty,
    };
    let ids = ops::cast(&ids, DType::Int32)?;
    let segments = ops::iota(call.builder, count, DType::Int32)?;
    // (segments, rows, 1, ...): whether a row belongs to a segment.
    let mut belongs = ops::equal(&ops::expand_dims(&segments, 1)?, &ids)?;
    for _ in 1..x.rank() {
        belongs = ops::expand_dims(&belongs, -1)?;
    }
    let empty = ops::cast(&ops::scalar(&x, empty)?, x.dtype())?;
    one(reduce(&ops::select(&belongs, &x, &empty)?, &[1], false))
}
