//! The callbacks decide as real Keras's do when they are fed the same losses (`fixtures/callbacks`).

use std::path::Path;

use kerata_core::array::Array;
use kerata_core::{Artifact, Limits, Result, Tree};

use super::{
    CSVLogger, Callback, CallbackList, CallbackTensors, EarlyStopping, Host, Logs, Mode, ModelCheckpoint,
    ReduceLROnPlateau, SaveFreq, Training,
};

/// What callbacks touch of a training. Its one weight is the number of the epoch.
struct FakeTraining {
    epoch: usize,
    step: u64,
    rate: f32,
    weight: f32,
    is_stopping: bool,
}

impl FakeTraining {
    fn new() -> Self {
        Self { epoch: 0, step: 0, rate: 0.01, weight: -1.0, is_stopping: false }
    }
}

impl Host for FakeTraining {
    fn epoch(&self) -> usize {
        self.epoch
    }

    fn epochs(&self) -> usize {
        100
    }

    fn step(&self) -> u64 {
        self.step
    }

    fn is_epoch_closed(&self) -> bool {
        true
    }

    fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    fn stop(&mut self) {
        self.is_stopping = true;
    }

    fn learning_rate(&self) -> Result<f64> {
        Ok(self.rate.into())
    }

    fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        self.rate = rate as f32;
        Ok(())
    }

    fn weights(&self) -> Result<Vec<(String, Array)>> {
        Ok(vec![("weight".to_owned(), Array::scalar(self.weight))])
    }

    fn variable(&self, _: &str) -> Result<Array> {
        Ok(Array::scalar(self.weight))
    }

    fn set_variables(&mut self, values: Vec<(String, Array)>) -> Result<()> {
        for (_, value) in values {
            self.weight = value.to_f64()? as f32;
        }
        Ok(())
    }

    fn averages(&self) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn model(&self) -> Result<Artifact> {
        let mut artifact = Artifact::new();
        let config = br#"{"class_name": "Sequential", "config": {"name": "m", "layers": []}}"#;
        artifact.config = Some(Tree::parse(config, &Limits::default())?);
        Ok(artifact)
    }

    fn checkpoint(&self, _: Tree) -> Result<Artifact> {
        self.model()
    }
}

fn recorded() -> Tree {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/callbacks/decisions.json");
    Tree::parse(&std::fs::read(path).unwrap(), &Limits::default()).unwrap()
}

/// A made-up training: the callback hears of epochs with these losses, and of batches with the running ones. From the epoch
/// `restart_at` on, another callback goes on with the state of the first.
fn drive<C: Callback>(
    make: impl Fn() -> C,
    losses: &[f64],
    batches: usize,
    restart_at: Option<usize>,
) -> (C, usize, Vec<(usize, f64)>, f32) {
    let mut callback = make();
    let mut host = FakeTraining::new();
    let mut rates: Vec<(usize, f64)> = Vec::new();
    let tell = |host: &mut FakeTraining,
                callback: &mut C,
                logs: &mut Logs,
                batch: usize,
                moment: &dyn Fn(&mut dyn Callback, &mut Training<'_>) -> Result<()>| {
        CallbackList::new(vec![Box::new(callback)]).each(host, logs, batch, moment).unwrap();
    };
    tell(&mut host, &mut callback, &mut Logs::new(), 0, &|callback, t| callback.on_train_begin(t));
    for (epoch, loss) in losses.iter().enumerate() {
        if restart_at == Some(epoch) {
            callback = restarted(callback, &make, &mut host);
        }
        host.epoch = epoch;
        tell(&mut host, &mut callback, &mut Logs::new(), 0, &|callback, t| callback.on_epoch_begin(t));
        for batch in 0..batches {
            host.step += 1;
            let running = loss + (batches - 1 - batch) as f64 * 0.05;
            let mut logs = Logs::from_iter([("loss".to_owned(), running)]);
            tell(&mut host, &mut callback, &mut logs, batch, &|callback, t| callback.on_train_batch_end(t));
        }
        host.weight = epoch as f32;
        let mut logs = Logs::from_iter([("loss".to_owned(), *loss)]);
        tell(&mut host, &mut callback, &mut logs, 0, &|callback, t| callback.on_epoch_end(t));
        let rate = f64::from(host.rate);
        if rates.last().is_none_or(|(_, last)| *last != rate) {
            rates.push((epoch, rate));
        }
        if host.is_stopping || epoch + 1 == losses.len() {
            let done = epoch + 1;
            tell(&mut host, &mut callback, &mut Logs::new(), 0, &|callback, t| callback.on_train_end(t));
            return (callback, done, rates, host.weight);
        }
    }
    panic!("no epochs");
}

