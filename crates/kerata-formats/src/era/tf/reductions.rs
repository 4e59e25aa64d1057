//! Reductions and products of TensorFlow.

use kerata_core::Tree;

use super::{Call, Op};

/// Reductions over an axis: name, module, class.
const REDUCTIONS: &[(&str, &str, &str)] = &[
    ("reduce_all", NUMPY, "All"),
    ("reduce_any", NUMPY, "Any"),
    ("reduce_logsumexp", "keras.src.ops.math", "Logsumexp"),
    ("reduce_max", NUMPY, "Max"),
    ("reduce_mean", NUMPY, "Mean"),
    ("reduce_min", NUMPY, "Min"),
    ("reduce_prod", NUMPY, "Prod"),
    ("reduce_std", NUMPY, "Std"),
    ("reduce_sum", NUMPY, "Sum"),
    ("reduce_variance", NUMPY, "Var"),
];

const NUMPY: &str = "keras.src.ops.numpy";

pub(super) fn convert(function: &str, call: &Call) -> Option<Vec<Op>> {
    let bare = ["math.", "linalg.", "nn."]
        .iter()
        .find_map(|prefix| function.strip_prefix(prefix))
        .unwrap_or(function);
    let bare = bare.strip_suffix("_v1").unwrap_or(bare);
    let axis = call.get(1, "axis").or(call.get(1, "reduction_indices")).cloned().unwrap_or_default();
    let keepdims = call.flag("keepdims") || call.flag("keep_dims");
    if let Some((_, module, class)) = REDUCTIONS.iter().find(|(name, _, _)| *name == bare) {
        let op = Op::new(module, class, vec![call.operand(0, "input_tensor")?]);
        return Some(vec![op.with("axis", axis).with("keepdims", keepdims)]);
    }
    Some(match bare {
        "argmax" | "argmin" => {
            let class = if bare == "argmax" { "Argmax" } else { "Argmin" };
            let axis = if axis.is_null() { Tree::Int(0) } else { axis };
            let found = Op::numpy(class, vec![call.operand(0, "input")?]);
            let dtype = call.keyword("output_type").and_then(Tree::as_str).unwrap_or("int64").to_owned();
            vec![
                found.with("axis", axis).with("keepdims", false),
                Op::new("keras.src.ops.core", "Cast", vec![Op::before()]).with("dtype", dtype),
            ]
        }
        "cumsum" | "cumprod" if !call.flag("exclusive") => {
            let class = if bare == "cumsum" { "Cumsum" } else { "Cumprod" };
            let axis = if axis.is_null() { Tree::Int(0) } else { axis };
            let x = call.operand(0, "x")?;
            let along =
                |x: Tree| Op::numpy(class, vec![x]).with("axis", axis.clone()).with("dtype", Tree::Null);
            let turned = |x: Tree| Op::numpy("Flip", vec![x]).with("axis", axis.clone());
            match call.flag("reverse") {
                true => vec![turned(x), along(Op::before()), turned(Op::before())],
                false => vec![along(x)],
            }
        }
        "count_nonzero" if !keepdims => vec![
            Op::numpy("CountNonzero", vec![call.operand(0, "input")?]).with("axis", axis),
            Op::new("keras.src.ops.core", "Cast", vec![Op::before()])
                .with("dtype", call.keyword("dtype").cloned().unwrap_or_else(|| "int64".into())),
        ],
        "einsum" => {
            let (subscripts, tensors) = call.positionals().split_first()?;
            let subscripts = subscripts.as_str().filter(|_| !tensors.is_empty())?;
            vec![Op::numpy("Einsum", tensors.to_vec()).with("subscripts", subscripts)]
        }
        "moments" => {
            let op = Op::new("keras.src.ops.nn", "Moments", vec![call.operand(0, "x")?]);
            let axes = call.get(1, "axes")?.clone();
            vec![op.with("axes", axes).with("keepdims", keepdims).with("synchronized", false)]
        }
        "top_k" => {
            let k = call.get(1, "k").cloned().unwrap_or(Tree::Int(1));
            let sorted = call.keyword("sorted").cloned().unwrap_or(Tree::Bool(true));
            let op = Op::new("keras.src.ops.math", "TopK", vec![call.operand(0, "input")?]);
            vec![op.with("k", k).with("sorted", sorted)]
        }
        "norm" | "reduce_euclidean_norm" => {
            let x = call.operand(0, if bare == "norm" { "tensor" } else { "input_tensor" })?;
            let order = call.get(1, "ord").filter(|_| bare == "norm");
            let axis = if bare == "norm" { call.get(2, "axis").cloned().unwrap_or_default() } else { axis };
            norm(x, order, &axis, keepdims)?
        }
        "normalize" => {
            let x = call.operand(0, "tensor")?;
            let axis = call.get(2, "axis").cloned().unwrap_or_default();
            let mut ops = norm(x.clone(), call.get(1, "ord"), &axis, true)?;
            let last = ops.pop()?.giving(1);
            ops.extend([last, Op::numpy("TrueDivide", vec![x, Op::before()])]);
            ops
        }
        "l2_normalize" => {
            let epsilon = call.keyword("epsilon").and_then(Tree::as_f64).unwrap_or(1e-12);
            let x = call.operand(0, "x")?;
            let sum = Op::numpy("Sum", vec![Op::before()]).with("axis", axis).with("keepdims", true);
            vec![
                Op::numpy("Square", vec![x.clone()]),
                sum,
                Op::numpy("Maximum", vec![Op::before(), epsilon.into()]),
                Op::new("keras.src.ops.math", "Rsqrt", vec![Op::before()]),
                Op::numpy("Multiply", vec![x, Op::before()]),
            ]
        }
        "matmul" => {
            let (a, b) = (call.operand(0, "a")?, call.operand(1, "b")?);
            let swap = |x: Tree| {
                Op::numpy("Swapaxes", vec![x]).with("axis1", Tree::Int(-1)).with("axis2", Tree::Int(-2))
            };
            let turn_a = call.flag("transpose_a") || call.flag("adjoint_a");
            let turn_b = call.flag("transpose_b") || call.flag("adjoint_b");
            match (turn_a, turn_b) {
                (false, false) => vec![Op::numpy("Matmul", vec![a, b])],
                (true, false) => vec![swap(a), Op::numpy("Matmul", vec![Op::before(), b])],
                (false, true) => vec![swap(b), Op::numpy("Matmul", vec![a, Op::before()])],
                // Transposing the product of the two in reverse order needs one op less.
                (true, true) => vec![Op::numpy("Matmul", vec![b, a]), swap(Op::before())],
            }
        }
        "tensordot" => {
            let axes = call.get(2, "axes")?.clone();
            vec![
                Op::numpy("Tensordot", vec![call.operand(0, "a")?, call.operand(1, "b")?]).with("axes", axes),
            ]
        }
        _ => return None,
    })
}

