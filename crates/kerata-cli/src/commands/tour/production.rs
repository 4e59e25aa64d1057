//! Chapter 6: for production: an export with signatures and test vectors, verified; then every file run on the same images.

use std::path::Path;
use std::time::Instant;

use kerata::export::{Check, ExportOptions, Signature, export};
use kerata::formats::npz;
use kerata::{OpenOptions, PredictOptions, Registry, SaveOptions};
use kerata_core::array::Array;
use kerata_core::{Error, Limits, Result};

use super::complete::check;
use super::story::{Story, largest_difference};

/// Every form that the tour has left and that gives the trained model's answers.
const SERVED: &[&str] = &[
    "digits.keras",
    "digits.h5",
    "digits.safetensors",
    "digits-saved-model",
    "resumed.keras",
    "served",
    "small/inference.keras",
];
/// The signatures: for any number of images, and for one.
const SERVING: &str = "serving_default";
const ONE: &str = "one_image";
/// Where an export keeps what it was checked on.
const VECTORS: &str = "assets.extra/kerata_check";

pub fn tell(story: &mut Story) -> Result<()> {
    story.chapter("Production: signatures, test vectors, the same answers from every file");
    let path = story.path("digits.safetensors");
    let start = Instant::now();
    let artifact = kerata::open(story.path("digits.keras"), &OpenOptions::new())?;
    story.save(&artifact, &path, SaveOptions::new())?;
    story.step_with("kerata convert digits.keras digits.safetensors", start, &path, "");

    let path = story.path("served");
    let start = Instant::now();
    let images = [("in_0".to_owned(), story.digits.x_test.clone())].into_iter().collect();
    let options = ExportOptions::new()
        .signature(Signature::new(SERVING))
        .signature(Signature::new(ONE).batch(1))
        .check(Check::Inputs(images))
        .save(SaveOptions::new().overwrite(true));
    let exported = export(&artifact, &path, &Registry::new(), &options)?;
    let apart = exported.difference.unwrap_or(f64::NAN);
    story.step_with(
        "let options = ExportOptions::new().signature(Signature::new(\"serving_default\"))\n\
         .signature(Signature::new(\"one_image\").batch(1)).check(Check::Inputs(images));\n\
         export(&artifact, \"served\", &registry, &options)?;",
        start,
        &path,
        format!("signatures {}; checked before it was published: {}", exported.signatures.join(", "), words(apart)),
    );

    let start = Instant::now();
    let apart = verify(&path)?;
    story.step(
        "kerata run served --signature serving_default --inputs inputs.npz --outputs outputs.npz",
        start,
        format!("its own test vectors, verified: {}", words(apart)),
    );

    let start = Instant::now();
    let count = story.digits.y_test.len();
    for name in SERVED {
        check(story, &story.path(name), None)?;
    }
    story.step(
        "kerata run FILE --inputs inputs.npz --outputs outputs.npz",
        start,
        format!("{} files, {count} images each: all answers agree", SERVED.len()),
    );
    Ok(())
}

/// Runs the vectors that an export keeps through it: all at once, and the first image by the signature for one.
fn verify(served: &Path) -> Result<f64> {
    let vectors = |end: &str| -> Result<Array> {
        let input = kerata::input(served.join(VECTORS).join(format!("{SERVING}.{end}.npz")))?;
        let arrays = npz::read_arrays(input.require_source()?, &Limits::default())?;
        let array = arrays.values().next().ok_or_else(|| Error::internal("no test vectors in the export"))?;
        Array::from_variable(array)
    };
    let (images, expected) = (vectors("in")?, vectors("out")?);
    let artifact = kerata::open(served, &OpenOptions::new())?;
    let run = |signature: &str, images: &Array| -> Result<Array> {
        let predictor = kerata::predictor(&artifact, Some(signature), Registry::built_in(), &PredictOptions::new())?;
        let outputs = predictor.run(std::slice::from_ref(images))?;
        outputs.into_iter().next().ok_or_else(|| Error::internal("a signature without output"))
    };
    let all = largest_difference(&run(SERVING, &images)?, &expected)?;
    let one = largest_difference(&run(ONE, &first(&images)?)?, &first(&expected)?)?;
    match all.max(one) {
        apart if apart < 1e-5 => Ok(apart),
        _ => Err(Error::internal("the export gives other numbers than its test vectors say")),
    }
}

/// The first of the samples.
fn first(samples: &Array) -> Result<Array> {
    let mut shape = samples.shape().to_vec();
    shape.iter_mut().take(1).for_each(|size| *size = 1);
    samples.take_runs(&[0], shape.iter().product(), shape.clone())
}

fn words(apart: f64) -> String {
    if apart == 0.0 { "no bit differs".to_owned() } else { format!("{apart:.0e} apart at most") }
}
