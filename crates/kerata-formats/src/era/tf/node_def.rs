//! `TensorFlowOpLayer`: the op is a NodeDef in the config, its constants stand beside.

use kerata_core::{Limits, Object, Tree};

use super::{Call, Op, by_name};

/// Ops whose inputs are the arguments of a function by position: op, function.
const POSITIONAL: &[(&str, &str)] = &[
    ("Abs", "math.abs"),
    ("Add", "math.add"),
    ("AddV2", "math.add"),
    ("BiasAdd", "nn.bias_add"),
    ("Ceil", "math.ceil"),
    ("Cos", "math.cos"),
    ("Div", "math.truediv"),
    ("DivNoNan", "math.divide_no_nan"),
    ("Elu", "nn.elu"),
    ("Equal", "math.equal"),
    ("Erf", "math.erf"),
    ("Exp", "math.exp"),
    ("Floor", "math.floor"),
    ("FloorDiv", "math.floordiv"),
    ("FloorMod", "math.floormod"),
    ("Greater", "math.greater"),
    ("GreaterEqual", "math.greater_equal"),
    ("Identity", "identity"),
    ("Less", "math.less"),
    ("LessEqual", "math.less_equal"),
    ("Log", "math.log"),
    ("LogSoftmax", "nn.log_softmax"),
    ("LogicalAnd", "math.logical_and"),
    ("LogicalNot", "math.logical_not"),
    ("LogicalOr", "math.logical_or"),
    ("Maximum", "math.maximum"),
    ("Minimum", "math.minimum"),
    ("Mul", "math.multiply"),
    ("Neg", "math.negative"),
    ("NotEqual", "math.not_equal"),
    ("Pow", "math.pow"),
    ("RealDiv", "math.truediv"),
    ("Reciprocal", "math.reciprocal"),
    ("Relu", "nn.relu"),
    ("Relu6", "nn.relu6"),
    ("Reshape", "reshape"),
    ("Round", "math.round"),
    ("Rsqrt", "math.rsqrt"),
    ("SelectV2", "where"),
    ("Selu", "nn.selu"),
    ("Sigmoid", "math.sigmoid"),
    ("Sign", "math.sign"),
    ("Sin", "math.sin"),
    ("Softmax", "nn.softmax"),
    ("Softplus", "math.softplus"),
    ("Sqrt", "math.sqrt"),
    ("Square", "math.square"),
    ("SquaredDifference", "math.squared_difference"),
    ("StopGradient", "stop_gradient"),
    ("Sub", "math.subtract"),
    ("Tanh", "math.tanh"),
    ("Tile", "tile"),
    ("Transpose", "transpose"),
];

/// Reductions: the axes are the second input, `keep_dims` is an attribute.
const REDUCTIONS: &[(&str, &str)] = &[
    ("All", "math.reduce_all"),
    ("Any", "math.reduce_any"),
    ("Max", "math.reduce_max"),
    ("Mean", "math.reduce_mean"),
    ("Min", "math.reduce_min"),
    ("Prod", "math.reduce_prod"),
    ("Sum", "math.reduce_sum"),
];

/// The Keras ops of a NodeDef, and the name of its op.
pub(super) fn convert(config: &Tree, call: &Call) -> Option<(String, Vec<Op>)> {
    let node = match config.get("node_def")? {
        Tree::Text(json) => Tree::parse(json.as_bytes(), &Limits::default()).ok()?,
        other => other.clone(),
    };
    let op = node.get("op")?.as_str()?;
    let attributes = node.get("attr");
    let args = inputs(config, call)?;
    let named = |function: &str, args: Vec<Tree>, kwargs: Object| {
        let ops = by_name(function, &Call { args, kwargs })?;
        Some((op.to_owned(), ops))
    };
    if let Some((_, function)) = POSITIONAL.iter().find(|(name, _)| *name == op) {
        return named(function, args, Object::new());
    }
    if let Some((_, function)) = REDUCTIONS.iter().find(|(name, _)| *name == op) {
        let kwargs = [("keepdims".to_owned(), attribute(attributes, "keep_dims").unwrap_or(false.into()))];
        return named(function, args, kwargs.into_iter().collect());
    }
    match op {
        "Cast" => {
            let dtype = attribute(attributes, "DstT").and_then(|code| dtype(&code))?;
            named("cast", args, [("dtype".to_owned(), Tree::from(dtype))].into_iter().collect())
        }
        "ConcatV2" => {
            let (axis, parts) = args.split_last()?;
            named("concat", vec![Tree::List(parts.to_vec()), axis.clone()], Object::new())
        }
        "Pack" => {
            let axis = attribute(attributes, "axis").unwrap_or(Tree::Int(0));
            named("stack", vec![Tree::List(args), axis], Object::new())
        }
        "ExpandDims" => named("expand_dims", args, Object::new()),
        "Squeeze" => {
            let axes = attributes?.path(&["squeeze_dims", "list", "i"])?.as_list()?;
            let axes: Option<Vec<Tree>> = axes.iter().map(integer).collect();
            named("squeeze", vec![args.first()?.clone(), Tree::List(axes?)], Object::new())
        }
        "MatMul" | "BatchMatMul" | "BatchMatMulV2" => {
            let flag = |names: [&str; 2]| names.iter().find_map(|name| attribute(attributes, name));
            let kwargs = [
                ("transpose_a".to_owned(), flag(["transpose_a", "adj_x"]).unwrap_or(false.into())),
                ("transpose_b".to_owned(), flag(["transpose_b", "adj_y"]).unwrap_or(false.into())),
            ];
            named("linalg.matmul", args, kwargs.into_iter().collect())
        }
        "LeakyRelu" => {
            let alpha = attribute(attributes, "alpha").unwrap_or(Tree::Float(0.2));
            named("nn.leaky_relu", args, [("alpha".to_owned(), alpha)].into_iter().collect())
        }
        "StridedSlice" => {
            let [x, begin, end, strides] = args.as_slice() else { return None };
            let key = strided_slice([begin, end, strides], attributes)?;
            named("__operators__.getitem", vec![x.clone(), key], Object::new())
        }
        _ => None,
    }
}

