//! Layers of older eras that Keras 3 no longer has.

use crate::walk::facts::{Class, Own, named};

use super::convolutional::kernel_and_bias;

/// The family.
pub(super) const CLASSES: &[Class] = &[
    Class::own("Highway", |facts| {
        let bias = facts.flag("use_bias", true);
        named(&[("kernel", true), ("carry_kernel", true), ("bias", bias), ("carry_bias", bias)])
    }),
    Class::own("LocallyConnected1D", kernel_and_bias),
    Class::own("LocallyConnected2D", kernel_and_bias),
    Class::own("MaxoutDense", kernel_and_bias),
    Class::own("ParametricSoftplus", |_| named(&[("alpha", true), ("beta", true)])),
    Class::own("RandomFourierFeatures", |_| {
        vec![Own::new("kernel_scale"), Own::state("unscaled_kernel"), Own::state("bias")]
    }),
    Class::stateless("RandomHeight"),
    Class::stateless("RandomWidth"),
    Class::own("SReLU", |_| {
        named(&[("t_left", true), ("a_left", true), ("t_right", true), ("a_right", true)])
    }),
    Class::stateless("ThresholdedReLU"),
];
