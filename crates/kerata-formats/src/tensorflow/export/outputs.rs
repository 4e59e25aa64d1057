//! Names of the outputs of TensorFlow's ops, by which nodes inside functions refer to them.

/// Name of an output, and the ops whose outputs are called so.
const NAMES: &[(&[&str], &str)] = &[
    (&["activations"], "Relu Relu6 Softplus Elu Selu LeakyRelu"),
    (&["dense"], "SparseToDense"),
    (&["handle"], "TensorListReserve"),
    (&["item"], "TensorListGetItem"),
    (&["ngrams", "ngrams_splits"], "StringNGrams"),
    (&["index"], "Where"),
    (&["out"], "Complex Cumsum Cumprod"),
    (&["output_handle"], "TensorListFromTensor TensorListSetItem"),
    (&["product"], "MatMul"),
    (&["resized_images"], "ResizeBilinear ResizeNearestNeighbor ResizeBicubic ScaleAndTranslate"),
    (&["result"], "RaggedTensorToTensor"),
    (&["softmax"], "Softmax"),
    (&["tensor"], "TensorListStack"),
    (&["value"], "ReadVariableOp"),
    (&["values"], "LookupTableFindV2"),
    (&["values", "indices"], "TopKV2"),
    (
        &["y"],
        "Abs Acos Acosh Asin Asinh Atan Atanh Cast Ceil Cos Cosh Erf Erfinv Exp Expm1 Floor Invert IsFinite IsInf IsNan \
         Log Log1p LogicalNot Neg OnesLike Reciprocal Rint Round Rsqrt Sigmoid Sign Sin Sinh Sqrt Square Tan Tanh \
         Transpose ZerosLike",
    ),
    (
        &["z"],
        "AddV2 Atan2 BitwiseAnd BitwiseOr BitwiseXor Equal FloorDiv FloorMod Greater GreaterEqual LeftShift Less LessEqual \
         LogicalAnd LogicalOr Maximum Minimum Mul NotEqual Pow RealDiv RightShift SquaredDifference Sub TruncateDiv",
    ),
];

/// The name of an output; most ops call theirs `output`.
pub fn output_name(op: &str, at: usize) -> &'static str {
    let known = NAMES.iter().find(|(_, ops)| ops.split_whitespace().any(|name| name == op));
    known.and_then(|(names, _)| names.get(at).or(names.first())).copied().unwrap_or("output")
}
