//! `fit` through the public API, where visible arithmetic says what must come out.

use kerata::callbacks::{BackupAndRestore, ModelCheckpoint, TerminateOnNaN};
use kerata::checkpoint::{CheckpointManager, CheckpointOptions, Moment};
use kerata::core::array::Array;
use kerata::core::{ErrorKind, Shape};
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::models::Sequential;
use kerata::nn::optimizers::{Optimize, SGD};
use kerata::nn::training::Compile;
use kerata::{Fit, FitOptions, Model, SaveOptions, require_finite};

#[test]
fn class_weights_are_for_training_and_not_for_the_share_that_is_kept() {
    let layers = Sequential::new([InputLayer::new(Shape::new([None, Some(2)])).into(), Dense::new(1).into()]);
    let mut model = Model::new(layers, 1).unwrap();
    // Nothing is learned, so that both losses are of the same weights.
    let compile = Compile::new().optimizer(SGD::new().learning_rate(0.0)).loss("mse");
    model.compile(&compile).unwrap();
    let x = Array::from_f32([8, 2], [1.0, 2.0].repeat(8)).unwrap();
    let y = Array::from_f32([8, 1], vec![1.0; 8]).unwrap();
    let options = FitOptions::new().validation_split(0.5).class_weight([(1, 3.0)]);
    let history = model.fit(&x, &y, &options).unwrap();
    let (loss, kept) = (history.last("loss").unwrap(), history.last("val_loss").unwrap());
    assert!(kept > 0.0 && (loss - 3.0 * kept).abs() < 1e-5 * loss, "{loss} is three times {kept}");
}

/// A model whose first update overflows: its loss is that of good weights.
fn overflowing() -> (Model, Array, Array) {
    let layers = Sequential::new([InputLayer::new(Shape::new([None, Some(2)])).into(), Dense::new(1).into()]);
    let mut model = Model::new(layers, 1).unwrap();
    model.compile(&Compile::new().optimizer(SGD::new().learning_rate(1e38)).loss("mse")).unwrap();
    let x = Array::from_f32([4, 2], vec![100.0; 8]).unwrap();
    (model, x, Array::from_f32([4, 1], vec![1.0; 4]).unwrap())
}

#[test]
fn what_the_last_update_has_spoiled_is_not_saved_over_what_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let (mut model, x, y) = overflowing();
    let good = model.to_artifact();
    let mut terminate = TerminateOnNaN::new();
    let history = model.fit_with(&x, &y, &FitOptions::new(), vec![Box::new(&mut terminate)]).unwrap();
    assert!(history.last("loss").unwrap().is_finite(), "no loss shows it");
    assert_eq!(terminate.terminated_at(), Some(1));
    let spoiled = model.to_artifact();
    assert!(require_finite(&good).is_ok());
    assert_eq!(require_finite(&spoiled).unwrap_err().kind(), ErrorKind::Mismatch);

    // A folder of steps keeps its best, unless it is told to take all.
    let mut manager = CheckpointManager::open(folder.path().join("steps"), CheckpointOptions::new()).unwrap();
    manager.save(&good, &Moment::new(1, 0)).unwrap();
    manager.save(&spoiled, &Moment::new(2, 0)).unwrap();
    let error = manager.wait_until_finished().unwrap_err();
    assert!(error.message().contains("NaN"), "{error}");
    assert_eq!(manager.latest().unwrap().step, 1);
    drop(manager);
    let options = CheckpointOptions::new().allow_nan(true);
    let mut manager = CheckpointManager::open(folder.path().join("steps"), options).unwrap();
    manager.save(&spoiled, &Moment::new(2, 0)).unwrap();
    manager.wait_until_finished().unwrap();
    assert_eq!(manager.latest().unwrap().step, 2);

    // So does the file of a `ModelCheckpoint`: the training that would replace it fails.
    let path = folder.path().join("best.keras");
    kerata::save(&good, &path, &SaveOptions::new()).unwrap();
    let before = std::fs::read(&path).unwrap();
    let (mut model, x, y) = overflowing();
    let saver = || ModelCheckpoint::new(path.display().to_string()).monitor("loss").save_best_only(true);
    let failed = model.fit_with(&x, &y, &FitOptions::new(), vec![Box::new(saver())]).unwrap_err();
    assert!(failed.message().contains("NaN"), "{failed}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let mut survivor = saver().survive_failures(true);
    model.fit_with(&x, &y, &FitOptions::new(), vec![Box::new(&mut survivor)]).unwrap();
    assert_eq!((survivor.failures().len(), survivor.best()), (1, None), "the best is what was saved");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let backup = BackupAndRestore::new(folder.path().join("backup"));
    let (mut model, x, y) = overflowing();
    assert!(model.fit_with(&x, &y, &FitOptions::new(), vec![Box::new(backup)]).is_err());
}
