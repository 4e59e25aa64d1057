//! Ops that work element by element, with numpy's broadcasting.

mod binary;
mod broadcast;
mod compare;
mod predicate;
mod real;
mod unary;

pub use broadcast::{broadcast_shapes, unbroadcast};

use crate::ops::room;

room! {
    absolute => Absolute { absolute };
    add => Add { add };
    arccos => Arccos { arccos };
    arccosh => Arccosh { arccosh };
    arcsin => Arcsin { arcsin };
    arcsinh => Arcsinh { arcsinh };
    arctan => Arctan { arctan };
    arctan2 => Arctan2 { arctan2 };
    arctanh => Arctanh { arctanh };
    bitwise_and => BitwiseAnd { bitwise_and };
    bitwise_not => BitwiseNot { bitwise_not };
    bitwise_or => BitwiseOr { bitwise_or };
    bitwise_xor => BitwiseXor { bitwise_xor };
    cast => Cast { cast };
    ceil => Ceil { ceil };
    cos => Cos { cos };
    cosh => Cosh { cosh };
    divide => Divide { divide };
    equal => Equal { equal };
    erf => Erf { erf };
    erfinv => Erfinv { erfinv };
    exp => Exp { exp };
    expm1 => Expm1 { expm1 };
    floor => Floor { floor };
    floor_divide => FloorDivide { floor_divide };
    greater => Greater { greater };
    greater_equal => GreaterEqual { greater_equal };
    left_shift => LeftShift { left_shift };
    less => Less { less };
    less_equal => LessEqual { less_equal };
    log => Log { log };
    log1p => Log1p { log1p };
    maximum => Maximum { maximum };
    minimum => Minimum { minimum };
    multiply => Multiply { multiply };
    negative => Negative { negative };
    not_equal => NotEqual { not_equal };
    power => Power { power };
    relu => Relu { relu };
    remainder => Remainder { remainder };
    right_shift => RightShift { right_shift };
    round => Round { round };
    rsqrt => Rsqrt { rsqrt };
    select => Select { select };
    sigmoid => Sigmoid { sigmoid };
    sign => Sign { sign };
    sin => Sin { sin };
    sinh => Sinh { sinh };
    softplus => Softplus { softplus };
    sqrt => Sqrt { sqrt };
    square => Square { square };
    subtract => Subtract { subtract };
    tan => Tan { tan };
    tanh => Tanh { tanh };
    trunc => Trunc { trunc };
    isnan => Isnan { isnan };
    isinf => Isinf { isinf };
    isfinite => Isfinite { isfinite };
}
