//! Products of matrices, convolutions, pooling: what slides or multiplies.

pub(crate) mod floats;
mod window;

pub use window::{Padding, Windows};

use crate::ops::room;

room! {
    conv => Conv { conv, depthwise_conv, for_each_axis, separable_conv };
    conv_kernel_gradient => ConvKernelGradient { conv_kernel_gradient };
    conv_transpose => ConvTranspose { conv_transpose };
    matmul => Matmul { matmul };
    pool => Pool { average_pool, max_pool };
    pool_gradient => PoolGradient { pool_gradient };
    quantized_matmul => QuantizedMatmul { quantized_matmul };
}

pub use pool::PoolKind;
