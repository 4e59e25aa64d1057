//! Ops that work element by element, with numpy's broadcasting.

mod binary;
mod broadcast;
mod compare;
mod real;
mod unary;

pub use broadcast::{broadcast_shapes, unbroadcast};

use crate::ops::room;

room! {
    add => Add { add };
    cast => Cast { cast };
    divide => Divide { divide };
    equal => Equal { equal };
    exp => Exp { exp };
    greater => Greater { greater };
    greater_equal => GreaterEqual { greater_equal };
    less => Less { less };
    less_equal => LessEqual { less_equal };
    multiply => Multiply { multiply };
    negative => Negative { negative };
    not_equal => NotEqual { not_equal };
    relu => Relu { relu };
    select => Select { select };
    sigmoid => Sigmoid { sigmoid };
    square => Square { square };
    subtract => Subtract { subtract };
    tanh => Tanh { tanh };
}
