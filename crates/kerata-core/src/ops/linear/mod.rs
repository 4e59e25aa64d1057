//! Products of matrices and convolutions.

use crate::ops::room;

room! {
    matmul => Matmul { matmul };
}
