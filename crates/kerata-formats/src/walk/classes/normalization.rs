//! Normalization layers.

use crate::walk::facts::{Class, Facts, Own, named};

/// The family.
pub(super) const CLASSES: &[Class] = &[
    Class::own("BatchNormalization", |facts| {
        let mut own = scale_and_center(facts);
        own.extend([Own::state("moving_mean"), Own::state("moving_variance")]);
        if facts.flag("renorm", false) {
            own.extend(["moving_stddev", "renorm_mean", "renorm_stddev"].map(Own::state));
        }
        own
    }),
    Class::own("GroupNormalization", scale_and_center),
    Class::own("LayerNormalization", |facts| {
        let rms = facts.flag("rms_scaling", false);
        named(&[("gamma", facts.flag("scale", true) || rms), ("beta", facts.flag("center", true) && !rms)])
    }),
    Class::own("RMSNormalization", |_| named(&[("scale", true)])),
    Class::stateless("UnitNormalization"),
];

fn scale_and_center(facts: &Facts<'_>) -> Vec<Own> {
    named(&[("gamma", facts.flag("scale", true)), ("beta", facts.flag("center", true))])
}
