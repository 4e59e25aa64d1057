//! Ops that move elements without computing with them.

use crate::ops::room;

room! {
    broadcast_to => BroadcastTo { broadcast_to };
    concat => Concat { concatenate, stack };
    full => Full { full, full_like, ones_like, zeros_like };
    reshape => Reshape { expand_dims, flatten, ravel, reshape, squeeze };
    split => Split { split, split_sizes, unstack };
    split_like => SplitLike { split_like };
    transpose => Transpose { moveaxis, swap_last, swapaxes, transpose };
}
