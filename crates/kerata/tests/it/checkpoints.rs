//! Checkpoint folders: what is saved comes back, what is damaged is passed over, what is not wanted goes.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kerata::callbacks::Mode;
use kerata::checkpoint::{
    BackPressure, CheckpointManager, CheckpointOptions, Contents, Keep, MANIFEST, MatchBy, Moment, Outcome,
    SaveWhen, Transfer, Which,
};
use kerata::core::{Artifact, DType, Data, ErrorKind, Limits, Role, Tree, Variable};
use kerata_store::faulty::{FaultPlan, FaultyDisk};
use kerata_store::{FaultyStorage, MemoryStorage, PutOptions, Storage};

/// A model of two dense layers whose every byte tells its step.
pub fn model(step: u64) -> Artifact {
    let layers = [("layers/dense", "first", [2, 3]), ("layers/dense_1", "second", [3, 1])];
    let config = br#"{"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": []}}"#;
    let mut artifact = Artifact::new();
    artifact.config = Some(Tree::parse(config, &Limits::default()).unwrap());
    let filled = |shape: &[u64]| {
        let bytes = shape.iter().product::<u64>() as usize * 4;
        let bytes: Vec<u8> = step.to_le_bytes().iter().copied().cycle().take(bytes).collect();
        Variable::new(DType::Float32, shape, Data::owned(bytes)).unwrap()
    };
    for (path, name, shape) in layers {
        artifact.objects.insert(path.to_owned(), Some(name.to_owned()));
        artifact.variables.insert(format!("{path}/vars/0"), filled(&shape)).unwrap();
        artifact.variables.insert(format!("{path}/vars/1"), filled(&shape[1..])).unwrap();
    }
    artifact.objects.insert("optimizer".to_owned(), Some("adam".to_owned()));
    artifact.variables.insert("optimizer/vars/0", filled(&[2]).with_role(Role::Optimizer)).unwrap();
    artifact.extras.insert("position.json".to_owned(), Data::owned(step.to_string().into_bytes()));
    artifact
}

/// Whether an artifact is the model of a step, all of it.
pub fn is_model(artifact: &Artifact, step: u64) -> bool {
    let expected = model(step);
    let bytes = |artifact: &Artifact, path: &str| {
        artifact.variables.get(path).map(|variable| variable.data.bytes().unwrap().into_owned())
    };
    artifact.variables.len() == expected.variables.len()
        && expected.variables.iter().all(|(path, _)| bytes(artifact, path) == bytes(&expected, path))
        && artifact.extras["position.json"].bytes().unwrap() == step.to_string().as_bytes()
}

fn moment(step: u64, loss: f64) -> Moment {
    Moment::new(step, step / 10).metric("loss", loss)
}

