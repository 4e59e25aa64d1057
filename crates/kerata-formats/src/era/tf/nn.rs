//! Functions of `tf.nn` and `tf.image`.

use kerata_core::Tree;

use super::{Call, Op, array, has_tensor};

const NN: &str = "keras.src.ops.nn";

pub(super) fn convert(function: &str, call: &Call) -> Option<Vec<Op>> {
    let bare = function.strip_prefix("nn.").or_else(|| function.strip_prefix("math.")).unwrap_or(function);
    let features = || call.operand(0, "features").or_else(|| call.operand(0, "x"));
    let logits = || call.operand(0, "logits");
    let axis = || call.get(1, "axis").filter(|axis| !axis.is_null()).cloned().unwrap_or(Tree::Int(-1));
    Some(match bare {
        "relu" => vec![Op::new(NN, "Relu", vec![features()?])],
        "relu6" => vec![Op::new(NN, "Relu6", vec![features()?])],
        "selu" => vec![Op::new(NN, "Selu", vec![features()?])],
        "elu" => vec![Op::new(NN, "Elu", vec![features()?]).with("alpha", 1.0)],
        "silu" | "swish" => vec![Op::new(NN, "Silu", vec![features()?])],
        "gelu" => {
            let approximate = call.get(1, "approximate").and_then(Tree::as_bool).unwrap_or(false);
            vec![Op::new(NN, "Gelu", vec![features()?]).with("approximate", approximate)]
        }
        "leaky_relu" => {
            let slope = call.get(1, "alpha").cloned().unwrap_or(Tree::Float(0.2));
            vec![Op::new(NN, "LeakyRelu", vec![features()?]).with("negative_slope", slope)]
        }
        "softmax" | "softmax_v2" => vec![Op::new(NN, "Softmax", vec![logits()?]).with("axis", axis())],
        "log_softmax" | "log_softmax_v2" => {
            vec![Op::new(NN, "LogSoftmax", vec![logits()?]).with("axis", axis())]
        }
        "max_pool2d" | "max_pool" | "max_pool1d" | "max_pool3d" => pool("MaxPool", call)?,
        "avg_pool2d" | "avg_pool" | "avg_pool1d" | "avg_pool3d" => pool("AveragePool", call)?,
        "space_to_depth" | "depth_to_space" => {
            let class = if bare == "space_to_depth" { "SpaceToDepth" } else { "DepthToSpace" };
            let block = call.get(1, "block_size")?.clone();
            let op = Op::new(NN, class, vec![call.operand(0, "input")?]).with("block_size", block);
            vec![op.with("data_format", channels_last(call)?)]
        }
        "bias_add" => {
            vec![Op::numpy("Add", vec![call.operand(0, "value")?, array(call.get(1, "bias")?, "float32")])]
        }
        "conv2d" | "conv1d" | "conv2d_v2" => {
            let kernel = call.get(1, "filters").or_else(|| call.keyword("filter"))?;
            let op = Op::new(NN, "Conv", vec![call.operand(0, "input")?, array(kernel, "float32")]);
            vec![
                op.with("strides", window(call.get(2, "strides")?)?)
                    .with("padding", padding(call.get(3, "padding")?)?)
                    .with("data_format", channels_last(call)?)
                    .with("dilation_rate", call.keyword("dilations").map_or(Some(Tree::Int(1)), window)?),
            ]
        }
        "image.resize" | "image.resize_v2" => {
            let method = call.keyword("method").and_then(Tree::as_str).unwrap_or("bilinear").to_lowercase();
            let known = ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"].contains(&method.as_str());
            let size = call.get(1, "size")?.clone();
            if !known || call.flag("preserve_aspect_ratio") || has_tensor(&size) {
                return None;
            }
            let op = Op::new("keras.src.ops.image", "Resize", vec![call.operand(0, "images")?]);
            vec![
                op.with("size", size)
                    .with("interpolation", method)
                    .with("antialias", call.flag("antialias"))
                    .with("data_format", "channels_last"),
            ]
        }
        "one_hot" => {
            let depth = call.get(1, "depth")?.clone();
            let number = |name: &str, default: f64| call.keyword(name).map_or(Some(default), Tree::as_f64);
            let (on, off) = (number("on_value", 1.0)?, number("off_value", 0.0)?);
            let axis = call.keyword("axis").cloned().unwrap_or(Tree::Int(-1));
            let dtype = call.keyword("dtype").cloned().unwrap_or_else(|| "float32".into());
            let op = Op::new(NN, "OneHot", vec![call.operand(0, "indices")?]);
            let op =
                op.with("num_classes", depth).with("axis", axis).with("dtype", dtype).with("sparse", false);
            if (on, off) == (1.0, 0.0) {
                return Some(vec![op]);
            }
            vec![
                op,
                Op::numpy("Multiply", vec![Op::before(), (on - off).into()]),
                Op::numpy("Add", vec![Op::before(), off.into()]),
            ]
        }
        _ => return None,
    })
}

fn pool(class: &'static str, call: &Call) -> Option<Vec<Op>> {
    let op = Op::new(NN, class, vec![call.operand(0, "input").or_else(|| call.operand(0, "value"))?]);
    let size = window(call.get(1, "ksize")?)?;
    let strides = window(call.get(2, "strides")?)?;
    let op = op.with("pool_size", size).with("strides", strides);
    Some(vec![
        op.with("padding", padding(call.get(3, "padding")?)?).with("data_format", channels_last(call)?),
    ])
}

/// Sizes of a window: a number, one for each spatial axis, or with batch and channels around.
fn window(sizes: &Tree) -> Option<Tree> {
    let Some(items) = sizes.as_list() else { return Some(sizes.clone()) };
    Some(match items {
        [only] => only.clone(),
        [Tree::Int(1), inner @ .., Tree::Int(1)] if items.len() > 3 => Tree::List(inner.to_vec()),
        items => Tree::List(items.to_vec()),
    })
}

fn padding(padding: &Tree) -> Option<Tree> {
    padding.as_str().map(|padding| padding.to_lowercase().into())
}

fn channels_last(call: &Call) -> Option<Tree> {
    let format = call.keyword("data_format").and_then(Tree::as_str).unwrap_or("NHWC");
    (!format.starts_with("NC")).then(|| "channels_last".into())
}
