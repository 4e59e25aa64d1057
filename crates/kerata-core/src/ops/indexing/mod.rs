//! Elements by their places.

mod add;
mod index;

use crate::ops::room;

room! {
    index_add => IndexAdd { index_add, segment_sum };
    scatter_along_axis => ScatterAlongAxis { scatter_along_axis };
    take => Take { take };
    take_along_axis => TakeAlongAxis { take_along_axis };
}
