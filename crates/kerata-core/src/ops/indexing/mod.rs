//! Elements by their places.

mod add;
mod index;

use crate::ops::room;

room! {
    bincount => Bincount { bincount };
    gather_nd => GatherNd { gather_nd };
    index_add => IndexAdd { index_add, segment_sum };
    nonzero => Nonzero { nonzero };
    scatter_nd => ScatterNd { scatter, scatter_nd, scatter_update };
    searchsorted => Searchsorted { digitize, searchsorted };
    scatter_along_axis => ScatterAlongAxis { scatter_along_axis };
    take => Take { take };
    take_along_axis => TakeAlongAxis { take_along_axis };
}

pub use scatter_nd::ScatterMode;
