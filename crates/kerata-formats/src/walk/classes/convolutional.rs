//! Convolutions.

use crate::walk::facts::{Class, Facts, Own, named};

use super::core::lora;

/// The family.
pub(super) const CLASSES: &[Class] = &[
    Class::own("Conv1D", convolution),
    Class::own("Conv1DTranspose", kernel_and_bias),
    Class::own("Conv2D", convolution),
    Class::own("Conv2DTranspose", kernel_and_bias),
    Class::own("Conv3D", convolution),
    Class::own("Conv3DTranspose", kernel_and_bias),
    Class::own("DepthwiseConv1D", kernel_and_bias),
    Class::own("DepthwiseConv2D", kernel_and_bias),
    Class::own("SeparableConv1D", separable),
    Class::own("SeparableConv2D", separable),
];

fn convolution(facts: &Facts<'_>) -> Vec<Own> {
    lora(facts, kernel_and_bias(facts), "lora_kernel_a", "lora_kernel_b")
}

pub(super) fn kernel_and_bias(facts: &Facts<'_>) -> Vec<Own> {
    named(&[("kernel", true), ("bias", facts.flag("use_bias", true))])
}

fn separable(facts: &Facts<'_>) -> Vec<Own> {
    named(&[("depthwise_kernel", true), ("pointwise_kernel", true), ("bias", facts.flag("use_bias", true))])
}
