//! Names of the outputs of ops that have several; those of all others start at 0.

/// Op, and its outputs in order.
const OUTPUTS: &[(&str, &[&str])] = &[
    ("FusedBatchNorm", &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"]),
    ("FusedBatchNormV2", &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"]),
    (
        "FusedBatchNormV3",
        &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"],
    ),
    ("TopKV2", &["values", "indices"]),
    ("TopK", &["values", "indices"]),
    ("Unique", &["y", "idx"]),
    ("UniqueV2", &["y", "idx"]),
    ("UniqueWithCounts", &["y", "idx", "count"]),
    ("UniqueWithCountsV2", &["y", "idx", "count"]),
    ("Switch", &["output_false", "output_true"]),
    ("Merge", &["output", "value_index"]),
    ("TensorArrayV3", &["handle", "flow"]),
    ("TensorListPopBack", &["output_handle", "tensor"]),
    ("StatelessRandomGetKeyCounter", &["key", "counter"]),
    ("MaxPoolWithArgmax", &["output", "argmax"]),
    ("BroadcastGradientArgs", &["r0", "r1"]),
    ("Svd", &["s", "u", "v"]),
    ("SelfAdjointEigV2", &["e", "v"]),
    ("SparseCross", &["output_indices", "output_values", "output_shape"]),
    ("StringNGrams", &["ngrams", "ngrams_splits"]),
    ("StringSplitV2", &["indices", "values", "shape"]),
    ("UnicodeDecode", &["row_splits", "char_values"]),
    ("Qr", &["q", "r"]),
];

/// The position of the first value of an output.
pub fn output_position(op: &str, output: &str) -> usize {
    let outputs = OUTPUTS.iter().find(|entry| entry.0 == op).map(|entry| entry.1);
    outputs.and_then(|outputs| outputs.iter().position(|name| *name == output)).unwrap_or(0)
}
