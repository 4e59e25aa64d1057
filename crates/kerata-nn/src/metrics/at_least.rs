//! The best of one share where another one is high enough.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use super::counts::Counting;

/// Counts over even thresholds from 0 to 1, or at 1/2 when it is one.
pub(super) fn counting(thresholds: usize, class_id: Option<i64>) -> Counting {
    let list = match thresholds {
        0 | 1 => vec![0.5],
        count => (0..count).map(|at| at as f64 / (count as f64 - 1.0)).collect(),
    };
    Counting { even: (thresholds > 1).then_some(false), thresholds: list, class_id, ..Counting::default() }
}

/// The largest value where the other one is high enough, or 0.
pub(super) fn most(of: &Tensor, other: &Tensor, enough: f64) -> Result<Tensor> {
    let is_enough = ops::greater_equal(other, &ops::scalar(other, enough)?)?;
    let allowed = ops::select(&is_enough, of, &ops::zeros_like(of)?)?;
    ops::max(&allowed, &[], false)
}

/// Makes a config a metric: the largest share of two counts where another share is at least the named argument.
macro_rules! measured_at_least {
    ($metric:ident: most [$($of:literal),+] where $least:ident is [$($other:literal),+]) => {
        impl Measure for $metric {
            fn build(&self, declared: &mut Declared, _: &Sample) -> Result<()> {
                counting(self.num_thresholds, self.class_id).declare(declared, &ALL, None);
                Ok(())
            }

            fn update(&self, state: &State, sample: &Sample) -> Result<()> {
                counting(self.num_thresholds, self.class_id).count(state, sample, &ALL.map(|name| (name, name)))
            }

            fn result(&self, state: &State) -> Result<Tensor> {
                most(&share(state, $($of),+)?, &share(state, $($other),+)?, self.$least)
            }
        }
    };
}

pub(super) use measured_at_least;
