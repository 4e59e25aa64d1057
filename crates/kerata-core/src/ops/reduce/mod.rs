//! Reductions over axes.

mod reduction;

use crate::ops::room;

room! {
    sum => Sum { sum };
    sum_like => SumLike { sum_like };
}
