//! Chapter 3: checkpoints of weights: keep the best, list, restore.

use std::time::Instant;

use kerata::callbacks::{Callback, SaveCheckpoints};
use kerata::checkpoint::{CheckpointManager, CheckpointOptions, Contents, Keep, SaveWhen, Which};
use kerata::{Fit, FitOptions, OpenOptions, SaveOptions};
use kerata_core::{Error, Result, Role};

use super::network;
use super::story::Story;

/// Epochs that are trained once more here.
const EPOCHS: usize = 4;

pub fn tell(story: &mut Story) -> Result<()> {
    story.chapter("Checkpoints: weights alone, keep the best, list, restore");
    let path = story.path("digits.weights.h5");
    let start = Instant::now();
    story.save(&story.model.to_artifact(), &path, SaveOptions::new())?;
    let saved = kerata::open(&path, &OpenOptions::new())?;
    let mut fresh = network::new()?;
    let weights = |variable: &kerata_core::Variable| matches!(variable.role, Role::Weight | Role::Seed);
    for (path, variable) in saved.variables.iter().filter(|(_, variable)| weights(variable)) {
        fresh.set_variable(path, &kerata::core::array::Array::from_variable(variable)?)?;
    }
    same(story, &fresh, "the weights were restored into a fresh model, but it gives other numbers")?;
    story.step_with(
        "kerata convert digits.keras digits.weights.h5",
        start,
        &path,
        "restored into a fresh model: same outputs",
    );

    let folder = story.path("best");
    let start = Instant::now();
    let options = CheckpointOptions::new()
        .save_when(SaveWhen::EveryEpochs(1))
        .keep(Keep::best(2, "val_loss"))
        .contents(Contents::Weights);
    let mut saving = SaveCheckpoints::new(CheckpointManager::open(&folder, options)?);
    let mut model = network::new()?;
    let options: FitOptions = network::options(EPOCHS, &story.context);
    let callbacks: Vec<Box<dyn Callback + '_>> = vec![Box::new(&mut saving)];
    let history = model.fit_with(&story.digits.x_train, &story.digits.y_train, &options, callbacks)?;
    let manager = saving.manager();
    manager.wait_until_finished()?;
    let kept = manager.steps().iter().map(|step| format!("epoch {}", step.epoch)).collect::<Vec<_>>().join(", ");
    story.step_with(
        "CheckpointOptions::new().keep(Keep::best(2, \"val_loss\")).contents(Contents::Weights)\n\
         SaveCheckpoints::new(CheckpointManager::open(\"best\", options)?)      // a callback of fit",
        start,
        &folder,
        format!("{EPOCHS} epochs; kept: {kept}"),
    );

    let start = Instant::now();
    let best = manager.restore(&Which::best("val_loss"))?;
    let lowest = history.get("val_loss").iter().copied().fold(f64::INFINITY, f64::min);
    let found = best.info.metric("val_loss").unwrap_or(f64::NAN);
    if found != lowest {
        return Err(Error::internal("the best checkpoint is not the best epoch"));
    }
    story.step(
        "kerata checkpoints best\nmanager.restore(&Which::best(\"val_loss\"))?;",
        start,
        format!("epoch {}, val_loss {found:.4}, each tensor compared with its checksum", best.info.epoch),
    );
    Ok(())
}

fn same(story: &Story, model: &kerata::Model, otherwise: &str) -> Result<()> {
    let output = super::story::outputs(model, &story.digits.x_test)?;
    match super::story::largest_difference(&output, &story.expected)? {
        0.0 => Ok(()),
        _ => Err(Error::internal(otherwise)),
    }
}
