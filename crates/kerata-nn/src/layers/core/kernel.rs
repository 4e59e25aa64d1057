//! `Kernel`: the kernel of a dense layer in the form that the dtype policy asks for: float, or quantized as Keras stores it.
//!
//! A quantized kernel is made a float one where it is used, and the inputs are rounded as Keras rounds them, which gives
//! Keras's numbers but for the order of a sum.

use crate::config::Quantization;
use crate::layers::lora::Lora;
use crate::layers::prelude::*;

/// The kernel of a dense layer.
pub(crate) struct Kernel<'a> {
    /// Sizes of the float kernel.
    pub shape: Vec<usize>,
    /// Its axes that are summed over.
    pub reduced: Vec<usize>,
    /// Shape of the scale of an int8 kernel, and the place of its axes in the kernel.
    pub scale: Scale,
    /// `quantization_config` of the layer.
    pub config: Option<&'a Tree>,
    /// What is learned beside the kernel.
    pub lora: Option<Lora>,
}

/// How the scale of an int8 kernel is stored: sizes, and which axis of the kernel each is; ones are none.
pub(crate) struct Scale {
    /// For each axis of the scale, the axis of the kernel that it belongs to.
    pub axes: Vec<Option<usize>>,
}

/// Name and dtype of what float8 keeps for inputs, kernel and gradients.
const FLOAT8_PARTS: [&str; 3] = ["inputs", "kernel", "outputs_grad"];