fn numbers(manager: &CheckpointManager) -> Vec<u64> {
    manager.steps().iter().map(|step| step.step).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

/// A folder with steps 10, 20 and 30 of losses 3, 1, 2.
fn three(folder: &Path, options: CheckpointOptions) -> CheckpointManager {
    let mut manager = CheckpointManager::open(folder, options).unwrap();
    for (step, loss) in [(10, 3.0), (20, 1.0), (30, 2.0)] {
        manager.save(&model(step), &moment(step, loss)).unwrap();
    }
    manager.wait_until_finished().unwrap();
    manager
}

#[test]
fn a_step_comes_back_as_it_was_saved_from_every_kind_of_contents() {
    for contents in [Contents::Everything, Contents::WeightsAndOptimizer, Contents::Weights] {
        let folder = tempfile::tempdir().unwrap();
        drop(three(folder.path(), CheckpointOptions::new().contents(contents)));
        let manager = CheckpointManager::open(folder.path(), CheckpointOptions::new()).unwrap();
        assert_eq!(manager.notes(), [] as [String; 0]);
        let latest = manager.restore(&Which::Latest).unwrap();
        assert_eq!((latest.info.step, latest.info.epoch, latest.info.metric("loss")), (30, 3, Some(2.0)));
        assert_eq!(latest.info.contents, contents);
        let best = manager.restore(&Which::best("loss")).unwrap();
        assert_eq!(best.info.step, 20);
        let first = manager.restore(&Which::Step(10)).unwrap();
        if contents == Contents::Weights {
            assert_eq!(first.artifact.optimizer().count(), 0);
            assert_eq!(first.artifact.variables.len(), 4);
        } else {
            assert!(is_model(&first.artifact, 10) && is_model(&latest.artifact, 30));
        }
        assert_eq!(first.artifact.config.is_some(), contents == Contents::Everything);
        let error = manager.restore(&Which::Step(11)).unwrap_err();
        assert_eq!((error.kind(), error.hint_text()), (ErrorKind::NotFound, Some("steps are: 10, 20, 30")));
        let error = manager.restore(&Which::Best { metric: "lots".into(), mode: Mode::Min }).unwrap_err();
        assert_eq!(error.hint_text(), Some("metrics are: loss"));
    }
}

#[test]
fn what_is_not_kept_is_removed_and_what_is_kept_stays() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Keep::Any(vec![Keep::Last(1), Keep::best(1, "loss")]);
    let mut manager = three(folder.path(), CheckpointOptions::new().keep(keep));
    assert_eq!(names(folder.path()), [MANIFEST, "ckpt-20.keras", "ckpt-30.keras"]);
    manager.save(&model(40), &moment(40, 0.5)).unwrap();
    manager.wait_until_finished().unwrap();
    assert_eq!(names(folder.path()), [MANIFEST, "ckpt-40.keras"]);
    assert_eq!(manager.best("loss", Mode::Auto).unwrap().unwrap().step, 40);
    manager.delete(40).unwrap();
    assert_eq!(names(folder.path()), [MANIFEST]);
    assert_eq!(manager.restore(&Which::Latest).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_manifest_that_is_gone_torn_or_old_is_rebuilt_from_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let before = three(folder.path(), CheckpointOptions::new()).steps();
    let manifest = folder.path().join(MANIFEST);
    let whole = fs::read(&manifest).unwrap();
    for state in [None, Some(&whole[..whole.len() / 2]), Some(b"".as_slice())] {
        match state {
            None => fs::remove_file(&manifest).unwrap(),
            Some(bytes) => fs::write(&manifest, bytes).unwrap(),
        }
        let manager = CheckpointManager::open(folder.path(), CheckpointOptions::new()).unwrap();
        assert_eq!(manager.notes().len(), usize::from(state.is_some()), "a torn one is said");
        for (found, saved) in manager.steps().iter().zip(&before) {
            assert_eq!(
                (found.step, found.epoch, &found.metrics, found.saved_at, found.bytes),
                (saved.step, saved.epoch, &saved.metrics, saved.saved_at, saved.bytes)
            );
            assert!(is_model(&manager.restore(&Which::Step(found.step)).unwrap().artifact, found.step));
        }
    }
    // A save that was cut between the file and the manifest: the file is newer.
    let mut old = CheckpointManager::open(folder.path(), CheckpointOptions::new()).unwrap();
    old.save(&model(30), &moment(30, 9.0)).unwrap();
    drop(old);
    let newer = fs::read(folder.path().join("ckpt-30.keras")).unwrap();
    let mut again = CheckpointManager::open(folder.path(), CheckpointOptions::new()).unwrap();
    again.save(&model(31), &moment(30, 2.0)).unwrap();
    drop(again);
    fs::write(folder.path().join("ckpt-30.keras"), newer).unwrap();
    let manager = CheckpointManager::open(folder.path(), CheckpointOptions::new()).unwrap();
    assert!(is_model(&manager.restore(&Which::Latest).unwrap().artifact, 30));
}

#[test]
fn a_damaged_step_is_passed_over_with_a_reason_and_the_one_before_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let whole = three(folder.path(), CheckpointOptions::new());
    drop(whole);
    let path = folder.path().join("ckpt-30.keras");
    let mut bytes = fs::read(&path).unwrap();
    // A byte of the first kernel: zip and manifest both know better.
    let pattern: Vec<u8> = 30u64.to_le_bytes().repeat(2);
    let at = bytes.windows(16).position(|window| window == pattern).unwrap();
    bytes[at + 9] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let manager = CheckpointManager::open(folder.path(), CheckpointOptions::new()).unwrap();
    let restored = manager.restore(&Which::Latest).unwrap();
    assert!(is_model(&restored.artifact, 20));
    assert_eq!((restored.skipped.len(), restored.skipped[0].step), (1, 30));
    assert_eq!(restored.skipped[0].reason.kind(), ErrorKind::Corrupt);
    assert_eq!(manager.check(30).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(manager.check(20).is_ok());
    // Cut short: seen already when the folder is opened.
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let manager = CheckpointManager::open(folder.path(), CheckpointOptions::new()).unwrap();
    assert!(manager.steps()[2].damage.is_some());
    assert_eq!(manager.latest().unwrap().step, 20);
    assert_eq!(manager.restore(&Which::Latest).unwrap().info.step, 20);
}

#[test]
fn every_flipped_bit_of_a_step_is_found_or_changes_nothing() {
    for contents in [Contents::Everything, Contents::WeightsAndOptimizer] {
        let storage = Arc::new(MemoryStorage::new());
        let options = || CheckpointOptions::new().contents(contents).foreground();
        let mut manager = CheckpointManager::on(storage.clone(), options()).unwrap();
        manager.save(&model(0x0102_0304_0506_0708), &moment(7, 1.0)).unwrap();
        let file = manager.steps()[0].file.clone();
        let source = storage.get(&file).unwrap();
        let whole = source.read_vec(0, source.len()).unwrap();
        let mut found = 0;
        // One bit of some bytes, or of each one when there is time: which one is decided by the place.
        let stride = if std::env::var_os("KERATA_EXHAUSTIVE").is_some() { 1 } else { 13 };
        for at in (0..whole.len()).step_by(stride) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            storage.put(&file, &bytes, &PutOptions::new().overwrite(true)).unwrap();
            let manager = CheckpointManager::on(storage.clone(), options()).unwrap();
            match manager.restore(&Which::Step(7)) {
                Ok(restored) => assert!(
                    is_model(&restored.artifact, 0x0102_0304_0506_0708),
                    "{contents:?}: the bit at {at} goes unnoticed"
                ),
                Err(_) => found += 1,
            }
        }
        assert!(found > 500 / stride, "only {found} of {} flips were found", whole.len());
    }
}

