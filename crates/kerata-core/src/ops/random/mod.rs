//! Random numbers that follow from a seed.

mod philox;

use crate::ops::room;

room! {
    random => Random {
        random, random_bernoulli, random_categorical, random_integers, random_normal, random_truncated_normal,
        random_uniform
    };
}

pub use random::Distribution;
