//! Ops that move elements without computing with them.

use crate::ops::room;

room! {
    broadcast_to => BroadcastTo { broadcast_to };
    concat => Concat { concatenate, stack };
    full => Full { full, full_like, ones_like, zeros_like };
    iota => Iota { arange, eye, iota, tril, triu };
    pad => Pad { pad };
    reshape => Reshape { expand_dims, flatten, ravel, reshape, squeeze };
    shape_of => ShapeOf { shape_of, shape_of_as };
    slice => Slice { flip, index, slice, slice_axis };
    split => Split { split, split_sizes, unstack };
    split_like => SplitLike { split_like };
    stop_gradient => StopGradient { stop_gradient };
    transpose => Transpose { moveaxis, swap_last, swapaxes, transpose };
    unslice => Unslice { unslice };
}

pub use pad::PadMode;
pub use slice::Range;
