//! Replaces the variables of a dense layer by those of its quantized form, in Keras's order.

use kerata_core::array::Array;
use kerata_core::{Artifact, DType, Error, Result, Tree, Variable};

use super::super::Quantization;
use super::{matrix, policy};

/// A layer that is quantized.
pub(super) struct Layer<'a> {
    /// Path of the object.
    pub path: &'a str,
    /// What its float variables are.
    pub dtype: DType,
    /// How.
    pub quantization: Quantization,
}

/// How the axes of a kernel stand to those of the result.
struct Axes {
    /// Axes of the kernel that are summed over.
    reduced: Vec<usize>,
    /// For each axis of the scale, the axis of the kernel that it is; ones elsewhere.
    of_kernel: Vec<Option<usize>>,
}

impl Layer<'_> {
    /// `Dense`: whether there was a kernel.
    pub fn dense(&self, artifact: &mut Artifact) -> Result<bool> {
        self.kernel(artifact, &Axes { reduced: vec![0], of_kernel: vec![Some(1)] })
    }

    /// A projection of an attention layer, into heads or back, with so many axes before the one that is projected.
    pub fn projection(&self, artifact: &mut Artifact, is_output: bool, leading: usize) -> Result<bool> {
        let Some(kernel) = self.stored(artifact, 0) else { return Ok(false) };
        let rank = kernel.shape.len();
        let reduced = if is_output { vec![0, 1] } else { vec![0] };
        let kept = reduced.len()..rank;
        let of_kernel = vec![None; leading].into_iter().chain(kept.map(Some)).collect();
        self.kernel(artifact, &Axes { reduced, of_kernel })
    }

    /// `EinsumDense`.
    pub fn einsum_dense(&self, artifact: &mut Artifact, tree: &Tree) -> Result<bool> {
        let equation = tree.path(&["config", "equation"]).and_then(Tree::as_str).unwrap_or_default();
        let wrong = || Error::corrupt(format!("`{equation}` is no equation of a dense layer"));
        let (left, output) = equation.split_once("->").ok_or_else(wrong)?;
        let kernel = left.split_once(',').ok_or_else(wrong)?.1;
        let letters =
            |text: &str| text.chars().filter(|letter| letter.is_alphabetic()).collect::<Vec<char>>();
        let (kernel_axes, output_axes) = (letters(kernel), letters(output));
        let is_summed = |at: &usize| kernel_axes.get(*at).is_some_and(|axis| !output_axes.contains(axis));
        let reduced = (0..kernel_axes.len()).filter(is_summed).collect();
        let of_kernel =
            output_axes.iter().map(|axis| kernel_axes.iter().position(|other| other == axis)).collect();
        self.kernel(artifact, &Axes { reduced, of_kernel })
    }

    fn kernel(&self, artifact: &mut Artifact, axes: &Axes) -> Result<bool> {
        let Some(kernel) = self.stored(artifact, 0) else { return Ok(false) };
        let kernel = Array::from_variable(&kernel)?;
        if !kernel.dtype().is_float() {
            return Err(Error::mismatch(format!("expected a float kernel, found {}", kernel.dtype())));
        }
        let kernel = kernel.cast(self.dtype)?;
        let bias = self.stored(artifact, 1);
        let mut written = Vec::new();
        match self.quantization {
            Quantization::Int8(_) => {
                let (values, scale) = self.int8(&kernel, axes)?;
                written.push(("kernel", values));
                written.extend(self.kept_bias(bias)?);
                written.push(("kernel_scale", scale));
            }
            Quantization::Int4 { block_size } => {
                let is_reduced = |axis: &usize| axes.reduced.contains(axis);
                let size = |keep: bool| -> usize {
                    let sizes =
                        kernel.shape().iter().enumerate().filter(|(axis, _)| is_reduced(axis) == keep);
                    sizes.map(|(_, size)| *size).product()
                };
                // Keras flattens as the kernel lies, also when the axes that are summed over do not come first.
                let [values, scale, more @ ..] =
                    &int4(&kernel, size(true), size(false), block_size, self.dtype)?[..]
                else {
                    return Err(Error::internal("int4 has values and scales"));
                };
                written.push(("kernel", values.clone()));
                written.extend(self.kept_bias(bias)?);
                written.push(("kernel_scale", scale.clone()));
                written.extend(["kernel_zero", "g_idx"].into_iter().zip(more.iter().cloned()));
            }
            Quantization::Float8 => {
                written.push(("kernel", kernel));
                written.extend(self.kept_bias(bias)?);
                let history = [policy::AMAX_HISTORY];
                for (scale, past) in [
                    ("inputs_scale", "inputs_amax_history"),
                    ("kernel_scale", "kernel_amax_history"),
                    ("outputs_grad_scale", "outputs_grad_amax_history"),
                ] {
                    written.push((scale, Array::scalar(1f32)));
                    written.push((past, Array::zeros(history, DType::Float32)?));
                }
            }
        }
        self.replace(artifact, &written)?;
        Ok(true)
    }

    fn kept_bias(&self, bias: Option<Variable>) -> Result<Option<(&'static str, Array)>> {
        bias.map(|bias| Ok(("bias", Array::from_variable(&bias)?))).transpose()
    }

    /// Integers of the kernel's shape and the scale as Keras lays it out.
    fn int8(&self, kernel: &Array, axes: &Axes) -> Result<(Array, Array)> {
        let rank = kernel.rank();
        let kept: Vec<usize> = (0..rank).filter(|axis| !axes.reduced.contains(axis)).collect();
        let order: Vec<usize> = axes.reduced.iter().copied().chain(kept.iter().copied()).collect();
        let moved = kernel.transpose(&order)?;
        let size = |axis: &usize| kernel.shape().get(*axis).copied().unwrap_or(1);
        let columns = kept.iter().map(size).product();
        let floats = moved.cast(DType::Float32)?;
        let (values, scales) = matrix::by_column(floats.as_f32()?, columns, (-127.0, 127.0), self.dtype);
        let mut back = vec![0; rank];
        for (place, axis) in order.iter().enumerate() {
            if let Some(slot) = back.get_mut(*axis) {
                *slot = place;
            }
        }
        let values = Array::from_vec(moved.shape(), values)?.transpose(&back)?;
        // The scale has the axes of the result: those of the kernel in their order there, and ones.
        let scale = Array::from_f32(kept.iter().map(size).collect::<Vec<_>>(), scales)?;
        let places = axes.of_kernel.iter().flatten().map(|axis| kept.iter().position(|other| other == axis));
        let places = places.collect::<Option<Vec<usize>>>();
        let places = places.ok_or_else(|| Error::corrupt("an axis of the result is summed over"))?;
        let shape: Vec<usize> = axes.of_kernel.iter().map(|axis| axis.as_ref().map_or(1, size)).collect();
        let scale = scale.transpose(&places)?.reshape(shape)?.cast(self.dtype)?;
        Ok((values, scale))
    }

    /// The variable at a position.
    pub fn stored(&self, artifact: &Artifact, position: usize) -> Option<Variable> {
        artifact.variables.get(&format!("{}/vars/{position}", self.path)).cloned()
    }

    /// Puts variables in the place of all that the layer has, where they stand in the file.
    pub fn replace(&self, artifact: &mut Artifact, written: &[(&str, Array)]) -> Result<()> {
        let prefix = format!("{}/vars/", self.path);
        let is_own = |path: &str| path.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('/'));
        let mut variables = kerata_core::Variables::new();
        let mut is_done = false;
        for (path, variable) in std::mem::take(&mut artifact.variables) {
            if !is_own(&path) {
                variables.insert(path, variable)?;
                continue;
            }
            if std::mem::replace(&mut is_done, true) {
                continue;
            }
            for (position, (name, value)) in written.iter().enumerate() {
                let mut new = value.to_variable()?;
                new.name = Some((*name).to_owned());
                let trains = *name == "bias" || self.quantization == Quantization::Float8;
                new.trainable = variable.trainable.map(|trainable| trainable && trains);
                variables.insert(format!("{prefix}{position}"), new)?;
            }
        }
        artifact.variables = variables;
        Ok(())
    }
}

/// Packed numbers of a matrix with their scales, and with blocks zero points and the block of each row.
pub(super) fn int4(
    kernel: &Array,
    rows: usize,
    columns: usize,
    block_size: Option<usize>,
    dtype: DType,
) -> Result<Vec<Array>> {
    let floats = kernel.cast(DType::Float32)?;
    let floats = floats.as_f32()?;
    let packed_shape = [rows, columns.div_ceil(2)];
    let Some(block) = block_size else {
        let (values, scales) = matrix::by_column(floats, columns, (-8.0, 7.0), dtype);
        let packed = Array::from_vec(packed_shape, matrix::packed(&values, columns))?;
        return Ok(vec![packed, Array::from_f32([columns], scales)?.cast(dtype)?]);
    };
    let grouped = matrix::by_block(floats, columns, block, dtype);
    let groups = [rows.div_ceil(block), columns];
    let group_of_row = (0..rows).map(|row| (row / block) as f32).collect();
    Ok(vec![
        Array::from_vec(packed_shape, matrix::packed(&grouped.values, columns))?,
        Array::from_f32(groups, grouped.scales)?.cast(dtype)?,
        Array::from_vec(groups, grouped.zeros)?,
        Array::from_f32([rows], group_of_row)?,
    ])
}
