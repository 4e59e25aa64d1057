//! `resize`: images of another size.

use super::resample::{PixelCenters, ResizeMethod, Taps, taps};
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::linear::floats::{FloatKernel, check_float, run_floats};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{DType, Error, Result, Shape};

op! {
    /// Images `(batch, height, width, channels)` of another size.
    pub struct Resize("resize") {
        /// New height and width.
        pub sizes: Vec<usize>,
        /// How pixels between pixels are made.
        pub method: ResizeMethod,
        /// Where pixels lie.
        pub centers: PixelCenters,
        /// Whether pixels are mixed before they are left out.
        pub antialias: bool,
    }
}

/// Images `(batch, height, width, channels)` of another size, in the same dtype; whole numbers are computed as float32
/// and rounded.
pub fn resize(x: &Tensor, sizes: [usize; 2], method: ResizeMethod, antialias: bool) -> Result<Tensor> {
    let op = Resize { sizes: sizes.to_vec(), method, centers: PixelCenters::Half, antialias };
    if method == ResizeMethod::Nearest {
        return x.apply(op);
    }
    // TensorFlow resizes in float32 whatever comes in, except float64.
    let wide = if x.dtype() == DType::Float64 { x.clone() } else { ops::cast(x, DType::Float32)? };
    let mut resized = wide.apply(op)?;
    if x.dtype().is_integer() {
        resized = ops::round(&resized)?;
    }
    ops::saturate_cast(&resized, x.dtype())
}

impl Resize {
    fn taps(&self, height: usize, width: usize) -> Result<[Taps; 2]> {
        let axis = |from, to| taps(from, to, self.method, self.centers, self.antialias);
        Ok([axis(height, self.sizes[0])?, axis(width, self.sizes[1])?])
    }
}

impl Op for Resize {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        if x.rank() != 4 || self.sizes.len() != 2 || self.sizes.contains(&0) {
            return Err(Error::mismatch(format!("{x} resized to {:?}", self.sizes)));
        }
        if self.method != ResizeMethod::Nearest {
            check_float(x.dtype)?;
        }
        let axes = x.shape.axes();
        let sizes = [axes[0], Some(self.sizes[0] as u64), Some(self.sizes[1] as u64), axes[3]];
        Ok(vec![TensorSpec::new(x.dtype, Shape::new(sizes))])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let shape = self.spec(&[x.spec()])?.only()?.sizes()?;
        let &[batch, height, width, channels] = x.shape() else { return Err(Error::internal("four axes")) };
        let [rows, columns] = self.taps(height, width)?;
        if self.method == ResizeMethod::Nearest {
            let mut starts = Vec::with_capacity(batch * rows.len() * columns.len());
            for image in 0..batch {
                for row in rows.iter().flatten() {
                    for column in columns.iter().flatten() {
                        starts.push(((image * height + row.0) * width + column.0) * channels);
                    }
                }
            }
            return Ok(vec![x.take_runs(if channels == 0 { &[] } else { &starts }, channels, shape)?]);
        }
        let kernel = Kernel { rows, columns, width, channels, images: batch, height };
        Ok(vec![run_floats(&kernel, &[x], shape)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let x = g.input(0)?;
        check_float(x.dtype())?;
        let (height, width) = (x.spec().known_axis(1)?, x.spec().known_axis(2)?);
        let [rows, columns] = self.taps(height, width)?;
        let weights = |taps: &Taps, from: usize| -> Result<Tensor> {
            let mut matrix = vec![0.0f64; taps.len() * from];
            for (at, taps) in taps.iter().enumerate() {
                for (place, weight) in taps {
                    matrix[at * from + place] += weight;
                }
            }
            let matrix = Array::from_vec([taps.len(), from], matrix)?.cast(x.dtype())?;
            Ok(x.builder().constant(matrix))
        };
        let (rows, columns) = (weights(&rows, height)?, weights(&columns, width)?);
        Ok(vec![Some(ops::einsum("bhwc,hi,wj->bijc", &[&g.grad(0)?, &rows, &columns])?)])
    }
}

struct Kernel {
    rows: Taps,
    columns: Taps,
    images: usize,
    height: usize,
    width: usize,
    channels: usize,
}

impl FloatKernel for Kernel {
    fn run<T: num_traits::Float + Default + std::iter::Sum + std::ops::AddAssign>(
        &self,
        inputs: &[&[T]],
        count: usize,
    ) -> Vec<T> {
        let x = inputs[0];
        let line = self.width * self.channels;
        let mut out = Vec::with_capacity(count);
        let mut mixed = vec![T::default(); line];
        for image in 0..self.images {
            for row in &self.rows {
                mixed.fill(T::default());
                for &(place, weight) in row {
                    let weight = T::from(weight).unwrap_or_default();
                    let start = (image * self.height + place) * line;
                    for (sum, &value) in mixed.iter_mut().zip(&x[start..start + line]) {
                        *sum += value * weight;
                    }
                }
                for column in &self.columns {
                    for channel in 0..self.channels {
                        let part = |&(place, weight): &(usize, f64)| {
                            mixed[place * self.channels + channel] * T::from(weight).unwrap_or_default()
                        };
                        out.push(column.iter().map(part).sum());
                    }
                }
            }
        }
        out
    }
}