#[test]
fn the_policy_decides_what_is_saved_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicU64::new(1000));
    let options = || {
        let now = now.clone();
        CheckpointOptions::new()
            .save_when(SaveWhen::Any(vec![
                SaveWhen::on_best("loss"),
                SaveWhen::Every(Duration::from_secs(60)),
            ]))
            .keep(Keep::Last(1))
            .clock(move || Duration::from_secs(now.load(Ordering::Relaxed)))
    };
    let save = |step: u64, loss: f64, time: u64| {
        now.store(time, Ordering::Relaxed);
        // A new manager for each step: the policy remembers what the folder knows.
        let mut manager = CheckpointManager::open(folder.path(), options()).unwrap();
        let saved = manager.save_if_due(&moment(step, loss), || Ok(model(step))).unwrap();
        manager.wait_until_finished().unwrap();
        saved.is_some()
    };
    assert!(save(1, 2.0, 1000), "the first one is the best");
    assert!(!save(2, 2.0, 1059));
    assert!(save(3, 1.0, 1059), "better");
    assert!(save(4, 5.0, 1119), "60 seconds later");
    assert!(!save(5, 1.5, 1120), "the best of all was 1, though that step is gone");
    assert!(save(6, 0.5, 1121));
}

#[test]
fn an_error_of_the_writer_comes_with_the_next_call_and_is_never_lost() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let disk = FaultyDisk::over(Default::default(), FaultPlan::room(60_000));
    let sink = heard.clone();
    let options =
        CheckpointOptions::new().error_handler(move |error| sink.lock().unwrap().push(error.clone()));
    let mut manager = CheckpointManager::on(Arc::new(FaultyStorage::on(disk.clone())), options).unwrap();
    let mut saved = 0;
    let error = loop {
        match manager.save(&model(saved), &moment(saved, 1.0)) {
            Ok(outcome) => assert_eq!(outcome, Outcome::Saved),
            Err(error) => break error,
        }
        assert!(saved < 100, "the disk never filled");
        saved += 1;
    };
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.trail().next().unwrap().starts_with("checkpoint of step"));
    // What was saved before is as it was.
    let newest = manager.restore(&Which::Latest).unwrap();
    assert!(is_model(&newest.artifact, newest.info.step));
    // The next one fails too, and nobody asks: the handler hears of it when the manager goes.
    manager.save(&model(100), &moment(100, 1.0)).unwrap();
    assert!(heard.lock().unwrap().is_empty());
    drop(manager);
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[test]
fn back_pressure_waits_skips_or_replaces() {
    for when_behind in [BackPressure::Wait, BackPressure::Skip, BackPressure::ReplacePending] {
        let storage = Arc::new(MemoryStorage::new());
        let options = CheckpointOptions::new().background(when_behind);
        let mut manager = CheckpointManager::on(storage, options).unwrap();
        manager.reserve(&model(0)).unwrap();
        let mut expected = Vec::new();
        for step in 0..200 {
            match manager.save(&model(step), &moment(step, 1.0)).unwrap() {
                Outcome::Saved => expected.push(step),
                Outcome::Skipped => assert_eq!(when_behind, BackPressure::Skip),
                Outcome::Replaced(old) => {
                    assert_eq!(when_behind, BackPressure::ReplacePending);
                    assert_eq!(expected.pop(), Some(old), "only the newest one waits");
                    expected.push(step);
                }
            }
        }
        manager.wait_until_finished().unwrap();
        assert_eq!(numbers(&manager), expected, "{when_behind:?}");
        for step in expected {
            assert!(is_model(&manager.restore(&Which::Step(step)).unwrap().artifact, step));
        }
    }
}

