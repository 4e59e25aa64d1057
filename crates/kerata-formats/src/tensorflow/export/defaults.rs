//! Attributes that say what TensorFlow takes anyway, which are left out, as its own exports do.

use crate::containers::proto::tensorflow::DataType;
use crate::containers::proto::tensorflow::attr_value::Value;

const INT32: Value = Value::Type(DataType::DtInt32 as i32);
const ZERO: Value = Value::I(0);
const NO: Value = Value::B(false);
const YES: Value = Value::B(true);

const MATRICES: &[&str] = &["BatchMatMulV2"];
const REDUCTIONS: &[&str] = &["All", "Any", "Max", "Mean", "Min", "Prod", "Sum"];
const RESIZES: &[&str] = &["ResizeBicubic", "ResizeBilinear", "ResizeNearestNeighbor"];
const RUNNING: &[&str] = &["Cumprod", "Cumsum"];
const SLICES: &[&str] = &["StridedSlice", "StridedSliceGrad"];
const WITH_AXES: &[&str] = &[
    "All",
    "Any",
    "ArgMax",
    "ArgMin",
    "BroadcastTo",
    "ConcatV2",
    "Cumprod",
    "Cumsum",
    "Max",
    "Mean",
    "Min",
    "Prod",
    "Range",
    "Sum",
];

/// Attribute, its default, and the ops that have it so in TensorFlow's registry.
const DEFAULTS: &[(&str, Value, &[&str])] = &[
    ("T", Value::Type(DataType::DtBool as i32), &["Where"]),
    ("Tdim", INT32, &["ExpandDims"]),
    ("Tidx", INT32, WITH_AXES),
    ("Tnumsegments", INT32, &["UnsortedSegmentSum"]),
    ("Tpaddings", INT32, &["Pad", "PadV2"]),
    ("Tperm", INT32, &["Transpose"]),
    ("Truncate", NO, &["Cast"]),
    ("Tshape", INT32, &["Reshape"]),
    ("adj_x", NO, MATRICES),
    ("adj_y", NO, MATRICES),
    ("align_corners", NO, RESIZES),
    ("axis", ZERO, &["Pack"]),
    ("batch_dims", ZERO, &["GatherV2"]),
    ("begin_mask", ZERO, SLICES),
    ("ellipsis_mask", ZERO, SLICES),
    ("end_mask", ZERO, SLICES),
    ("exclusive", NO, RUNNING),
    ("half_pixel_centers", NO, RESIZES),
    ("incompatible_shape_error", YES, &["Equal", "NotEqual"]),
    ("index_type", INT32, &["Fill"]),
    ("keep_dims", NO, REDUCTIONS),
    ("new_axis_mask", ZERO, SLICES),
    ("out_type", INT32, &["Shape", "Size"]),
    ("parallel_iterations", Value::I(10), &["StatelessWhile"]),
    ("reverse", NO, RUNNING),
    ("shrink_axis_mask", ZERO, SLICES),
    ("sorted", YES, &["TopKV2"]),
    ("transpose_a", NO, &["MatMul"]),
    ("transpose_b", NO, &["MatMul"]),
];

/// Whether an op has this value of an attribute where none is written.
pub fn is_default(op: &str, name: &str, value: &Value) -> bool {
    DEFAULTS.iter().any(|(known, default, ops)| *known == name && default == value && ops.contains(&op))
}
