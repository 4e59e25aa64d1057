//! `Team`: threads that help whoever calls with the tasks of a loop, for loops that last microseconds.
//!
//! The caller takes part. Helpers look for the next loop for a short while before they sleep, so that within a run they are
//! mostly awake, and take no processor between runs. Each thread begins with its own share of the tasks, the same part of
//! the range in each loop: what it wrote in the last loop is in its cache. Then it takes what others have left.
//!
//! What costs is memory that one thread has written and another reads: an offer to a helper is one line of the cache, and
//! so is its answer.

use std::any::Any;
use std::cell::UnsafeCell;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a thread looks for what it waits for before it sleeps.
const PATIENCE: Duration = Duration::from_micros(50);
/// Looks between two readings of the clock.
const LOOKS: usize = 32;

// What a helper and a loop are to each other; above these bits is the number of the loop.
/// The helper is done with the loop, or did not come in time.
const DONE: u64 = 0;
/// The same, and it sleeps until the next one.
const ASLEEP: u64 = 1;
/// The loop is offered.
const OFFERED: u64 = 2;
/// The helper works on it.
const TAKEN: u64 = 3;
/// The same, and the caller sleeps until it is done.
const AWAITED: u64 = 4;
/// The team ends.
const ENDED: u64 = 5;
/// One loop.
const LOOP: u64 = 8;

/// Bits of a counter for the tasks of a share; above is the number of the loop.
const TASKS: u32 = 24;
/// Numbers of loops begin again after this one: a server that runs for months comes that far.
const LAST_LOOP: u64 = u64::MAX >> TASKS;

/// Helpers, which one caller at a time has.
pub struct Team {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
}

struct Shared {
    /// Whether a caller has the helpers.
    is_taken: AtomicBool,
    /// Loops so far.
    loops: AtomicU64,
    /// One for each helper.
    offers: Vec<Offer>,
    /// How many tasks of each thread's share are taken; the caller's is the first.
    taken: Vec<Counter>,
    /// What the first task that failed panicked with; the caller sleeps here.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    is_done: Condvar,
    patience: Duration,
}

/// What a helper is asked to do, in cache lines of its own.
#[repr(align(128))]
struct Offer {
    state: AtomicU64,
    /// Written by who has the team while the state is [`DONE`] or [`ASLEEP`], read by the helper once it is [`TAKEN`].
    job: UnsafeCell<Job>,
}

/// A loop.
#[derive(Clone, Copy)]
struct Job {
    work: *const (dyn Fn(usize) + Sync),
    tasks: usize,
    number: u64,
}

/// A counter in cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

// SAFETY: the state says who may touch the job, and each change of it that hands the job over orders memory. What the job
// points to may be called by all threads.
unsafe impl Sync for Offer {}
// SAFETY: as above.
unsafe impl Send for Offer {}

impl Team {
    /// A team of `threads` threads, of which the caller is one, or as many as there are processors: others would only take
    /// turns with these.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(threads: usize) -> std::io::Result<Team> {
        let processors = thread::available_parallelism().map_or(threads, usize::from);
        Team::with_patience(threads.min(processors), PATIENCE)
    }

    fn with_patience(threads: usize, patience: Duration) -> std::io::Result<Team> {
        let helpers = threads.max(1) - 1;
        let shared = Arc::new(Shared {
            is_taken: AtomicBool::new(false),
            loops: AtomicU64::new(0),
            offers: (0..helpers).map(|_| Offer::none()).collect(),
            taken: (0..=helpers).map(|_| Counter::default()).collect(),
            panic: Mutex::new(None),
            is_done: Condvar::new(),
            patience,
        });
        let mut team = Team { shared, helpers: Vec::with_capacity(helpers) };
        for index in 0..helpers {
            let shared = team.shared.clone();
            let builder = thread::Builder::new().name(format!("kerata-{}", index + 1));
            team.helpers.push(builder.spawn(move || shared.help(index))?);
        }
        Ok(team)
    }

    /// Calls `work` once for each of `0..tasks`, in any order, and returns when all are done. While another caller has the
    /// helpers, and inside a task, the caller's thread does all.
    ///
    /// # Panics
    /// When a task does, with the same; others may be left out then.
    pub fn each(&self, tasks: usize, work: &(dyn Fn(usize) + Sync)) {
        let shared = &*self.shared;
        let fits = tasks >> TASKS == 0;
        if !fits || shared.is_taken.compare_exchange(false, true, Acquire, Relaxed).is_err() {
            return (0..tasks).for_each(work);
        }
        let number = shared.loops.fetch_add(1, Relaxed).wrapping_add(1) & LAST_LOOP;
        // SAFETY: of the pointer's type only the life of what it points to changes. It is called by helpers whose offer is
        // taken, and nothing from here on returns or unwinds before no offer is.
        let work: *const (dyn Fn(usize) + Sync) =
            unsafe { std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), _>(work) };
        let job = Job { work, tasks, number };
        // Threads have shares in order, as far as there are tasks.
        let helpers = self.helpers.len().min(tasks.saturating_sub(1));
        for (offer, helper) in shared.offers.iter().zip(&self.helpers).take(helpers) {
            if offer.make(job) {
                helper.thread().unpark();
            }
        }
        shared.work(0, job);
        for offer in &shared.offers[..helpers] {
            shared.settle(offer, number);
        }
        let panic = shared.lock().take();
        shared.is_taken.store(false, Release);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        for (offer, helper) in self.shared.offers.iter().zip(self.helpers.drain(..)) {
            offer.state.store(ENDED, Release);
            helper.thread().unpark();
            // A helper catches what its tasks panic with.
            let _ = helper.join();
        }
    }
}

