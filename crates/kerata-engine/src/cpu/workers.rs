//! `Workers`: the threads an engine may use, no more.

use kerata_core::{Error, Result};

use super::kernels::team::Team;

/// A bounded set of threads, of which the caller is one; with one, everything runs on the caller's.
pub struct Workers {
    team: Option<Team>,
    threads: usize,
}

impl Workers {
    /// Workers on `threads` threads.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(threads: usize) -> Result<Workers> {
        if threads <= 1 {
            return Ok(Workers::single());
        }
        let team = Team::new(threads)
            .map_err(|e| Error::internal(format!("cannot start {threads} threads: {e}")))?;
        Ok(Workers { team: Some(team), threads })
    }

    /// The caller's thread alone.
    pub fn single() -> Workers {
        Workers { team: None, threads: 1 }
    }

    /// How many threads work is split for.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Calls `work` once for each of `0..tasks`, in any order, and returns when all are done.
    pub fn each(&self, tasks: usize, work: &(dyn Fn(usize) + Sync)) {
        match &self.team {
            Some(team) if tasks > 1 => team.each(tasks, work),
            _ => (0..tasks).for_each(work),
        }
    }
}
