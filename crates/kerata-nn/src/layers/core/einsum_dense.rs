//! `EinsumDense`: a product of any axes with a kernel, in the notation of `einsum`.

use super::kernel::{Kernel, Scale};
use crate::layers::lora::Lora;
use crate::layers::prelude::*;

config! {
    /// Multiplies by a kernel along the axes that an equation names.
    pub struct EinsumDense(
        /// Sizes after the batch; unknown ones are those of the input.
        output_shape: Tree,
        /// `ab,bc->ac`: axes of the input, of the kernel, of the result.
        equation: String,
    ) {
        /// Applied to the result.
        activation: Activation = Activation::linear(),
        /// The axes of the result that have a bias.
        bias_axes: Option<String> = None,
        /// Start values of the kernel.
        kernel_initializer: Initializer = Initializer::glorot_uniform(),
        /// Start values of the bias.
        bias_initializer: Initializer = Initializer::zeros(),
        /// Penalty on the kernel.
        kernel_regularizer: Option<Regularizer> = None,
        /// Penalty on the bias.
        bias_regularizer: Option<Regularizer> = None,
        /// Penalty on the result.
        activity_regularizer: Option<Regularizer> = None,
        /// Where the kernel is brought back to.
        kernel_constraint: Option<Constraint> = None,
        /// Where the bias is brought back to.
        bias_constraint: Option<Constraint> = None,
        /// How the kernel is quantized.
        quantization_config: Option<Tree> = None,
    }
    also {
        /// Rank of the learned product beside the kernel (LoRA).
        lora_rank: Option<usize> = None,
        /// Factor of that product, times its rank.
        lora_alpha: Option<f64> = None,
    }
    first [output_shape, equation, activation, bias_axes]
}

/// The shapes that follow from an equation and an input.
struct Shapes {
    kernel: Vec<usize>,
    bias: Option<Vec<usize>>,
    /// Axes of the kernel and of the input that are summed over.
    reduced: Vec<usize>,
    reduced_inputs: Vec<i64>,
    /// For each axis of the result, the axis of the kernel that it is.
    of_kernel: Vec<Option<usize>>,
    /// Whether it is a product of matrices: last axes of the input with first axes of the kernel, in order.
    is_product: bool,
}

impl EinsumDense {
    fn shapes(&self, input: &TensorSpec) -> Result<Shapes> {
        let wrong = || Error::corrupt(format!("`{}` is no equation of a dense layer", self.equation));
        let (left, output) = self.equation.split_once("->").ok_or_else(wrong)?;
        let (input_axes, kernel_axes) = left.split_once(',').ok_or_else(wrong)?;
        let [input_axes, kernel_axes, output_axes] = [input_axes, kernel_axes, output]
            .map(|axes| axes.chars().filter(|axis| axis.is_alphabetic()).collect::<Vec<char>>());
        // With an ellipsis the axes of an equation are the last ones, or the first when it ends with it.
        let offset = |rank: usize, axes: &[char], text: &str| match text.trim().starts_with("...") {
            true => rank.saturating_sub(axes.len()),
            false => 0,
        };
        let input_offset = offset(input.rank(), &input_axes, left);
        let sizes = match self.output_shape.as_list() {
            Some(list) => list.iter().map(|size| size.as_u64().map(|size| size as usize)).collect(),
            None => vec![self.output_shape.as_u64().map(|size| size as usize)],
        };
        // The sizes are those after the batch; with an ellipsis only the last of them stand in the equation.
        let has_ellipsis = output.contains("...");
        let skip = if has_ellipsis { (sizes.len() + 1).saturating_sub(output_axes.len()) } else { 0 };
        let size_of = |axis: &char| {
            if let Some(place) = output_axes.iter().position(|other| other == axis) {
                let place = if has_ellipsis { Some(place + skip) } else { place.checked_sub(1).map(|p| p + 1) };
                let known = place.and_then(|place| place.checked_sub(1)).and_then(|place| sizes.get(place).copied());
                if let Some(Some(size)) = known {
                    return Ok(size);
                }
            }
            let place = input_axes.iter().position(|other| other == axis).ok_or_else(wrong)?;
            input.known_axis((place + input_offset) as i64)
        };
        let kernel = kernel_axes.iter().map(size_of).collect::<Result<_>>()?;
        let is_summed = |axis: &char| !output_axes.contains(axis);
        let reduced = (0..kernel_axes.len()).filter(|at| is_summed(&kernel_axes[*at])).collect();
        let reduced_inputs = (0..input_axes.len())
            .filter(|at| is_summed(&input_axes[*at]))
            .map(|at| (at + input_offset) as i64)
            .collect();
        let leading = if has_ellipsis { input.rank().saturating_sub(input_axes.len()) } else { 0 };
        let of_kernel = output_axes.iter().map(|axis| kernel_axes.iter().position(|other| other == axis));
        let of_kernel = match output.trim().starts_with("...") {
            true => vec![None; leading].into_iter().chain(of_kernel).collect(),
            false => of_kernel.chain(vec![None; leading]).collect(),
        };
        let summed = kernel_axes.iter().filter(|axis| is_summed(axis)).count();
        let (head, tail) = input_axes.split_at(input_axes.len().saturating_sub(summed));
        let is_product = !self.equation.contains("...")
            && kernel_axes.get(..summed) == Some(tail)
            && output_axes.iter().eq(head.iter().chain(kernel_axes.iter().skip(summed)));
        let shapes = Shapes { kernel, bias: None, reduced, reduced_inputs, of_kernel, is_product };
        let Some(bias_axes) = &self.bias_axes else { return Ok(shapes) };
        // The bias has the axes it names and, after the first of them, axes of size one.
        let first = output_axes.iter().position(|axis| bias_axes.contains(*axis)).ok_or_else(wrong)?;
        let bias = output_axes[first..]
            .iter()
            .map(|axis| if bias_axes.contains(*axis) { size_of(axis) } else { Ok(1) })
            .collect::<Result<_>>()?;
        Ok(Shapes { bias: Some(bias), ..shapes })
    }
}

