//! Layers around a layer.

use crate::walk::facts::{Child, Class, Facts, Own, Stored};

/// The family.
pub(super) const CLASSES: &[Class] = &[
    Class {
        variables: |_| {
            // The wrapped layer's kernel, a second time.
            let kernel = Own { stored: Stored::AlsoAs("layer/vars/0"), ..Own::new("kernel") };
            vec![kernel, Own::state("vector_u")]
        },
        ..Class::holds("SpectralNormalization", layer)
    },
    Class::holds("TimeDistributed", layer),
    Class::holds("Wrapper", layer),
];

fn layer<'a>(facts: &Facts<'a>) -> Vec<Child<'a>> {
    facts.part("layer").map(|layer| Child::one("layer", layer)).into_iter().collect()
}
