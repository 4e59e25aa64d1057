//! `fft`: the discrete Fourier transform along the last axis.

use std::f64::consts::PI;

use num_complex::Complex;

use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, PadMode, Range, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// The discrete Fourier transform of complex numbers along the last axis; the inverse one is divided by the length.
    pub struct Fft("fft") {
        /// Whether it is the inverse one.
        pub inverse: bool,
    }
}

/// The Fourier transform along the last axis.
pub fn fft(x: &Tensor) -> Result<Tensor> {
    x.apply(Fft { inverse: false })
}

/// The inverse Fourier transform along the last axis.
pub fn ifft(x: &Tensor) -> Result<Tensor> {
    x.apply(Fft { inverse: true })
}

/// The Fourier transform along the last two axes.
pub fn fft2(x: &Tensor) -> Result<Tensor> {
    let rows = fft(x)?;
    ops::swap_last(&fft(&ops::swap_last(&rows)?)?)
}

/// The inverse Fourier transform along the last two axes.
pub fn ifft2(x: &Tensor) -> Result<Tensor> {
    let rows = ifft(x)?;
    ops::swap_last(&ifft(&ops::swap_last(&rows)?)?)
}

/// The first half of the Fourier transform of real numbers along the last axis, cut or filled up to a length.
pub fn rfft(x: &Tensor, length: Option<usize>) -> Result<Tensor> {
    let x = match length {
        Some(length) => resized(x, length)?,
        None => x.clone(),
    };
    let length = x.spec().known_axis(-1)?;
    let whole = fft(&ops::complex(&x, &ops::zeros_like(&x)?)?)?;
    ops::slice_axis(&whole, -1, Range::to(length as i64 / 2 + 1))
}

/// Real numbers of a length from the first half of their Fourier transform; twice the half when no length is given.
pub fn irfft(x: &Tensor, length: Option<usize>) -> Result<Tensor> {
    let length = match length {
        Some(length) => length,
        None => 2 * (x.spec().known_axis(-1)?.max(1) - 1),
    };
    let half = resized(x, length / 2 + 1)?;
    // The other half mirrors this one without its ends.
    let mirrored = Range { start: Some((length as i64 - 1) / 2), stop: Some(0), step: -1 };
    let rest = ops::conj(&ops::slice_axis(&half, -1, mirrored)?)?;
    ops::real(&ifft(&ops::concatenate(&[half, rest], -1)?)?)
}

/// The last axis cut or filled up with zeros to a size.
fn resized(x: &Tensor, size: usize) -> Result<Tensor> {
    let own = x.spec().known_axis(-1)?;
    if own >= size {
        return ops::slice_axis(x, -1, Range::to(size as i64));
    }
    let mut widths = vec![(0, 0); x.rank()];
    widths[x.rank() - 1] = (0, size - own);
    ops::pad(x, &widths, PadMode::Constant, 0.0)
}

impl Op for Fft {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        if !matches!(x.dtype, DType::Complex64 | DType::Complex128) || x.rank() == 0 {
            return Err(Error::mismatch(format!("the Fourier transform of {x}")));
        }
        Ok(vec![x.clone()])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        self.spec(&[x.spec()])?;
        let size = x.shape()[x.rank() - 1];
        let wide = x.cast(DType::Complex128)?;
        let sign = if self.inverse { 1.0 } else { -1.0 };
        let roots: Vec<Complex<f64>> =
            (0..size).map(|at| Complex::from_polar(1.0, sign * 2.0 * PI * at as f64 / size as f64)).collect();
        let mut out = Vec::with_capacity(x.len());
        for row in wide.as_slice::<Complex<f64>>()?.chunks_exact(size.max(1)) {
            out.extend(transform(row, 1, size, &roots));
        }
        if self.inverse {
            out.iter_mut().for_each(|value| *value /= size as f64);
        }
        Ok(vec![Array::from_vec(x.shape(), out)?.cast(x.dtype())?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (x, grad) = (g.input(0)?, g.grad(0)?);
        let back = grad.apply(Self { inverse: !self.inverse })?;
        let size = x.spec().known_axis(-1)? as f64;
        Ok(vec![Some(ops::times(&back, if self.inverse { 1.0 / size } else { size })?)])
    }
}

/// The transform of every `step`th element, `size` of them: split by the smallest factor of the size (Cooley and Tukey).
fn transform(x: &[Complex<f64>], step: usize, size: usize, roots: &[Complex<f64>]) -> Vec<Complex<f64>> {
    if size <= 1 {
        return x.iter().take(size).copied().collect();
    }
    let factor = (2..).find(|factor| size.is_multiple_of(*factor) || factor * factor > size).unwrap_or(size);
    let factor = if size.is_multiple_of(factor) { factor } else { size };
    let part = size / factor;
    let parts: Vec<Vec<Complex<f64>>> =
        (0..factor).map(|at| transform(&x[at * step..], step * factor, part, roots)).collect();
    // The roots of this size are every so many of those of the whole.
    let stride = roots.len() / size;
    (0..size)
        .map(|at| {
            let terms = parts.iter().enumerate();
            terms.map(|(which, values)| values[at % part] * roots[which * at % size * stride]).sum()
        })
        .collect()
}