impl Kernel<'_> {
    /// Declares the variables in Keras's order; `kernel` declares a float kernel, `bias` the bias.
    pub fn build(
        &self,
        scope: &mut Scope,
        kernel: impl FnOnce(&mut Scope, &[usize]) -> Result<()>,
        bias: impl FnOnce(&mut Scope) -> Result<()>,
    ) -> Result<()> {
        self.declare(scope, kernel, bias)?;
        self.lora.as_ref().map_or(Ok(()), |lora| lora.build(scope, "kernel", &self.shape))
    }

    /// The float kernel.
    pub fn get(&self, scope: &Scope) -> Result<Tensor> {
        let kernel = self.stored_kernel(scope)?;
        self.lora.as_ref().map_or(Ok(kernel.clone()), |lora| lora.add(scope, &kernel))
    }

    /// The bias as it is added: float8 layers round it to bfloat16.
    pub fn bias(&self, scope: &Scope) -> Result<Tensor> {
        let bias = scope.get("bias")?;
        let is_float8 =
            scope.policy().quantization().is_some_and(|quantization| quantization.mode == "float8");
        if is_float8 && bias.dtype() == DType::Float32 {
            return ops::cast(&ops::cast(&bias, DType::Bfloat16)?, DType::Float32);
        }
        Ok(bias)
    }

    fn declare(
        &self,
        scope: &mut Scope,
        kernel: impl FnOnce(&mut Scope, &[usize]) -> Result<()>,
        bias: impl FnOnce(&mut Scope) -> Result<()>,
    ) -> Result<()> {
        let Some(quantization) = self.quantization_to_build(scope) else {
            kernel(scope, &self.shape)?;
            return bias(scope);
        };
        scope.keep_order();
        let float = scope.policy().variable_dtype();
        match quantization.mode.as_str() {
            "float8" => {
                kernel(scope, &self.shape)?;
                bias(scope)?;
                for part in FLOAT8_PARTS {
                    let history = quantization.amax_history_length;
                    scope.variable(&format!("{part}_scale"), [], &Initializer::ones())?.dtype(DType::Float32);
                    scope
                        .variable(&format!("{part}_amax_history"), [history], &Initializer::zeros())?
                        .dtype(DType::Float32);
                }
                Ok(())
            }
            "int8" => {
                stored(scope, "kernel", &self.shape, DType::Int8)?;
                bias(scope)?;
                stored(scope, "kernel_scale", &self.scale_shape(), float)
            }
            "int4" => {
                let (rows, columns) = self.matrix();
                // Until Keras 3.13 two rows share a byte, later two columns.
                let old = self.packed_rows();
                let is_old = scope.stored(0).is_some_and(|spec| spec.sizes().is_ok_and(|sizes| sizes == old));
                let packed = if is_old { old } else { vec![rows, columns.div_ceil(2)] };
                stored(scope, "kernel", &packed, DType::Int8)?;
                bias(scope)?;
                if is_old {
                    return stored(scope, "kernel_scale", &self.scale_shape(), float);
                }
                let Some(block) = quantization.block_size else {
                    return stored(scope, "kernel_scale", &[columns], float);
                };
                let groups = [rows.div_ceil(block.max(1)), columns];
                stored(scope, "kernel_scale", &groups, float)?;
                stored(scope, "kernel_zero", &groups, DType::Int8)?;
                stored(scope, "g_idx", &[rows], DType::Float32)
            }
            mode => {
                bias(scope)?;
                let (rows, columns) = self.model_matrix();
                let is_packed = mode == "awq" || quantization.weight_bits == Some(4);
                let stored_columns = if is_packed { columns.div_ceil(2) } else { columns };
                let groups = quantization.block_size.map_or(1, |block| rows.div_ceil(block.max(1)));
                stored(scope, "kernel", &[stored_columns, rows], DType::Uint8)?;
                stored(scope, "kernel_scale", &[columns, groups], float)?;
                let zero = scope.stored(scope.declared());
                if zero.is_some_and(|spec| spec.dtype != DType::Uint8) {
                    return Err(Error::unsupported(
                        "the file does not hold the zero points of a quantized kernel",
                    )
                    .hint(
                        "Keras 3.15 leaves them out when it saves; no reader can compute with such a file",
                    ));
                }
                stored(scope, "kernel_zero", &[columns, groups], DType::Uint8)?;
                if mode == "awq" {
                    stored(scope, "awq_scales", &[rows], float)?;
                }
                stored(scope, "g_idx", &[rows], DType::Float32)
            }
        }
    }

    /// The float kernel as it is stored.
    fn stored_kernel(&self, scope: &Scope) -> Result<Tensor> {
        let Some(quantization) = quantization_of(scope) else { return scope.get("kernel") };
        let compute = scope.compute_dtype();
        let kernel = match quantization.mode.as_str() {
            "float8" => return rounded_to_float8(scope, &scope.get("kernel")?, "kernel_scale"),
            "int8" => {
                let kernel = ops::cast(&scope.get_stored("kernel")?, compute)?;
                ops::divide(&kernel, &self.spread_scale(&scope.get("kernel_scale")?)?)?
            }
            "int4" => {
                let (_, columns) = self.matrix();
                let stored = scope.get_stored("kernel")?;
                if stored.spec().sizes()? == self.packed_rows() && !scope.has("g_idx") {
                    let axis = self.reduced.first().copied().unwrap_or(0);
                    let kernel =
                        ops::cast(&unpacked(&stored, self.shape[axis], axis as i64, true)?, compute)?;
                    return ops::divide(&kernel, &self.spread_scale(&scope.get("kernel_scale")?)?);
                }
                let kernel = ops::cast(&unpacked(&stored, columns, -1, true)?, compute)?;
                let scale = scope.get("kernel_scale")?;
                if quantization.block_size.is_none() {
                    ops::divide(&kernel, &scale)?
                } else {
                    let zero = scope.get_stored("kernel_zero")?;
                    grouped(&kernel, &scale, &zero, &scope.get_stored("g_idx")?, 0)?
                }
            }
            mode => self.get_transposed(scope, mode, &quantization)?,
        };
        ops::reshape(&ops::cast(&kernel, compute)?, self.shape.iter().copied())
    }

    /// The inputs as the product takes them: rounded over the axes that are summed over, when they are.
    pub fn input(&self, scope: &Scope, x: &Tensor, axes: &[i64]) -> Result<Tensor> {
        let Some(quantization) = quantization_of(scope) else { return Ok(x.clone()) };
        let quantizer = self.config.map(|config| config.path(&["config", "activation_quantizer"]));
        let is_rounded = match (quantization.mode.as_str(), quantizer) {
            ("float8", _) => return rounded_to_float8(scope, x, "inputs_scale"),
            ("int8", None) => true,
            ("int8", Some(quantizer)) => quantizer.is_some_and(|tree| !tree.is_null()),
            // Until Keras 3.13 int4 layers rounded their inputs.
            ("int4", None) => {
                scope.slot("kernel")?.spec.sizes()? == self.packed_rows() && !scope.has("g_idx")
            }
            ("int4", Some(Some(tree))) => !tree.is_null() && quantization.block_size.is_none(),
            _ => false,
        };
        if is_rounded { rounded_to_int8(x, axes) } else { Ok(x.clone()) }
    }

    /// The product in whole numbers, of the last axes of the input with the first axes of the kernel, where the layer is
    /// one of 8 bits that rounds its inputs; `None` when it is not, or is trained.
    pub fn whole(&self, scope: &Scope, x: &Tensor, reduced: usize) -> Result<Option<Tensor>> {
        let Some(quantization) = quantization_of(scope) else { return Ok(None) };
        let quantizer = self.config.map(|config| config.path(&["config", "activation_quantizer"]));
        let is_rounded = quantizer.is_none_or(|quantizer| quantizer.is_some_and(|tree| !tree.is_null()));
        let is_plain = quantization.mode == "int8" && self.lora.is_none() && !scope.training();
        let has_float32 = x.dtype() == DType::Float32 && scope.compute_dtype() == DType::Float32;
        if !is_rounded || !is_plain || !has_float32 {
            return Ok(None);
        }
        let scale = scope.get("kernel_scale")?;
        if scale.dtype() != DType::Float32 {
            return Ok(None);
        }
        let (rows, columns) = self.matrix();
        let lead = x.rank().saturating_sub(reduced);
        let mut sizes: Vec<ops::Size> = x.sizes().into_iter().take(lead).collect();
        sizes.push(rows.into());
        let matrix = ops::reshape(&scope.get_stored("kernel")?, [rows, columns])?;
        let output =
            ops::quantized_matmul(&ops::reshape(x, sizes)?, &matrix, &ops::reshape(&scale, [columns])?)?;
        let mut sizes: Vec<ops::Size> = output.sizes().into_iter().take(lead).collect();
        sizes.extend(self.shape.iter().skip(reduced).map(|size| ops::Size::from(*size)));
        ops::reshape(&output, sizes).map(Some)
    }

    /// A kernel of GPTQ or AWQ, which is stored with its columns first.
    fn get_transposed(&self, scope: &Scope, mode: &str, quantization: &Quantization) -> Result<Tensor> {
        let (_, columns) = self.model_matrix();
        let mut kernel = scope.get_stored("kernel")?;
        if mode == "awq" || quantization.weight_bits == Some(4) {
            kernel = unpacked(&kernel, columns, 0, false)?;
        }
        let scale = scope.get("kernel_scale")?;
        let kernel = ops::cast(&kernel, scale.dtype())?;
        let zero = scope.get_stored("kernel_zero")?;
        let kernel = grouped(&kernel, &scale, &zero, &scope.get_stored("g_idx")?, -1)?;
        let kernel = ops::transpose(&kernel, &[1, 0])?;
        if mode == "awq" {
            return ops::divide(&kernel, &ops::expand_dims(&scope.get("awq_scales")?, -1)?);
        }
        Ok(kernel)
    }

    /// What the policy asks for, or what the file holds: Keras quantizes the layers inside an attention layer and leaves
    /// its policy as it was.
    fn quantization_to_build(&self, scope: &Scope) -> Option<Quantization> {
        let asked = scope.policy().quantization().cloned();
        asked.or_else(|| (scope.stored(0)?.dtype == DType::Int8).then(Quantization::int8))
    }

    /// Rows that are summed over and columns that are not.
    fn matrix(&self) -> (usize, usize) {
        let of = |is_reduced: bool| {
            let axes = self.shape.iter().enumerate();
            axes.filter(|(axis, _)| self.reduced.contains(axis) == is_reduced)
                .map(|(_, size)| *size)
                .product()
        };
        (of(true), of(false))
    }

    /// Sizes of a kernel of which two rows share a byte.
    fn packed_rows(&self) -> Vec<usize> {
        let first = self.reduced.first().copied();
        let half = |(axis, size): (usize, &usize)| if Some(axis) == first { size.div_ceil(2) } else { *size };
        self.shape.iter().enumerate().map(half).collect()
    }

    /// Rows and columns as GPTQ sees a kernel of three axes: the largest one stands alone.
    fn model_matrix(&self) -> (usize, usize) {
        let [first, second, third] = self.shape[..] else { return self.matrix() };
        if first >= second && first >= third { (first, second * third) } else { (first * second, third) }
    }

    fn scale_shape(&self) -> Vec<usize> {
        self.scale.axes.iter().map(|axis| axis.map_or(1, |axis| self.shape[axis])).collect()
    }

    /// The scale of an int8 kernel with its axes where the kernel has them.
    fn spread_scale(&self, scale: &Tensor) -> Result<Tensor> {
        let kept: Vec<usize> = self.scale.axes.iter().flatten().copied().collect();
        let dense = ops::reshape(scale, kept.iter().map(|axis| self.shape[*axis]))?;
        let mut order: Vec<usize> = (0..kept.len()).collect();
        order.sort_by_key(|place| kept[*place]);
        let order: Vec<i64> = order.into_iter().map(|place| place as i64).collect();
        let sizes =
            self.shape.iter().enumerate().map(|(axis, size)| if kept.contains(&axis) { *size } else { 1 });
        ops::reshape(&ops::transpose(&dense, &order)?, sizes)
    }
}