#[test]
fn a_metric_that_no_policy_finds_is_an_error_that_lists_those_there_are() {
    let storage = Arc::new(MemoryStorage::new());
    let options = CheckpointOptions::new().keep(Keep::best(2, "val_loss"));
    let mut manager = CheckpointManager::on(storage.clone(), options).unwrap();
    assert!(manager.save(&model(1), &moment(1, 1.0)).is_ok(), "within an epoch it may be missing");
    let error = manager.save(&model(2), &moment(2, 1.0).epoch_end(true)).unwrap_err();
    assert_eq!((error.kind(), error.hint_text()), (ErrorKind::NotFound, Some("metrics are: loss")));
    let unclear = CheckpointOptions::new().keep(Keep::best(2, "quality"));
    assert_eq!(CheckpointManager::on(storage, unclear).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn a_model_of_another_architecture_takes_what_fits_and_says_what_not() {
    let folder = tempfile::tempdir().unwrap();
    let manager = three(folder.path(), CheckpointOptions::new());
    let mut target = model(1);
    // The second layer of the target is twice as wide, and called otherwise.
    target.variables.remove("layers/dense_1/vars/0").unwrap();
    let wide = Variable::new(DType::Float32, [3, 2], Data::owned(vec![0; 24])).unwrap();
    target.variables.insert("layers/dense_1/vars/0", wide).unwrap();
    target.objects.insert("layers/dense".to_owned(), Some("renamed".to_owned()));
    let before = target.clone();

    let error = manager.warm_start(&Which::Latest, &mut target, &Transfer::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    for (path, variable) in target.variables.iter() {
        let old = before.variables.get(path).unwrap();
        assert_eq!(variable.data.bytes().unwrap(), old.data.bytes().unwrap(), "an error changes nothing");
    }

    let transfer = Transfer::new().match_by(MatchBy::Name).rename("first", "renamed").skip_mismatch(true);
    let (info, report) = manager.warm_start(&Which::Latest, &mut target, &transfer).unwrap();
    assert_eq!(info.step, 30);
    let restored: Vec<&str> = report.restored.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(restored, ["layers/dense/vars/0", "layers/dense/vars/1", "layers/dense_1/vars/1"]);
    assert_eq!(report.mismatched.len(), 1);
    let wrong = &report.mismatched[0];
    assert_eq!((wrong.expected.as_str(), wrong.found.as_str()), ("float32 [3, 2]", "float32 [3, 1]"));
    let kernel = target.variables.get("layers/dense/vars/0").unwrap().data.bytes().unwrap().into_owned();
    assert_eq!(kernel[..8], 30u64.to_le_bytes());

    // Without the new name, the layer is missing there and unused here.
    let by_name = Transfer::new().match_by(MatchBy::Name).skip_mismatch(true);
    let (_, report) = manager.warm_start(&Which::Latest, &mut target, &by_name).unwrap();
    assert_eq!(report.missing, ["layers/dense/vars/0", "layers/dense/vars/1"]);
    assert_eq!(report.unused, report.missing);
}
