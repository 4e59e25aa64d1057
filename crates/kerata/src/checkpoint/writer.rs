//! `Writer`: the thread that makes staged steps durable, one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use kerata_core::{Artifact, Error, Result, ResultExt};

use super::arena::Arena;
use super::folder::StepFolder;
use super::{BackPressure, Moment, Outcome};

/// The thread and what it shares with who saves.
pub(super) struct Writer {
    shared: Arc<Shared>,
    folder: Arc<StepFolder>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Option<Job>,
    is_writing: bool,
    is_closed: bool,
    /// Buffers that nothing reads.
    free: Vec<Vec<u8>>,
    errors: Vec<Error>,
}

/// A staged step.
struct Job {
    artifact: Artifact,
    arena: Arc<Arena>,
    moment: Moment,
    time: Duration,
}

impl Writer {
    pub fn new(folder: Arc<StepFolder>) -> Self {
        let shared = Arc::new(Shared { queue: Mutex::new(Queue::default()), changed: Condvar::new() });
        Self { shared, folder, thread: None }
    }

    /// Copies a step and returns; what happens when the writer is behind is the caller's choice.
    pub fn save(
        &mut self,
        artifact: &Artifact,
        moment: &Moment,
        time: Duration,
        when_behind: BackPressure,
    ) -> Result<Outcome> {
        let mut outcome = Outcome::Saved;
        let mut queue = self.shared.queue();
        let is_behind = queue.waiting.is_some() || queue.is_writing;
        match when_behind {
            BackPressure::Wait => {
                queue = self.shared.wait_until_idle(queue);
                if !queue.errors.is_empty() {
                    return Err(queue.errors.remove(0));
                }
            }
            BackPressure::Skip if is_behind => return Ok(Outcome::Skipped),
            BackPressure::Skip => {}
            BackPressure::ReplacePending => {
                if let Some(old) = queue.waiting.take() {
                    outcome = Outcome::Replaced(old.moment.step);
                    drop(old.artifact);
                    queue.free.push(old.arena.into_buffer());
                }
            }
        }
        let buffer = queue.free.pop().unwrap_or_default();
        drop(queue);
        let (artifact, arena) = Arena::stage(buffer, artifact)?;
        let job = Job { artifact, arena, moment: moment.clone(), time };
        if !self.start() {
            // Without a thread the step is written here and now.
            self.shared.finish(&self.folder, job);
            return Ok(outcome);
        }
        self.shared.queue().waiting = Some(job);
        self.shared.changed.notify_all();
        Ok(outcome)
    }

    /// Takes a buffer for steps of this size before the first one is saved.
    pub fn reserve(&mut self, artifact: &Artifact, count: usize) -> Result<()> {
        let there = self.shared.queue().free.len();
        for _ in there..count {
            let buffer = Arena::reserve(Vec::new(), artifact)?;
            self.shared.queue().free.push(buffer);
        }
        Ok(())
    }

    /// Waits until all that was staged is durable or has failed.
    pub fn wait(&self) {
        drop(self.shared.wait_until_idle(self.shared.queue()));
    }

    /// The errors that nobody has heard of yet, oldest first.
    pub fn take_errors(&self) -> Vec<Error> {
        std::mem::take(&mut self.shared.queue().errors)
    }

    /// The oldest error that nobody has heard of yet.
    pub fn take_error(&self) -> Option<Error> {
        let mut queue = self.shared.queue();
        (!queue.errors.is_empty()).then(|| queue.errors.remove(0))
    }

    /// Whether there is a thread; starts it when there is none.
    fn start(&mut self) -> bool {
        if self.thread.is_none() {
            let (shared, folder) = (self.shared.clone(), self.folder.clone());
            let thread = std::thread::Builder::new().name("kerata-checkpoint".into());
            self.thread = thread.spawn(move || shared.work(&folder)).ok();
        }
        self.thread.is_some()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.queue().is_closed = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread catches its panics.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Writes what is staged until the writer is closed and nothing waits.
    fn work(&self, folder: &StepFolder) {
        loop {
            let mut queue = self.queue();
            let job = loop {
                match queue.waiting.take() {
                    Some(job) => break job,
                    None if queue.is_closed => return,
                    None => {
                        queue = self.changed.wait(queue).unwrap_or_else(std::sync::PoisonError::into_inner)
                    }
                }
            };
            queue.is_writing = true;
            drop(queue);
            self.finish(folder, job);
        }
    }

    /// Writes one step and notes how it went.
    fn finish(&self, folder: &StepFolder, job: Job) {
        let Job { artifact, arena, moment, time } = job;
        let step = moment.step;
        let written = catch_unwind(AssertUnwindSafe(|| folder.commit(artifact, &moment, time)));
        let written = written.unwrap_or_else(|_| Err(Error::internal("the writer of checkpoints panicked")));
        let mut queue = self.queue();
        if let Err(error) = written.at(|| format!("checkpoint of step {step}")) {
            queue.errors.push(error);
        }
        queue.free.push(arena.into_buffer());
        queue.is_writing = false;
        drop(queue);
        self.changed.notify_all();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn wait_until_idle<'q>(&'q self, mut queue: MutexGuard<'q, Queue>) -> MutexGuard<'q, Queue> {
        while queue.waiting.is_some() || queue.is_writing {
            queue = self.changed.wait(queue).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        queue
    }
}
