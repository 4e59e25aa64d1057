//! Chapter 6: for production: the files that serve, each run again, all answers compared.

use std::time::Instant;

use kerata::{OpenOptions, SaveOptions};
use kerata_core::Result;

use super::complete::check;
use super::story::Story;

/// Every form that the tour has left and that gives the trained model's answers.
const SERVED: &[&str] =
    &["digits.keras", "digits.h5", "digits.safetensors", "digits-saved-model", "resumed.keras", "small/inference.keras"];

pub fn tell(story: &mut Story) -> Result<()> {
    story.chapter("Production: the same answers from every file");
    let path = story.path("digits.safetensors");
    let start = Instant::now();
    let artifact = kerata::open(story.path("digits.keras"), &OpenOptions::new())?;
    story.save(&artifact, &path, SaveOptions::new())?;
    story.step_with("kerata convert digits.keras digits.safetensors", start, &path, "");

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
