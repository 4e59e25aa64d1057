//! What is left of a checkpoint folder when a save fails at any step, the disk fills up, or the power goes at any moment.

use std::sync::Arc;

use kerata::checkpoint::{CheckpointManager, CheckpointOptions, Contents, Keep, Moment, Which};
use kerata_store::faulty::{FaultPlan, FaultyDisk};
use kerata_store::memory::MemoryDisk;
use kerata_store::{FaultyStorage, OnDisk, Storage};

use crate::checkpoints::{is_model, model};

/// What a save in a test does: which step, into a folder that holds which.
#[derive(Clone, Copy, Debug)]
struct Case {
    contents: Contents,
    /// Steps there before.
    before: &'static [u64],
    step: u64,
}

const CASES: [Case; 4] = [
    Case { contents: Contents::Everything, before: &[], step: 2 },
    // The first one is removed after the second is there.
    Case { contents: Contents::Everything, before: &[1], step: 2 },
    // The same step again, with another content.
    Case { contents: Contents::Everything, before: &[2], step: 2 },
    Case { contents: Contents::WeightsAndOptimizer, before: &[1], step: 2 },
];

/// The content of the new step differs from that of any old one.
const NEW: u64 = 77;

impl Case {
    fn options(self) -> CheckpointOptions {
        CheckpointOptions::new().foreground().contents(self.contents).keep(Keep::Last(1))
    }

    fn start(self) -> MemoryDisk {
        let disk = MemoryDisk::new();
        let storage: Arc<dyn Storage> = Arc::new(OnDisk::on(disk.clone()));
        let mut manager = CheckpointManager::on(storage, self.options()).unwrap();
        for step in self.before {
            manager.save(&model(*step), &Moment::new(*step, 0)).unwrap();
        }
        disk
    }

    fn save(self, disk: FaultyDisk) -> kerata::core::Result<()> {
        let storage: Arc<dyn Storage> = Arc::new(FaultyStorage::on(disk));
        let mut manager = CheckpointManager::on(storage, self.options())?;
        manager.save(&model(NEW), &Moment::new(self.step, 0)).map(drop)
    }

    /// Whether the newest step is the new one; panics when it is neither the new one nor the old one.
    fn is_new(self, disk: &MemoryDisk, place: &str) -> bool {
        let storage: Arc<dyn Storage> = Arc::new(OnDisk::on(disk.clone()));
        let manager = CheckpointManager::on(storage, self.options()).unwrap();
        let steps: Vec<_> = manager.steps().iter().map(|step| (step.step, step.damage.clone())).collect();
        match manager.restore(&Which::Latest) {
            Ok(restored) => {
                assert!(restored.skipped.is_empty(), "{place}: {:?} is damaged", restored.skipped);
                let is_new = is_model(&restored.artifact, NEW);
                let is_old = self.before.iter().any(|step| is_model(&restored.artifact, *step));
                assert!(is_new || is_old, "{place}: neither old nor new of {steps:?}");
                is_new
            }
            Err(error) => {
                assert!(self.before.is_empty(), "{place}: the old one is lost: {error}, {steps:?}");
                assert!(steps.is_empty(), "{place}: {steps:?} is there and does not load: {error}");
                false
            }
        }
    }
}

fn litter(disk: &FaultyDisk) -> Vec<String> {
    disk.contents().into_keys().filter(|name| name.contains(".tmp")).collect()
}

#[test]
fn a_save_that_fails_at_any_call_leaves_the_old_or_the_new_and_no_litter() {
    for case in CASES {
        for call in 0.. {
            let place = format!("{case:?}, call {call}");
            let disk = FaultyDisk::over(case.start(), FaultPlan::fail_step(call));
            let saved = case.save(disk.clone());
            let is_new = case.is_new(disk.memory(), &place);
            assert!(is_new || saved.is_err(), "{place}: acknowledged and lost");
            let kept = FaultyDisk::over(disk.memory().clone(), FaultPlan::none());
            case.save(kept.clone()).unwrap_or_else(|error| panic!("{place}: the next save fails: {error}"));
            assert!(case.is_new(kept.memory(), &place), "{place}");
            assert_eq!(litter(&kept), [] as [String; 0], "{place}");
            let files = kept.contents();
            assert_eq!(files.len(), 2, "{place}: one step and the manifest, found {:?}", files.keys());
            if disk.steps() <= call {
                assert!(saved.is_ok() && call > 15, "{place}");
                break;
            }
        }
    }
}

#[test]
fn power_loss_at_any_moment_leaves_the_old_or_the_new() {
    let mut all = 0;
    for case in CASES {
        let disk = FaultyDisk::over(case.start(), FaultPlan::none());
        case.save(disk.clone()).unwrap();
        let states = disk.crash_states();
        assert!(states.len() > 200, "{case:?}: only {} states", states.len());
        all += states.len();
        for (number, state) in states.into_iter().enumerate() {
            case.is_new(&state, &format!("{case:?}, state {number}"));
        }
        for (number, state) in disk.crash_states_now().into_iter().enumerate() {
            let place = format!("{case:?}, state {number} after the save");
            assert!(case.is_new(&state, &place), "{place}: acknowledged and lost");
        }
    }
    println!("{all} states after a loss of power");
}

#[test]
fn a_disk_that_fills_up_at_any_byte_keeps_the_old() {
    for case in CASES {
        let whole = FaultyDisk::over(case.start(), FaultPlan::none());
        case.save(whole.clone()).unwrap();
        let written: usize = whole.contents().values().map(Vec::len).sum();
        let stride = if std::env::var_os("KERATA_EXHAUSTIVE").is_some() { 7 } else { 211 };
        for room in (0..written as u64).step_by(stride) {
            let place = format!("{case:?}, room for {room} bytes");
            let disk = FaultyDisk::over(case.start(), FaultPlan::room(room));
            let saved = case.save(disk.clone());
            assert!(case.is_new(disk.memory(), &place) || saved.is_err(), "{place}: acknowledged and lost");
            assert_eq!(litter(&disk), [] as [String; 0], "{place}");
        }
    }
}