/// The norm of vectors; that of matrices (an axis that is a pair) where it is the euclidean one.
fn norm(x: Tree, order: Option<&Tree>, axis: &Tree, keepdims: bool) -> Option<Vec<Op>> {
    let order = match order.filter(|order| !order.is_null()) {
        None => 2.0,
        Some(order) if matches!(order.as_str(), Some("euclidean" | "fro")) => 2.0,
        Some(order) => {
            // Of matrices the numbers mean other norms.
            let is_vector = axis.as_list().is_none_or(|axes| axes.len() == 1);
            order.as_f64().filter(|_| is_vector)?
        }
    };
    let reduced = |class: &'static str| {
        Op::numpy(class, vec![Op::before()]).with("axis", axis.clone()).with("keepdims", keepdims)
    };
    let absolute = |x: Tree| Op::numpy("Absolute", vec![x]);
    Some(match order {
        1.0 => vec![absolute(x), reduced("Sum")],
        2.0 => {
            let square = Op::numpy("Square", vec![x]);
            vec![square, reduced("Sum"), Op::numpy("Sqrt", vec![Op::before()])]
        }
        f64::INFINITY => vec![absolute(x), reduced("Max")],
        order if order > 0.0 => vec![
            absolute(x),
            Op::numpy("Power", vec![Op::before(), order.into()]),
            reduced("Sum"),
            Op::numpy("Power", vec![Op::before(), (1.0 / order).into()]),
        ],
        _ => return None,
    })
}