/// How the kernel that was built is quantized.
fn quantization_of(scope: &Scope) -> Option<Quantization> {
    let asked = scope.policy().quantization().cloned();
    asked.or_else(|| (scope.slot("kernel").ok()?.spec.dtype == DType::Int8).then(Quantization::int8))
}

/// Declares a variable of a quantized kernel.
pub(crate) fn stored(scope: &mut Scope, name: &str, shape: &[usize], dtype: DType) -> Result<()> {
    scope.variable(name, shape, &Initializer::zeros())?.frozen().dtype(dtype);
    Ok(())
}

/// Rounds to whole multiples of a 127th of the largest absolute value along axes.
pub(crate) fn rounded_to_int8(x: &Tensor, axes: &[i64]) -> Result<Tensor> {
    let largest = ops::max(&ops::absolute(x)?, axes, true)?;
    let largest = ops::add(&largest, &ops::scalar(&largest, 1e-7)?)?;
    let scale = ops::divide(&ops::scalar(&largest, 127.0)?, &largest)?;
    let steps = ops::round(&ops::multiply(x, &scale)?)?;
    let low = ops::maximum(&steps, &ops::scalar(&steps, -127.0)?)?;
    ops::divide(&ops::minimum(&low, &ops::scalar(&steps, 127.0)?)?, &scale)
}

