//! Functions of TensorFlow that move elements: shapes, slices, joins.

use kerata_core::{Object, Tree};

use super::{Call, Op, array, has_tensor};

pub(super) fn convert(function: &str, call: &Call) -> Option<Vec<Op>> {
    let bare = function.strip_prefix("manip.").unwrap_or(function);
    Some(match bare {
        "reshape" => {
            let shape = newshape(call.get(1, "shape")?)?;
            vec![Op::numpy("Reshape", vec![call.operand(0, "tensor")?]).with("newshape", shape)]
        }
        "transpose" | "transpose_v2" => {
            let axes = call.get(1, "perm").cloned().unwrap_or_default();
            let x = call.operand(0, "a").or_else(|| call.operand(0, "x"))?;
            vec![Op::numpy("Transpose", vec![x]).with("axes", constant(axes)?)]
        }
        "expand_dims" => {
            let axis = call.get(1, "axis").or_else(|| call.keyword("dim"))?.clone();
            vec![Op::numpy("ExpandDims", vec![call.operand(0, "input")?]).with("axis", constant(axis)?)]
        }
        "squeeze" => {
            let axis =
                call.get(1, "axis").or_else(|| call.keyword("squeeze_dims")).cloned().unwrap_or_default();
            let axis = match axis.as_list() {
                Some([only]) => only.clone(),
                Some([]) => Tree::Null,
                _ => axis,
            };
            vec![Op::numpy("Squeeze", vec![call.operand(0, "input")?]).with("axis", constant(axis)?)]
        }
        "concat" | "stack" => {
            let class = if bare == "concat" { "Concatenate" } else { "Stack" };
            let parts = call.get(0, "values")?.as_list()?;
            let parts: Vec<Tree> = parts.iter().map(|part| array(part, "float32")).collect();
            let axis = call.get(1, "axis").cloned().unwrap_or(Tree::Int(0));
            vec![Op::numpy(class, vec![Tree::List(parts)]).with("axis", constant(axis)?)]
        }
        "tile" => {
            let repeats = constant(call.get(1, "multiples")?.clone())?;
            vec![Op::numpy("Tile", vec![call.operand(0, "input")?]).with("repeats", repeats)]
        }
        "repeat" => {
            let repeats = constant(call.get(1, "repeats")?.clone())?;
            let axis = call.get(2, "axis").cloned().unwrap_or_default();
            vec![
                Op::numpy("Repeat", vec![call.operand(0, "input")?])
                    .with("repeats", repeats)
                    .with("axis", axis),
            ]
        }
        "reverse" => {
            let axis = constant(call.get(1, "axis")?.clone())?;
            vec![Op::numpy("Flip", vec![call.operand(0, "tensor")?]).with("axis", axis)]
        }
        "roll" => {
            let op = Op::numpy("Roll", vec![call.operand(0, "input")?]);
            vec![
                op.with("shift", constant(call.get(1, "shift")?.clone())?)
                    .with("axis", call.get(2, "axis")?.clone()),
            ]
        }
        "pad" => {
            let mode = call.get(2, "mode").and_then(Tree::as_str).unwrap_or("CONSTANT").to_lowercase();
            let widths = constant(call.get(1, "paddings")?.clone())?;
            let x = call.operand(0, "tensor")?;
            let op = Op::numpy("Pad", vec![x]).with("pad_width", widths).with("mode", mode.clone());
            let filling = call.keyword("constant_values").cloned().unwrap_or(Tree::Int(0));
            vec![if mode == "constant" { op.keyword("constant_values", filling) } else { op }]
        }
        "split" => {
            let sizes = constant(call.get(1, "num_or_size_splits")?.clone())?;
            let axis = call.get(2, "axis").cloned().unwrap_or(Tree::Int(0));
            let op = Op::numpy("Split", vec![call.operand(0, "value")?]);
            vec![op.with("indices_or_sections", sections(&sizes)?).with("axis", axis)]
        }
        "gather" | "gather_v2" => {
            let indices = call.get(1, "indices")?;
            if call.keyword("batch_dims").and_then(Tree::as_i64).unwrap_or(0) != 0 {
                return None;
            }
            let axis = call.keyword("axis").cloned().unwrap_or(Tree::Int(0));
            let operands = vec![call.operand(0, "params")?, array(indices, "int32")];
            vec![Op::numpy("Take", operands).with("axis", axis)]
        }
        "unstack" => {
            let axis = call.keyword("axis").or(call.get(2, "axis")).cloned().unwrap_or(Tree::Int(0));
            let op = Op::new("keras.src.ops.core", "Unstack", vec![call.operand(0, "value")?]);
            vec![op.with("num", call.keyword("num").cloned().unwrap_or_default()).with("axis", axis)]
        }
        "sort" | "argsort" => {
            let class = if bare == "sort" { "Sort" } else { "Argsort" };
            if call.keyword("direction").is_some_and(|direction| direction.as_str() != Some("ASCENDING")) {
                return None;
            }
            let axis = call.get(1, "axis").cloned().unwrap_or(Tree::Int(-1));
            vec![Op::numpy(class, vec![call.operand(0, "values")?]).with("axis", axis)]
        }
        "linalg.diag_part" if call.get(1, "k").is_none_or(|k| k.as_i64() == Some(0)) => {
            let op = Op::numpy("Diagonal", vec![call.operand(0, "input")?]).with("offset", Tree::Int(0));
            vec![op.with("axis1", Tree::Int(-2)).with("axis2", Tree::Int(-1))]
        }
        "linalg.band_part" => {
            let number = |at: usize, name: &str| call.get(at, name).and_then(Tree::as_i64);
            let (lower, upper) = (number(1, "num_lower")?, number(2, "num_upper")?);
            let mut ops = Vec::new();
            let mut x = call.operand(0, "input")?;
            for (class, k) in [("Triu", -lower), ("Tril", upper)] {
                if (class == "Triu" && lower >= 0) || (class == "Tril" && upper >= 0) {
                    ops.push(Op::numpy(class, vec![x]).with("k", Tree::from(k)));
                    x = Op::before();
                }
            }
            if ops.is_empty() {
                ops.push(Op::new("keras.layers", "Identity", vec![x]));
            }
            ops
        }
        "slice" | "strided_slice" => {
            let x = call.operand(0, "input_").or_else(|| call.operand(0, "input"))?;
            let begin = constant(call.get(1, "begin")?.clone())?;
            let end = constant(call.get(2, if bare == "slice" { "size" } else { "end" })?.clone())?;
            let steps = call.get(3, "strides").filter(|steps| !steps.is_null());
            let has_masks = ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"]
                .iter()
                .any(|mask| call.keyword(mask).is_some_and(|mask| mask.as_i64() != Some(0)));
            if has_masks {
                return None;
            }
            let axes = begin.as_list()?.iter().zip(end.as_list()?).enumerate().map(|(axis, (begin, end))| {
                let stop = match bare {
                    "slice" if end.as_i64() == Some(-1) => Tree::Null,
                    "slice" => Tree::from(begin.as_i64()?.checked_add(end.as_i64()?)?),
                    _ => end.clone(),
                };
                let step = steps.and_then(Tree::as_list).and_then(|steps| steps.get(axis)).cloned();
                let config = Tree::from([
                    ("start", begin.clone()),
                    ("stop", stop),
                    ("step", step.unwrap_or_default()),
                ]);
                Some(Tree::from([("class_name", Tree::from("__slice__")), ("config", config)]))
            });
            vec![Op::numpy("GetItem", vec![x, Tree::List(axes.collect::<Option<_>>()?)])]
        }
        "nn.embedding_lookup" => {
            let operands = vec![call.operand(0, "params")?, array(call.get(1, "ids")?, "int32")];
            vec![Op::numpy("Take", operands).with("axis", Tree::Int(0))]
        }
        "zeros_like" | "zeros_like_v2" | "ones_like" | "ones_like_v2" => {
            let class = if bare.starts_with("zeros") { "ZerosLike" } else { "OnesLike" };
            let x = call.operand(0, "input").or_else(|| call.operand(0, "tensor"))?;
            vec![Op::numpy(class, vec![x]).with("dtype", call.keyword("dtype").cloned().unwrap_or_default())]
        }
        "broadcast_to" => {
            let shape = constant(call.get(1, "shape")?.clone())?;
            vec![Op::numpy("BroadcastTo", vec![call.operand(0, "input")?]).with("shape", shape)]
        }
        "cast" | "to_float" => {
            let dtype = call.get(1, "dtype").cloned().unwrap_or_else(|| "float32".into());
            vec![Op::new("keras.src.ops.core", "Cast", vec![call.operand(0, "x")?]).with("dtype", dtype)]
        }
        "stop_gradient" => {
            vec![Op::new("keras.src.ops.core", "StopGradient", vec![call.operand(0, "input")?])]
        }
        "identity" => vec![Op::new("keras.layers", "Identity", vec![call.operand(0, "input")?])],
        "__operators__.getitem" | "_slice_helper" => {
            let key = slice_key(call.get(1, "slice_spec")?)?;
            vec![Op::numpy("GetItem", vec![call.operand(0, "tensor")?, key])]
        }
        _ => return None,
    })
}

