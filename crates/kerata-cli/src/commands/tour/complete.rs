//! Chapter 2: the complete model, in each format, loads and gives the same numbers.

use std::path::Path;
use std::time::Instant;

use kerata::diff::diff;
use kerata::formats::containers::npy::TextKind;
use kerata::formats::npz;
use kerata::{OpenOptions, PredictOptions, Registry, SaveOptions};
use kerata_core::{Artifact, Error, Result};

use super::story::Story;

/// The formats that hold all: file, what does it.
const WHOLE: &[(&str, &str)] = &[
    ("digits.keras", "kerata::save(&model.to_artifact(), \"digits.keras\", &SaveOptions::new())?;"),
    ("digits.h5", "kerata convert digits.keras digits.h5"),
];

pub fn tell(story: &mut Story) -> Result<()> {
    story.chapter("Save the complete model; load it");
    let artifact = story.model.to_artifact();
    for (name, how) in WHOLE {
        let path = story.path(name);
        let start = Instant::now();
        story.save(&artifact, &path, SaveOptions::new())?;
        let found = check(story, &path, Some(&artifact))?;
        story.step_with(how, start, &path, found);
    }
    let path = story.path("digits-saved-model");
    let start = Instant::now();
    let traced = kerata::traced(&artifact, Registry::built_in())?;
    story.save(&traced, &path, SaveOptions::new().format(format("saved_model")?))?;
    let found = check(story, &path, None)?;
    story.step_with("kerata export digits.keras digits-saved-model --to saved_model", start, &path, found);
    vectors(story)
}

/// The format of a name.
pub fn format(name: &str) -> Result<&'static dyn kerata::formats::Format> {
    kerata::formats::by_name(name)
}

/// Loads what was saved and runs it: with the model's own computation the bits are the same, as a graph of another
/// format nearly so.
pub fn check(story: &Story, path: &Path, original: Option<&Artifact>) -> Result<String> {
    let loaded = kerata::open(path, &OpenOptions::new())?;
    if let Some(original) = original
        && let Some(change) = diff(original, &loaded)?.variables.first()
    {
        return Err(Error::internal(format!("the tensor `{}` came back different", change.path)));
    }
    let predictor = kerata::predictor(&loaded, None, Registry::built_in(), &PredictOptions::new())?;
    let outputs = predictor.run(std::slice::from_ref(&story.digits.x_test))?;
    let output = outputs.first().ok_or_else(|| Error::internal("the loaded model has no output"))?;
    let difference = super::story::largest_difference(output, &story.expected)?;
    match difference {
        0.0 => Ok("loads; every output the same, bit for bit".to_owned()),
        small if small < 1e-5 => Ok(format!("loads; outputs differ by {small:.0e} at most")),
        _ => Err(Error::internal("the loaded model gives other numbers")),
    }
}

/// The test images and the model's answers, for whoever wants to check with other tools.
fn vectors(story: &mut Story) -> Result<()> {
    let pairs = [("inputs.npz", "in_0", story.digits.x_test.clone()), ("outputs.npz", "out_0", story.expected.clone())];
    for (file, name, array) in pairs {
        let path = story.path(file);
        let start = Instant::now();
        let variable = array.to_variable()?;
        kerata::save_with(&path, true, |sink| {
            npz::write_arrays([(name, &variable)], TextKind::Unicode, sink)
        })?;
        let how = match file {
            "inputs.npz" => "the test images, to check with other tools",
            _ => "kerata run digits.keras --inputs inputs.npz --outputs outputs.npz",
        };
        story.step_with(how, start, &path, "");
    }
    Ok(())
}
