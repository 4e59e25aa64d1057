//! Preprocessing and augmentation layers.

use kerata_core::Tree;

use crate::walk::facts::{Child, Class, Facts, Own, Part, Stored, named};

/// The family.
pub(super) const CLASSES: &[Class] = &[
    Class::holds("AugMix", augmentations),
    Class::stateless("AutoContrast"),
    Class::stateless("CategoryEncoding"),
    Class::stateless("CenterCrop"),
    Class::stateless("ContrastLimitedAdaptiveHistogramEqualization"),
    Class::stateless("CutMix"),
    Class::stateless("Discretization"),
    Class::stateless("Equalization"),
    Class::holds("FeatureSpace", feature_space),
    Class::stateless("HashedCrossing"),
    Class::stateless("Hashing"),
    Class::own("IntegerLookup", idf_weights),
    Class::stateless("MaxNumBoundingBoxes"),
    Class::stateless("MelSpectrogram"),
    Class::stateless("MixUp"),
    Class::own("Normalization", |facts| {
        if facts.has("mean") {
            return Vec::new();
        }
        ["mean", "variance", "count"].map(Own::state).into()
    }),
    Class::holds("Pipeline", |facts| vec![Child::list("layers", facts.parts("layers"))]),
    Class::holds("RandAugment", augmentations),
    Class::stateless("RandomBrightness"),
    Class::stateless("RandomColorDegeneration"),
    Class::holds("RandomColorJitter", |_| {
        implied(&["RandomBrightness", "RandomContrast", "RandomSaturation", "RandomHue"])
    }),
    Class::stateless("RandomContrast"),
    Class::stateless("RandomCrop"),
    Class::stateless("RandomElasticTransform"),
    Class::stateless("RandomErasing"),
    Class::stateless("RandomFlip"),
    Class::stateless("RandomGaussianBlur"),
    Class::stateless("RandomGrayscale"),
    Class::stateless("RandomHue"),
    Class::stateless("RandomInvert"),
    Class::stateless("RandomPerspective"),
    Class::stateless("RandomPosterization"),
    Class::stateless("RandomRotation"),
    Class::stateless("RandomSaturation"),
    Class::stateless("RandomSharpness"),
    Class::stateless("RandomShear"),
    Class::stateless("RandomTranslation"),
    Class::stateless("RandomZoom"),
    Class::stateless("Rescaling"),
    Class::stateless("Resizing"),
    Class::own("STFTSpectrogram", |facts| {
        let mode = facts.text("mode").unwrap_or("log");
        named(&[("real_kernel", mode != "imag"), ("imag_kernel", mode != "real")])
    }),
    Class::stateless("Solarization"),
    Class::own("StringLookup", idf_weights),
    Class::stateless("TFDConcat"),
    Class {
        variables: idf_weights,
        ..Class::holds("TextVectorization", |facts| {
            let lookup = Part::implied("StringLookup", "string_lookup").configured_as(facts);
            vec![Child::one("_lookup_layer", lookup)]
        })
    },
];

/// Lookup layers save their weights under a name, and are no owner of a variable in `weights`.
fn idf_weights(facts: &Facts<'_>) -> Vec<Own> {
    let wanted = facts.text("output_mode") == Some("tf_idf");
    let own = wanted.then(|| Own { stored: Stored::Key("idf_weights"), ..Own::state("idf_weights") });
    own.into_iter().collect()
}

fn implied<'a>(classes: &[&str]) -> Vec<Child<'a>> {
    let child = |class: &&str| {
        let name = crate::walk::snake_case(class);
        Child::one(name.clone(), Part::implied(class, &name))
    };
    classes.iter().map(child).collect()
}

fn augmentations<'a>(_: &Facts<'a>) -> Vec<Child<'a>> {
    implied(&[
        "AutoContrast",
        "Equalization",
        "RandomBrightness",
        "RandomColorDegeneration",
        "RandomContrast",
        "RandomPosterization",
        "RandomRotation",
        "RandomSharpness",
        "RandomShear",
        "RandomTranslation",
        "Solarization",
    ])
}

/// The preprocessors by feature, crosses, an encoder for each feature that is encoded, the concatenation.
fn feature_space<'a>(facts: &Facts<'a>) -> Vec<Child<'a>> {
    let features = facts.get("features").and_then(Tree::as_object);
    let features: Vec<&Tree> = features.into_iter().flat_map(|features| features.values()).collect();
    let crosses = facts.get("crosses").and_then(Tree::as_list).unwrap_or_default();
    let preprocessors = features.iter().filter_map(|feature| feature.path(&["config", "preprocessor"]));
    let crossers = crosses.iter().map(|cross| {
        let names = cross.path(&["config", "feature_names"]).and_then(Tree::as_list).unwrap_or_default();
        let names: Vec<&str> = names.iter().filter_map(Tree::as_str).collect();
        Part::implied("HashedCrossing", &names.join("_X_"))
    });
    let encoded =
        features.iter().copied().chain(crosses).filter(|feature| {
            feature.path(&["config", "output_mode"]).and_then(Tree::as_str) == Some("one_hot")
        });
    let encoders = encoded.enumerate().map(|(at, _)| {
        let name = if at == 0 { "category_encoding".to_owned() } else { format!("category_encoding_{at}") };
        Part::implied("CategoryEncoding", &name)
    });
    let mut children = vec![
        Child::list("preprocessors", preprocessors.map(Part::of).collect()),
        Child::list("crossers", crossers.collect()),
        Child::list("one_hot_encoders", encoders.collect()),
    ];
    if facts.text("output_mode") == Some("concat") {
        children.push(Child::one("concat", Part::implied("TFDConcat", "tfd_concat")));
    }
    children
}
