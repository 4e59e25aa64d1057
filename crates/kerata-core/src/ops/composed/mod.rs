//! Functions that are no ops of their own: composed of ops. An engine may recognise them by their name scopes.

mod activation;
mod adaptive_pool;
mod arithmetic;
mod attention;
mod einsum;
mod encode;
mod logical;
mod statistics;
mod tile;
mod unique;

pub use activation::{
    celu, clip, elu, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, log_sigmoid,
    log_softmax, logsumexp, relu_with, relu6, selu, silu, soft_shrink, softmax, softsign, sparse_plus,
    sparse_sigmoid, sparsemax, squareplus, tanh_shrink, threshold,
};
pub use adaptive_pool::{adaptive_average_pool, adaptive_max_pool};
pub use arithmetic::{
    diff, divide_no_nan, exp2, largest, log2, log10, logaddexp, nan_to_num, reciprocal, roll, saturate_cast,
    squared_difference,
};
pub use attention::dot_product_attention;
pub use einsum::{einsum, tensordot};
pub use encode::{multi_hot, one_hot};
pub use logical::{logical_and, logical_not, logical_or, logical_xor};
pub use statistics::{batch_normalization, l2_normalize, moments, std, var, weighted_moments};
pub use tile::{repeat, repeat_each, tile};
pub use unique::{Unique, unique};