/// A new callback with the state of an old one, through the form in which checkpoints hold it.
fn restarted<C: Callback>(old: C, make: &impl Fn() -> C, host: &mut FakeTraining) -> C {
    let state = Tree::parse(old.state().to_json().as_bytes(), &Limits::default()).unwrap();
    let mut entry = vec![("name", Tree::from(old.name())), ("state", state)];
    let mut artifact = Artifact::new();
    for (path, array) in old.tensors() {
        let path = format!("kerata/callbacks/0/{path}");
        artifact.variables.insert(path, array.to_variable().unwrap()).unwrap();
        entry.push(("tensors", Tree::from("0")));
    }
    let mut new = make();
    let entry = entry.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let states = Tree::List(vec![Tree::Object(entry)]);
    let mut list = CallbackList::new(vec![Box::new(&mut new)]);
    list.each(host, &mut Logs::new(), 0, |callback, training| callback.on_train_begin(training)).unwrap();
    list.restore(&states, &CallbackTensors::take(&mut artifact).unwrap()).unwrap();
    drop(list);
    new
}

/// The cases of a callback, each with its losses, as it is and restarted before each epoch.
fn each_case(name: &str, check: impl Fn(&Tree, &[f64], Option<usize>, &str)) {
    let recorded = recorded();
    let mut count = 0;
    for case in recorded.get("cases").unwrap().as_list().unwrap() {
        if case.get("callback").and_then(Tree::as_str) != Some(name) {
            continue;
        }
        let curve = case.get("curve").and_then(Tree::as_str).unwrap();
        let losses = recorded.path(&["curves", curve]).unwrap().as_list().unwrap();
        let losses: Vec<f64> = losses.iter().map(|loss| loss.as_f64().unwrap()).collect();
        let arguments = case.get("arguments").unwrap().to_json();
        for restart_at in std::iter::once(None).chain((1..losses.len()).map(Some)) {
            check(
                case,
                &losses,
                restart_at,
                &format!("{name} {arguments} {curve}, restart at {restart_at:?}"),
            );
        }
        count += 1;
    }
    assert!(count >= 30, "only {count} cases");
}

fn number(case: &Tree, key: &str) -> Option<f64> {
    case.path(&["arguments", key]).and_then(Tree::as_f64)
}

fn flag(case: &Tree, key: &str) -> bool {
    case.path(&["arguments", key]).and_then(Tree::as_bool).unwrap_or(false)
}

fn mode(case: &Tree) -> Mode {
    case.path(&["arguments", "mode"]).and_then(Tree::as_str).unwrap_or("auto").parse().unwrap()
}

fn rates(case: &Tree) -> Vec<(usize, f64)> {
    let pairs = case.get("rates").unwrap().as_list().unwrap().iter().map(|pair| {
        let pair = pair.as_list().unwrap();
        (pair[0].as_u64().unwrap() as usize, pair[1].as_f64().unwrap())
    });
    pairs.collect()
}

#[test]
fn early_stopping_stops_where_keras_does() {
    each_case("EarlyStopping", |case, losses, restart_at, place| {
        let make = || {
            let mut callback = EarlyStopping::new("loss").mode(mode(case));
            callback = callback.patience(number(case, "patience").unwrap_or(0.0) as usize);
            callback = callback.min_delta(number(case, "min_delta").unwrap_or(0.0));
            callback = callback.start_from_epoch(number(case, "start_from_epoch").unwrap_or(0.0) as usize);
            if let Some(baseline) = number(case, "baseline") {
                callback = callback.baseline(baseline);
            }
            callback.restore_best_weights(flag(case, "restore_best_weights"))
        };
        let (_, epochs, _, weight) = drive(make, losses, 0, restart_at);
        assert_eq!(epochs as u64, case.get("epochs").unwrap().as_u64().unwrap(), "{place}");
        assert_eq!(f64::from(weight), case.get("weight").unwrap().as_f64().unwrap(), "{place}");
    });
}

