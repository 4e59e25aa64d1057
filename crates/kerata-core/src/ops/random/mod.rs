//! Random numbers that follow from a seed.

mod generator;
mod philox;

use crate::ops::room;

room! {
    gamma => RandomGamma { random_beta, random_gamma };
    permutation => RandomPermutation { random_permutation };
    random => Random {
        random, random_bernoulli, random_categorical, random_integers, random_normal, random_truncated_normal,
        random_uniform
    };
    threefry => Threefry { threefry };
}

pub use generator::Generator;
pub use random::Distribution;
pub use threefry::Draw;
