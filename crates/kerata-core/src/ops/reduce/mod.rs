//! Reductions over axes, and what is accumulated or sorted along one.

mod order;
pub(crate) mod reduction;
mod scan_axis;

use crate::ops::room;

room! {
    all => All { all };
    any => Any { any };
    argmax => Argmax { argmax };
    argmin => Argmin { argmin };
    argsort => Argsort { argsort, sort };
    cumprod => Cumprod { cumprod, cumprod_shifted };
    cumsum => Cumsum { cumsum };
    max => Max { max };
    mean => Mean { mean };
    min => Min { min };
    prod => Prod { axes_to_row, prod };
    sum => Sum { sum };
    sum_like => SumLike { sum_like };
    top_k => TopK { in_top_k, top_k };
}
