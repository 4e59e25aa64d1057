//! The free functions by the names that the cases give them.

use kerata_core::ops::{self, PadMode, ScanOptions};
use kerata_core::{Array, DType, GraphBuilder, Result, Tensor, Tree};

/// Applies the free function of a name.
pub fn apply(builder: &GraphBuilder, name: &str, arguments: &Tree, x: &[Tensor]) -> Result<Vec<Tensor>> {
    let a = Arguments(arguments);
    let one = match name {
        "absolute" => ops::absolute(&x[0]),
        "adaptive_average_pool" => ops::adaptive_average_pool(&x[0], &a.sizes("sizes")),
        "adaptive_max_pool" => ops::adaptive_max_pool(&x[0], &a.sizes("sizes")),
        "add" => ops::add(&x[0], &x[1]),
        "angle" => ops::angle(&ops::complex(&x[0], &x[1])?),
        "arctan2" => ops::arctan2(&x[0], &x[1]),
        "argmax" => ops::argmax(&x[0], a.optional("axis"), a.flag("keepdims")),
        "argmin" => ops::argmin(&x[0], a.optional("axis"), a.flag("keepdims")),
        "argsort" => ops::argsort(&x[0], a.int("axis")),
        "batch_normalization" => ops::batch_normalization(
            &x[0],
            &x[1],
            &x[2],
            a.int("axis"),
            Some(&x[3]),
            Some(&x[4]),
            a.float("epsilon"),
        ),
        "celu" => ops::celu(&x[0], a.float("alpha")),
        "clip" => ops::clip(&x[0], a.float("low"), a.float("high")),
        "complex_abs" => ops::complex_abs(&ops::complex(&x[0], &x[1])?),
        "complex_product" => {
            let (a, b) = (ops::complex(&x[0], &x[1])?, ops::complex(&x[2], &x[0])?);
            let shifted = ops::complex(&ops::plus(&x[2], 2.0)?, &x[0])?;
            return Ok(vec![ops::real(&ops::multiply(&a, &b)?)?, ops::imag(&ops::divide(&a, &shifted)?)?]);
        }
        "cond_branch" => {
            let made = ops::cond(
                &x[0],
                |_| Ok(vec![ops::matmul(&x[1], &x[2])?]),
                |child| {
                    // Captured by hand, so that the branch is not computed outside of it.
                    Ok(vec![ops::times(&child.local(&x[1])?, 2)?])
                },
            )?;
            return Ok(made);
        }
        "conv_transpose" => ops::conv_transpose(
            &x[0],
            &x[1],
            &a.sizes("strides"),
            a.text("padding").parse()?,
            a.0.get("output_padding")
                .filter(|tree| !tree.is_null())
                .map(|_| a.sizes("output_padding"))
                .as_deref(),
            &a.sizes("dilation"),
        ),
        "depthwise_conv" => ops::depthwise_conv(
            &x[0],
            &x[1],
            &a.sizes("strides"),
            a.text("padding").parse()?,
            &a.sizes("dilation"),
        ),
        "diff" => ops::diff(&x[0], a.int("axis")),
        "digitize" => ops::digitize(&x[0], &a.floats("boundaries")),
        "divide" => ops::divide(&x[0], &x[1]),
        "divide_no_nan" => ops::divide_no_nan(&x[0], &x[1]),
        "dot_product_attention" => {
            ops::dot_product_attention(&x[0], &x[1], &x[2], None, None, None, a.flag("causal"))
        }
        "eigh" => {
            let (values, vectors) = ops::eigh(&x[0])?;
            let scaled = ops::multiply(&vectors, &ops::expand_dims(&values, -2)?)?;
            return Ok(vec![values, ops::matmul(&scaled, &ops::swap_last(&vectors)?)?]);
        }
        "einsum" => ops::einsum(&a.text("equation"), &x.iter().collect::<Vec<_>>()),
        "elu" => ops::elu(&x[0], a.float("alpha")),
        "exp" => ops::exp(&x[0]),
        "exp2" => ops::exp2(&x[0]),
        "expand_dims" => ops::expand_dims(&x[0], a.int("axis")),
        "eye" => ops::eye(builder, a.int("rows"), a.int("columns"), a.int("diagonal"), DType::Float32),
        "fft" => return parts(&ops::fft(&ops::complex(&x[0], &x[1])?)?),
        "fft2" => return parts(&ops::fft2(&ops::complex(&x[0], &x[1])?)?),
        "flatten" => ops::flatten(&x[0]),
        "flip" => ops::flip(&x[0], &a.ints("axes")),
        "floor_divide" => ops::floor_divide(&x[0], &x[1]),
        "gelu" => ops::gelu(&x[0], a.flag("approximate")),
        "glu" => ops::glu(&x[0], a.int("axis")),
        "greater" => ops::greater(&x[0], &x[1]),
        "hard_shrink" => ops::hard_shrink(&x[0], a.float("threshold")),
        "hard_sigmoid" => ops::hard_sigmoid(&x[0]),
        "hard_silu" => ops::hard_silu(&x[0]),
        "hard_tanh" => ops::hard_tanh(&x[0]),
        "ifft2" => return parts(&ops::ifft2(&ops::complex(&x[0], &x[1])?)?),
        "in_top_k" => ops::in_top_k(&x[0], &x[1], a.int("k") as usize),
        "index" => ops::index(&x[0], a.int("axis"), a.int("place")),
        "inv" => ops::inv(&x[0]),
        "irfft" => {
            ops::irfft(&ops::complex(&x[0], &x[1])?, a.optional("length").map(|length| length as usize))
        }
        "l2_normalize" => ops::l2_normalize(&x[0], &a.ints("axes"), a.float("epsilon")),
        "leaky_relu" => ops::leaky_relu(&x[0], a.float("slope")),
        "log10" => ops::log10(&x[0]),
        "log2" => ops::log2(&x[0]),
        "log_sigmoid" => ops::log_sigmoid(&x[0]),
        "log_softmax" => ops::log_softmax(&x[0], &a.ints("axes")),
        "logaddexp" => ops::logaddexp(&x[0], &x[1]),
        "logical_and" => ops::logical_and(&x[0], &x[1]),
        "logical_not" => ops::logical_not(&x[0]),
        "logical_or" => ops::logical_or(&x[0], &x[1]),
        "logical_xor" => ops::logical_xor(&x[0], &x[1]),
        "logsumexp" => ops::logsumexp(&x[0], &a.ints("axes"), a.flag("keepdims")),
        "lstsq" => ops::lstsq(&x[0], &x[1]),
        "matmul" => ops::matmul(&x[0], &x[1]),
        "max" => ops::max(&x[0], &a.ints("axes"), a.flag("keepdims")),
        "maximum" => ops::maximum(&x[0], &x[1]),
        "mean" => ops::mean(&x[0], &a.ints("axes"), a.flag("keepdims")),
        "min" => ops::min(&x[0], &a.ints("axes"), a.flag("keepdims")),
        "mod" => ops::remainder(&x[0], &x[1]),
        "moments" => {
            return ops::moments(&x[0], &a.ints("axes"), false).map(|(mean, variance)| vec![mean, variance]);
        }
        "moveaxis" => ops::moveaxis(&x[0], &a.ints("from"), &a.ints("to")),
        "multi_hot" => ops::multi_hot(&x[0], a.int("depth") as usize, DType::Float32),
        "multiply" => ops::multiply(&x[0], &x[1]),
        "nan_to_num" => ops::nan_to_num(&x[0], a.float("nan"), None, None),
        "one_hot" => ops::one_hot(&x[0], a.int("depth") as usize, a.int("axis"), DType::Float32),
        "pad" => {
            let widths: Vec<(usize, usize)> = kerata_core::ops::Attribute::from_tree(a.0.require("widths")?)?;
            ops::pad(&x[0], &widths, a.text("mode").parse::<PadMode>()?, 0.0)
        }
        "pinv" => ops::pinv(&x[0]),
        "power" => ops::power(&x[0], &x[1]),
        "prod" => ops::prod(&x[0], &a.ints("axes"), a.flag("keepdims")),
        "random_beta" => ops::random_beta(&x[0], &x[1], &x[2]),
        "random_gamma" => ops::random_gamma(&x[0], &x[1]),
        "random_permutation" => ops::random_permutation(&x[0], a.int("size")),
        "random_integers" => ops::random_integers(
            &x[0],
            a.sizes("sizes"),
            a.int("low"),
            a.int("high"),
            a.text("dtype").parse()?,
        ),
        "random_normal" => {
            ops::random_normal(&x[0], a.sizes("sizes"), a.float("mean"), a.float("stddev"), DType::Float32)
        }
        "random_truncated_normal" => ops::random_truncated_normal(
            &x[0],
            a.sizes("sizes"),
            a.float("mean"),
            a.float("stddev"),
            DType::Float32,
        ),
        "random_uniform" => {
            ops::random_uniform(&x[0], a.sizes("sizes"), a.float("low"), a.float("high"), DType::Float32)
        }
        "reciprocal" => ops::reciprocal(&x[0]),
        "relu" => ops::relu(&x[0]),
        "relu6" => ops::relu6(&x[0]),
        "relu_with" => {
            let most = a.0.get("max_value").and_then(Tree::as_f64);
            ops::relu_with(&x[0], a.float("negative_slope"), most, a.float("threshold"))
        }
        "repeat" => ops::repeat(&x[0], a.int("count") as usize, a.int("axis")),
        "repeat_each" => ops::repeat_each(&x[0], &a.sizes("counts"), a.int("axis")),
        "reshape_like_tensorflow" => {
            // reshape(x, stack([shape(x)[0], 12])): found out to be a plain reshape while building
            let first = ops::slice_axis(&ops::shape_of(&x[0])?, 0, ops::Range::to(1))?;
            let rest = builder.constant(Array::vector(vec![12i32]));
            ops::reshape_to(&x[0], &ops::concatenate(&[first, rest], 0)?)
        }
        "resize" => {
            let sizes = a.sizes("sizes");
            ops::resize(&x[0], [sizes[0], sizes[1]], a.text("method").parse()?, false)
        }
        "rfft" => return parts(&ops::rfft(&x[0], a.optional("length").map(|length| length as usize))?),
        "roll" => ops::roll(&x[0], a.int("shift"), a.int("axis")),
        "saturate_cast" => ops::saturate_cast(&x[0], a.text("dtype").parse()?),
        "scan_power" => {
            let options = ScanOptions { length: Some(a.int("length") as u64), ..ScanOptions::default() };
            let step =
                |states: &[Tensor], _: &[Tensor]| Ok((vec![ops::multiply(&states[0], &x[0])?], vec![]));
            return Ok(ops::scan(builder, &[x[0].clone()], &[], options, step)?.0);
        }
        "scan_rnn" => {
            let options = ScanOptions { reverse: a.flag("reverse"), ..ScanOptions::default() };
            let (mut last, outputs) =
                ops::scan(builder, &[x[1].clone()], &[x[0].clone()], options, |states, elements| {
                    let new = ops::tanh(&ops::add(&elements[0], &ops::matmul(&states[0], &x[2])?)?)?;
                    Ok((vec![new.clone()], vec![new]))
                })?;
            last.extend(outputs);
            return Ok(last);
        }
        "scatter" => ops::scatter(&x[0], &x[1], a.ints("sizes")),
        "scatter_update" => ops::scatter_update(&x[0], &x[1], &x[2]),
        "segment_sum" => ops::segment_sum(&x[0], &x[1], a.int("count")),
        "selu" => ops::selu(&x[0]),
        "separable_conv" => ops::separable_conv(
            &x[0],
            &x[1],
            &x[2],
            &a.sizes("strides"),
            a.text("padding").parse()?,
            &a.sizes("dilation"),
        ),
        "sign" => ops::sign(&x[0]),
        "silu" => ops::silu(&x[0]),
        "slogdet" => return ops::slogdet(&x[0]).map(|(sign, log)| vec![sign, log]),
        "soft_shrink" => ops::soft_shrink(&x[0], a.float("threshold")),
        "softmax" => ops::softmax(&x[0], &a.ints("axes")),
        "softsign" => ops::softsign(&x[0]),
        "solve" => ops::solve(&x[0], &x[1]),
        "sort" => ops::sort(&x[0], a.int("axis")),
        "sparse_plus" => ops::sparse_plus(&x[0]),
        "sparse_sigmoid" => ops::sparse_sigmoid(&x[0]),
        "sparsemax" => ops::sparsemax(&x[0], a.int("axis")),
        "sqrt" => ops::sqrt(&x[0]),
        "square" => ops::square(&x[0]),
        "squared_difference" => ops::squared_difference(&x[0], &x[1]),
        "squareplus" => ops::squareplus(&x[0], a.float("b")),
        "squeeze" => ops::squeeze(&x[0], &a.ints("axes")),
        "stack" => ops::stack(x, a.int("axis")),
        "std" => ops::std(&x[0], &a.ints("axes"), a.flag("keepdims")),
        "stft" => {
            let length = a.int("sequence_length") as usize;
            let window = match a.0.get("window").and_then(Tree::as_str) {
                Some("hann") => Some(ops::hann_window(length)),
                Some(_) => Some(ops::hamming_window(length)),
                None => None,
            };
            let (stride, size) = (a.int("sequence_stride") as usize, a.int("fft_length") as usize);
            return parts(&ops::stft(&x[0], length, stride, size, window.as_deref(), a.flag("center"))?);
        }
        "subtract" => ops::subtract(&x[0], &x[1]),
        "sum" => ops::sum(&x[0], &a.ints("axes"), a.flag("keepdims")),
        "svd" => {
            // Singular vectors are free in their signs; their product is not.
            let (u, s, v) = ops::svd(&x[0])?;
            let scaled = ops::multiply(&ops::stop_gradient(&u)?, &ops::expand_dims(&s, -2)?)?;
            let product = ops::stop_gradient(&ops::matmul(&scaled, &ops::stop_gradient(&v)?)?)?;
            let product = ops::add(&product, &ops::subtract(&x[0], &ops::stop_gradient(&x[0])?)?)?;
            return Ok(vec![s, product]);
        }
        "take" => ops::take(&x[0], &x[1], a.optional("axis")),
        "take_along_axis" => ops::take_along_axis(&x[0], &x[1], a.int("axis")),
        "tanh_shrink" => ops::tanh_shrink(&x[0]),
        "tensordot" => ops::tensordot(&x[0], &x[1], &a.ints("a"), &a.ints("b")),
        "threshold" => ops::threshold(&x[0], a.float("threshold"), a.float("value")),
        "tile" => ops::tile(&x[0], &a.sizes("counts")),
        "tril" => ops::tril(&x[0], a.int("diagonal")),
        "triu" => ops::triu(&x[0], a.int("diagonal")),
        "unstack" => return ops::unstack(&x[0], a.int("axis")),
        "var" => ops::var(&x[0], &a.ints("axes"), a.flag("keepdims")),
        "weighted_moments" => {
            let (mean, variance) = ops::weighted_moments(&x[0], &x[1], &a.ints("axes"))?;
            return Ok(vec![mean, variance]);
        }
        "while_grow" => {
            let most = a.optional("max_steps").map(|steps| steps as u64);
            let start = vec![x[0].clone(), builder.constant(Array::scalar(0i32))];
            return ops::while_loop(
                builder,
                &start,
                most,
                |values| ops::less(&values[0], &ops::scalar(&values[0], a.float("below"))?),
                |values| {
                    Ok(vec![
                        ops::plus(&ops::square(&values[0])?, f64::from(0.9f32))?,
                        ops::plus(&values[1], 1)?,
                    ])
                },
            );
        }
        other => panic!("no function `{other}`: add it to this table"),
    };
    Ok(vec![one?])
}

