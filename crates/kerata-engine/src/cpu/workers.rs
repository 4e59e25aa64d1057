//! `Workers`: the threads an engine may use, no more.

use kerata_core::{Error, Result};
use rayon::prelude::*;

/// A bounded set of threads; with one, everything runs on the caller's.
pub struct Workers {
    pool: Option<rayon::ThreadPool>,
    threads: usize,
}

impl Workers {
    /// Workers on `threads` threads.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(threads: usize) -> Result<Workers> {
        let threads = threads.max(1);
        if threads == 1 {
            return Ok(Workers { pool: None, threads });
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("kerata-{i}"))
            .build()
            .map_err(|e| Error::internal(format!("cannot start {threads} threads: {e}")))?;
        Ok(Workers { pool: Some(pool), threads })
    }

    /// The caller's thread alone.
    pub fn single() -> Workers {
        Workers { pool: None, threads: 1 }
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `work` where [`each`](Self::each) is cheap: inside the pool.
    pub fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Calls `work` once for each of `0..tasks`, in any order, and returns when all are done.
    pub fn each(&self, tasks: usize, work: &(dyn Fn(usize) + Sync)) {
        match &self.pool {
            Some(pool) if tasks > 1 => {
                pool.install(|| (0..tasks).into_par_iter().with_max_len(1).for_each(work));
            }
            _ => (0..tasks).for_each(work),
        }
    }
}