/// A constant value: no tensor inside.
fn constant(value: Tree) -> Option<Tree> {
    (!has_tensor(&value)).then_some(value)
}

/// The shape of a reshape; one size that the graph computes is what is left over.
fn newshape(shape: &Tree) -> Option<Tree> {
    let items = shape.as_list()?;
    let computed = items.iter().filter(|item| has_tensor(item)).count();
    let open = items.iter().filter(|item| item.as_i64() == Some(-1)).count();
    if computed + open > 1 {
        return None;
    }
    Some(Tree::List(
        items.iter().map(|item| if has_tensor(item) { Tree::Int(-1) } else { item.clone() }).collect(),
    ))
}

/// Sizes as Keras counts them: a number of parts, or the places of the cuts.
fn sections(sizes: &Tree) -> Option<Tree> {
    let Some(items) = sizes.as_list() else { return Some(sizes.clone()) };
    let mut at = 0;
    let mut cuts = Vec::new();
    for size in items.iter().take(items.len().saturating_sub(1)) {
        at += size.as_i64().filter(|size| *size >= 0)?;
        cuts.push(Tree::from(at));
    }
    Some(Tree::List(cuts))
}

/// A slice: `{"start", "stop", "step"}`, an index, `null`, an ellipsis.
fn slice_key(spec: &Tree) -> Option<Tree> {
    if has_tensor(spec) {
        return None;
    }
    Some(match spec {
        Tree::List(items) => Tree::List(items.iter().map(slice_key).collect::<Option<_>>()?),
        Tree::Object(entries) if entries.contains_key("start") => {
            Tree::from([("class_name", Tree::from("__slice__")), ("config", spec.clone())])
        }
        Tree::Object(_) if spec.class_name() == Some("__ellipsis__") => {
            Tree::from([("class_name", Tree::from("__ellipsis__")), ("config", Tree::Object(Object::new()))])
        }
        other => other.clone(),
    })
}