/// Real and imaginary parts.
fn parts(x: &Tensor) -> Result<Vec<Tensor>> {
    Ok(vec![ops::real(x)?, ops::imag(x)?])
}

/// Arguments of a case.
struct Arguments<'a>(&'a Tree);

impl Arguments<'_> {
    fn int(&self, name: &str) -> i64 {
        self.optional(name).unwrap_or_else(|| panic!("argument `{name}`"))
    }

    fn optional(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Tree::as_i64)
    }

    fn float(&self, name: &str) -> f64 {
        self.0.get(name).and_then(Tree::as_f64).unwrap_or_else(|| panic!("argument `{name}`"))
    }

    fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Tree::as_bool).unwrap_or_else(|| panic!("argument `{name}`"))
    }

    fn text(&self, name: &str) -> String {
        self.0.get(name).and_then(Tree::as_str).unwrap_or_else(|| panic!("argument `{name}`")).to_owned()
    }

    fn ints(&self, name: &str) -> Vec<i64> {
        self.0.get(name).and_then(Tree::as_list).unwrap().iter().map(|item| item.as_i64().unwrap()).collect()
    }

    fn floats(&self, name: &str) -> Vec<f64> {
        self.0.get(name).and_then(Tree::as_list).unwrap().iter().map(|item| item.as_f64().unwrap()).collect()
    }

    fn sizes(&self, name: &str) -> Vec<usize> {
        self.ints(name).into_iter().map(|size| size as usize).collect()
    }
}