/// Two 4-bit numbers a byte, the lower half first, along an axis of so many numbers.
pub(crate) fn unpacked(packed: &Tensor, count: usize, axis: i64, is_signed: bool) -> Result<Tensor> {
    let axis = packed.spec().axis(axis)? as i64;
    let half = |x: &Tensor| {
        let x = ops::bitwise_and(x, &ops::scalar(x, 15)?)?;
        if !is_signed {
            return Ok(x);
        }
        let eight = ops::scalar(&x, 8)?;
        ops::subtract(&ops::bitwise_xor(&x, &eight)?, &eight)
    };
    let low = half(packed)?;
    let high = half(&ops::right_shift(packed, &ops::scalar(packed, 4)?)?)?;
    let pairs = ops::stack(&[low, high], axis + 1)?;
    let mut sizes = packed.sizes();
    let known = packed.spec().size(axis as usize);
    sizes[axis as usize] = known.map_or(ops::Size::Infer, |size| ops::Size::from(2 * size));
    ops::slice_axis(&ops::reshape(&pairs, sizes)?, axis, ops::Range::new(0, count as i64))
}

/// `(x - zero) · scale`, where positions along an axis of scale and zero are shared by groups.
pub(crate) fn grouped(
    x: &Tensor,
    scale: &Tensor,
    zero: &Tensor,
    groups: &Tensor,
    axis: i64,
) -> Result<Tensor> {
    let groups = ops::cast(groups, DType::Int32)?;
    let scale = ops::take(scale, &groups, Some(axis))?;
    let zero = ops::cast(&ops::take(zero, &groups, Some(axis))?, scale.dtype())?;
    ops::multiply(&ops::subtract(x, &zero)?, &scale)
}

/// Rounds to 8-bit floats under a stored scale.
fn rounded_to_float8(scope: &Scope, x: &Tensor, scale: &str) -> Result<Tensor> {
    /// The largest float of 4 exponent and 3 mantissa bits.
    const LARGEST: f64 = 448.0;
    let scale = ops::cast(&scope.get_stored(scale)?, x.dtype())?;
    let scaled = ops::divide(x, &scale)?;
    let low = ops::maximum(&scaled, &ops::scalar(&scaled, -LARGEST)?)?;
    let clipped = ops::minimum(&low, &ops::scalar(&scaled, LARGEST)?)?;
    let rounded = ops::cast(&ops::cast(&clipped, DType::Float8E4m3fn)?, x.dtype())?;
    ops::multiply(&rounded, &scale)
}