impl Offer {
    fn none() -> Offer {
        let job = Job { work: &|_: usize| (), tasks: 0, number: 0 };
        Offer { state: AtomicU64::new(DONE), job: UnsafeCell::new(job) }
    }

    /// Offers a loop to the helper; says whether it sleeps.
    fn make(&self, job: Job) -> bool {
        // SAFETY: the caller has the team and has settled its last loop: the state is as it has to be.
        unsafe { *self.job.get() = job };
        self.state.swap(job.number * LOOP + OFFERED, AcqRel) % LOOP == ASLEEP
    }

    /// The loop that is offered, unless the offer is over.
    fn take(&self, offered: u64) -> Option<Job> {
        self.state.compare_exchange(offered, offered - OFFERED + TAKEN, Acquire, Relaxed).ok()?;
        // SAFETY: the state is as it has to be.
        Some(unsafe { *self.job.get() })
    }

    fn is_done(&self, number: u64) -> bool {
        self.state.load(Acquire).wrapping_sub(number * LOOP) <= ASLEEP
    }
}

impl Shared {
    /// The life of a helper.
    fn help(&self, index: usize) {
        let offer = &self.offers[index];
        while let Some(state) = self.next_offer(offer) {
            let Some(job) = offer.take(state) else { continue };
            self.work(index + 1, job);
            if offer.state.swap(job.number * LOOP + DONE, AcqRel) % LOOP == AWAITED {
                // Who has the lock has not begun to sleep, or is awake.
                drop(self.lock());
                self.is_done.notify_one();
            }
        }
    }

    /// Waits for an offer; none when the team ends.
    fn next_offer(&self, offer: &Offer) -> Option<u64> {
        loop {
            let is_new = |state: u64| matches!(state % LOOP, OFFERED | ENDED);
            let found = self.look(|| Some(offer.state.load(Acquire)).filter(|&state| is_new(state)));
            if let Some(state) = found {
                return (state % LOOP == OFFERED).then_some(state);
            }
            let asleep = |state: u64| (state % LOOP == DONE).then_some(state - DONE + ASLEEP);
            if offer.state.fetch_update(AcqRel, Relaxed, asleep).is_ok() {
                // Woken for a loop that is over by now, it looks for the next one: the run goes on.
                while offer.state.load(Acquire) % LOOP == ASLEEP {
                    thread::park();
                }
            }
        }
    }

