//! A short training with every callback that writes something: `callbacks DIR`.
//!
//! Leaves below DIR: `start.keras`, `out.keras`, `steps/` (weights and optimizer), `backup/`, `best-*.keras`, `log.csv`, `logs/`.

use std::path::PathBuf;

use kerata::callbacks::{
    BackupAndRestore, CSVLogger, Callback, ModelCheckpoint, ReduceLROnPlateau, SaveCheckpoints, SaveFreq,
    TensorBoard,
};
use kerata::checkpoint::{CheckpointManager, CheckpointOptions, Contents, Keep, SaveWhen};
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::layers::reshaping::Flatten;
use kerata::nn::models::Sequential;
use kerata::nn::training::Compile;
use kerata::{Fit, FitOptions, Model, SaveOptions, core::Error, core::Shape, datasets};

fn main() -> kerata::core::Result<()> {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| Error::usage("callbacks DIR"))?;
    let layers = Sequential::new([
        InputLayer::new(Shape::new([None, Some(8), Some(8), Some(1)])).into(),
        Flatten::new().into(),
        Dense::new(16).activation("relu").into(),
        Dense::new(10).activation("softmax").into(),
    ]);
    let mut model = Model::new(layers, 1)?;
    let compile =
        Compile::new().optimizer("adam").loss("sparse_categorical_crossentropy").metrics(["accuracy"]);
    model.compile(&compile)?;
    let save = SaveOptions::new().overwrite(true);
    kerata::save(&model.to_artifact(), folder.join("start.keras"), &save)?;

    let options = CheckpointOptions::new()
        .save_when(SaveWhen::EveryEpochs(1))
        .keep(Keep::best(1, "val_loss"))
        .contents(Contents::WeightsAndOptimizer);
    let saver = SaveCheckpoints::new(CheckpointManager::open(folder.join("steps"), options)?);
    let best = folder.join("best-{epoch:02d}-{val_loss:.2f}.keras").display().to_string();
    let callbacks: Vec<Box<dyn Callback>> = vec![
        Box::new(ReduceLROnPlateau::new("val_loss").factor(0.5).patience(1)),
        Box::new(CSVLogger::new(folder.join("log.csv"))),
        Box::new(TensorBoard::new(folder.join("logs")).update_freq(SaveFreq::Batches(10))),
        Box::new(ModelCheckpoint::new(best).save_best_only(true)),
        Box::new(BackupAndRestore::new(folder.join("backup")).delete_checkpoint(false)),
        Box::new(saver),
    ];
    let digits = datasets::digits()?;
    let fit = FitOptions::new().epochs(4).validation_split(0.2);
    model.fit_with(&digits.x_train, &digits.y_train, &fit, callbacks)?;
    kerata::save(&model.to_artifact(), folder.join("out.keras"), &save)?;
    Ok(())
}