impl Shapes {
    fn kernel<'a>(&self, layer: &'a EinsumDense) -> Kernel<'a> {
        Kernel {
            shape: self.kernel.clone(),
            reduced: self.reduced.clone(),
            scale: Scale { axes: self.of_kernel.clone() },
            config: layer.quantization_config.as_ref(),
            lora: Lora::of_kernel(layer.lora_rank, layer.lora_alpha),
        }
    }
}

impl Layer for EinsumDense {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let shapes = self.shapes(inputs.only()?)?;
        let kernel = |scope: &mut Scope, shape: &[usize]| {
            scope
                .variable("kernel", shape, &self.kernel_initializer)?
                .regularize(&self.kernel_regularizer)
                .constrain(&self.kernel_constraint);
            Ok(())
        };
        let bias = |scope: &mut Scope| {
            if let Some(shape) = &shapes.bias {
                scope
                    .variable("bias", shape, &self.bias_initializer)?
                    .regularize(&self.bias_regularizer)
                    .constrain(&self.bias_constraint);
            }
            Ok(())
        };
        shapes.kernel(self).build(scope, kernel, bias)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let shapes = self.shapes(inputs.only()?.spec())?;
        let kernel = shapes.kernel(self);
        let whole = match shapes.is_product {
            true => kernel.whole(scope, inputs.only()?, shapes.reduced.len())?,
            false => None,
        };
        let mut output = match whole {
            Some(output) => output,
            None => {
                let x = kernel.input(scope, inputs.only()?, &shapes.reduced_inputs)?;
                ops::einsum(&self.equation, &[&x, &kernel.get(scope)?])?
            }
        };
        if scope.has("bias") {
            output = ops::add(&output, &kernel.bias(scope)?)?;
        }
        Ok(vec![self.activation.call(&output)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }

    /// Sizes that the config leaves open stay open, though they follow from the input.
    fn shown(&self, outputs: Vec<TensorSpec>) -> Vec<TensorSpec> {
        let sizes = self.output_shape.as_list().unwrap_or_default();
        let open = |spec: TensorSpec| {
            let axes = spec.shape.axes().iter().enumerate();
            let axes = axes.map(|(axis, size)| {
                let is_open = axis.checked_sub(1).and_then(|axis| sizes.get(axis)).is_some_and(Tree::is_null);
                size.filter(|_| !is_open)
            });
            TensorSpec::new(spec.dtype, axes.collect::<Shape>())
        };
        outputs.into_iter().map(open).collect()
    }
}