    /// Waits until a helper is done with a loop, or takes the offer back.
    fn settle(&self, offer: &Offer, number: u64) {
        let state = |of: u64| number * LOOP + of;
        let change = |from, to| offer.state.compare_exchange(state(from), state(to), AcqRel, Acquire).is_ok();
        if offer.is_done(number) || change(OFFERED, DONE) {
            return;
        }
        if self.look(|| offer.is_done(number).then_some(())).is_some() {
            return;
        }
        let mut panic = self.lock();
        if change(TAKEN, AWAITED) {
            while !offer.is_done(number) {
                panic = self.is_done.wait(panic).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Does tasks until none is left: those of the thread's share, then those of others.
    fn work(&self, thread: usize, job: Job) {
        let all = || {
            // SAFETY: this is the caller, or a helper whose offer is taken.
            let work = unsafe { &*job.work };
            for of in (thread..self.taken.len()).chain(0..thread) {
                // A helper that is done has left nothing.
                if thread == 0 && of > 0 && self.offers[of - 1].is_done(job.number) {
                    return;
                }
                while let Some(task) = self.take(of, job) {
                    work(task);
                }
            }
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(all)) {
            self.lock().get_or_insert(panic);
            while (0..self.taken.len()).any(|of| self.take(of, job).is_some()) {}
        }
    }

    /// Takes a task of a thread's share.
    fn take(&self, of: usize, job: Job) -> Option<usize> {
        let threads = self.taken.len();
        let (each, rest) = (job.tasks / threads, job.tasks % threads);
        let share = each + usize::from(of < rest);
        let counter = &self.taken[of].0;
        let mut seen = counter.load(Relaxed);
        loop {
            // What was counted in other loops is nothing.
            let taken = if seen >> TASKS == job.number { seen & ((1 << TASKS) - 1) } else { 0 };
            if taken as usize >= share {
                return None;
            }
            let next = job.number << TASKS | (taken + 1);
            match counter.compare_exchange_weak(seen, next, Relaxed, Relaxed) {
                Ok(_) => return Some(of * each + of.min(rest) + taken as usize),
                Err(now) => seen = now,
            }
        }
    }

    /// Looks for something for a while.
    fn look<T>(&self, mut find: impl FnMut() -> Option<T>) -> Option<T> {
        let mut since = None;
        loop {
            for _ in 0..LOOKS {
                if let Some(found) = find() {
                    return Some(found);
                }
                spin_loop();
            }
            if self.patience.is_zero() || since.get_or_insert_with(Instant::now).elapsed() > self.patience {
                return None;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Any + Send>>> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Loops of a test; fewer where each step is interpreted.
    const MANY: usize = if cfg!(miri) { 20 } else { 2_000 };

    /// Teams that look for long, shortly, and not at all.
    fn teams() -> Vec<Team> {
        let kinds =
            [(1, PATIENCE), (2, Duration::ZERO), (2, PATIENCE), (3, Duration::from_micros(1)), (4, PATIENCE)];
        kinds.map(|(threads, patience)| Team::with_patience(threads, patience).unwrap()).into()
    }

    fn check(team: &Team, tasks: usize) {
        // Counted in memory of this call, so that a helper that is late finds it gone.
        let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
        team.each(tasks, &|task| {
            counts[task].fetch_add(1, Relaxed);
        });
        assert!(counts.iter().all(|count| count.load(Relaxed) == 1));
    }

    #[test]
    fn each_task_runs_once() {
        for team in teams() {
            for at in 0..MANY {
                check(&team, [0, 1, 2, 3, 7, 64][at % 6]);
            }
        }
    }

    #[test]
    fn numbers_of_loops_begin_again() {
        for team in teams() {
            team.shared.loops.store(LAST_LOOP - 10, Relaxed);
            for _ in 0..20 {
                check(&team, 7);
            }
        }
    }

    #[test]
    fn helpers_take_part() {
        let team = Team::with_patience(3, Duration::ZERO).unwrap();
        let meeting = std::sync::Barrier::new(3);
        team.each(3, &|_| {
            meeting.wait();
        });
    }

    #[test]
    fn several_callers_and_loops_inside_tasks_are_right() {
        for team in teams() {
            thread::scope(|scope| {
                for _ in 0..if cfg!(miri) { 2 } else { 8 } {
                    scope.spawn(|| {
                        for _ in 0..MANY / 20 {
                            let sum = AtomicUsize::new(0);
                            team.each(5, &|outer| {
                                team.each(7, &|inner| {
                                    sum.fetch_add(outer * 7 + inner, Relaxed);
                                });
                            });
                            assert_eq!(sum.into_inner(), 34 * 35 / 2);
                        }
                    });
                }
            });
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_goes_on() {
        for team in teams() {
            for failing in [0, 3, 7] {
                let run = || {
                    team.each(8, &|task| {
                        if task == failing {
                            std::panic::panic_any(failing);
                        }
                    });
                };
                let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
                assert_eq!(panic.downcast_ref(), Some(&failing));
                check(&team, 8);
            }
        }
    }

    #[test]
    fn writes_of_helpers_are_seen_when_the_loop_is_done() {
        for team in teams() {
            for round in 0..MANY / 10 {
                let mut out = vec![0; 64];
                let shared = super::super::memory::Shared::new(&mut out);
                // SAFETY: each place is written by one task.
                team.each(64, &|task| unsafe { shared.part(task, 1)[0] = task + round });
                assert!(out.iter().enumerate().all(|(task, value)| *value == task + round));
            }
        }
    }
}