/// The inputs by position: constants where the config has them, tensors in between.
fn inputs(config: &Tree, call: &Call) -> Option<Vec<Tree>> {
    let mut tensors: Vec<Tree> = match call.args.as_slice() {
        [Tree::List(items)] => items.clone(),
        args => args.to_vec(),
    };
    let empty = Object::new();
    let constants = config.get("constants").and_then(Tree::as_object).unwrap_or(&empty);
    let count = tensors.len() + constants.len();
    tensors.reverse();
    (0..count).map(|at| constants.get(&at.to_string()).cloned().or_else(|| tensors.pop())).collect()
}

/// A plain attribute: `{"b": true}`, `{"i": "1"}`, `{"f": 0.1}`, `{"type": "DT_FLOAT"}`.
fn attribute(attributes: Option<&Tree>, name: &str) -> Option<Tree> {
    let value = attributes?.get(name)?;
    if let Some(number) = value.get("i") {
        return integer(number);
    }
    ["b", "f", "type"].iter().find_map(|kind| value.get(kind)).cloned()
}

/// Whole numbers of 64 bits are text in protobuf's JSON.
fn integer(value: &Tree) -> Option<Tree> {
    match value {
        Tree::Text(text) => text.parse().ok().map(Tree::Int),
        Tree::Int(_) => Some(value.clone()),
        _ => None,
    }
}

fn dtype(code: &Tree) -> Option<&'static str> {
    const NAMES: &[(&str, i64, &str)] = &[
        ("DT_FLOAT", 1, "float32"),
        ("DT_DOUBLE", 2, "float64"),
        ("DT_INT32", 3, "int32"),
        ("DT_UINT8", 4, "uint8"),
        ("DT_INT64", 9, "int64"),
        ("DT_BOOL", 10, "bool"),
        ("DT_HALF", 19, "float16"),
    ];
    let fits = |entry: &&(&str, i64, &str)| code.as_str() == Some(entry.0) || code.as_i64() == Some(entry.1);
    NAMES.iter().find(fits).map(|entry| entry.2)
}

/// The key of a strided slice, with its masks.
fn strided_slice(bounds: [&Tree; 3], attributes: Option<&Tree>) -> Option<Tree> {
    let lists = bounds.map(|bound| bound.as_list().map(<[Tree]>::to_vec));
    let [Some(begin), Some(end), Some(strides)] = lists else { return None };
    let mask = |name: &str| attribute(attributes, name).and_then(|mask| mask.as_i64()).unwrap_or(0);
    if mask("ellipsis_mask") != 0 {
        return None;
    }
    let (begin_mask, end_mask) = (mask("begin_mask"), mask("end_mask"));
    let (shrink, new_axis) = (mask("shrink_axis_mask"), mask("new_axis_mask"));
    let mut key = Vec::new();
    for (at, ((start, stop), step)) in begin.iter().zip(&end).zip(&strides).enumerate() {
        let bit = 1i64.checked_shl(u32::try_from(at).ok()?)?;
        if new_axis & bit != 0 {
            key.push(Tree::Null);
        } else if shrink & bit != 0 {
            key.push(start.clone());
        } else {
            let open = |mask: i64, value: &Tree| if mask & bit != 0 { Tree::Null } else { value.clone() };
            key.push(Tree::from([
                ("start", open(begin_mask, start)),
                ("stop", open(end_mask, stop)),
                ("step", step.clone()),
            ]));
        }
    }
    Some(Tree::List(key))
}