#[test]
fn the_rate_is_lowered_where_keras_does() {
    each_case("ReduceLROnPlateau", |case, losses, restart_at, place| {
        let make = || {
            let callback = ReduceLROnPlateau::new("loss").mode(mode(case));
            callback
                .patience(number(case, "patience").unwrap_or(10.0) as usize)
                .factor(number(case, "factor").unwrap_or(0.1))
                .cooldown(number(case, "cooldown").unwrap_or(0.0) as usize)
                .min_delta(number(case, "min_delta").unwrap_or(1e-4))
                .min_lr(number(case, "min_lr").unwrap_or(0.0))
        };
        let (_, _, found, _) = drive(make, losses, 0, restart_at);
        assert_eq!(found, rates(case), "{place}");
    });
}

#[test]
fn models_are_saved_when_and_where_keras_does() {
    let batches = recorded().get("batches").unwrap().as_u64().unwrap() as usize;
    each_case("ModelCheckpoint", |case, losses, restart_at, place| {
        let save_freq = number(case, "save_freq").map(|every| every as usize);
        let folder = tempfile::tempdir().unwrap();
        let name =
            if save_freq.is_some() { "{epoch:02d}-{batch}-{loss:.3f}" } else { "{epoch:02d}-{loss:.3f}" };
        let make = || {
            let path = folder.path().join(format!("{name}.keras"));
            let mode = if save_freq.is_some() { Mode::Min } else { mode(case) };
            let mut callback = ModelCheckpoint::new(path.display().to_string()).monitor("loss").mode(mode);
            callback = callback.save_freq(save_freq.map_or(SaveFreq::Epoch, SaveFreq::Batches));
            if let Some(value) = number(case, "initial_value_threshold") {
                callback = callback.initial_value_threshold(value);
            }
            callback.save_best_only(flag(case, "save_best_only"))
        };
        let batches = if save_freq.is_some() { batches } else { 0 };
        let _ = drive(make, losses, batches, restart_at);
        let expected = case.get("saved").unwrap().as_list().unwrap().iter();
        let mut expected: Vec<&str> = expected.map(|name| name.as_str().unwrap()).collect();
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(names(folder.path()), expected, "{place}");
    });
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_log_has_the_bytes_of_keras_also_after_a_restart() {
    let recorded = recorded();
    let epochs = recorded.path(&["csv", "logs"]).unwrap().as_list().unwrap();
    let logs = |epoch: &Tree| -> Logs {
        let entries = epoch.as_object().unwrap().iter();
        entries.map(|(name, value)| (name.clone(), value.as_f64().unwrap())).collect()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    let mut host = FakeTraining::new();
    for append in [false, true] {
        let make = || CSVLogger::new(&path).separator(';').append(append);
        let mut logger = make();
        let begin =
            |callback: &mut dyn Callback, training: &mut Training<'_>| callback.on_train_begin(training);
        CallbackList::new(vec![Box::new(&mut logger)]).each(&mut host, &mut Logs::new(), 0, begin).unwrap();
        for (number, epoch) in epochs.iter().enumerate() {
            host.epoch = number;
            let end =
                |callback: &mut dyn Callback, training: &mut Training<'_>| callback.on_epoch_end(training);
            if number == 2 {
                // A checkpoint is made after two epochs; the third is logged, lost, and logged again.
                let mut lost = restarted(logger, &make, &mut host);
                logger = restarted(lost_copy(&mut lost, &mut host, &logs(epoch)), &make, &mut host);
            }
            CallbackList::new(vec![Box::new(&mut logger)]).each(&mut host, &mut logs(epoch), 0, end).unwrap();
        }
    }
    let expected = recorded.path(&["csv", "text"]).unwrap().as_str().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
}

/// A logger in the state of before, whose file has got one more line.
fn lost_copy(logger: &mut CSVLogger, host: &mut FakeTraining, logs: &Logs) -> CSVLogger {
    let state = logger.state();
    let end = |callback: &mut dyn Callback, training: &mut Training<'_>| callback.on_epoch_end(training);
    CallbackList::new(vec![Box::new(&mut *logger)]).each(host, &mut logs.clone(), 0, end).unwrap();
    let mut copy = CSVLogger::new("unused");
    copy.restore(&state).unwrap();
    copy
}
