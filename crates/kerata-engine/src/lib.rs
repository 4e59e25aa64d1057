//! Engines that run a [`Graph`](kerata_core::graph::Graph): the reference engine and the CPU engine.

pub mod cpu;
pub mod reference;

use kerata_core::graph::Graph;
use kerata_core::{Array, Error, Result};

/// All engines, by name.
pub const ENGINES: &[&dyn Engine] = &[&cpu::Cpu::new(), &reference::Reference];

/// The engine of a name.
pub fn engine(name: &str) -> Result<&'static dyn Engine> {
    ENGINES.iter().copied().find(|engine| engine.name() == name).ok_or_else(|| {
        let known: Vec<&str> = ENGINES.iter().map(|engine| engine.name()).collect();
        Error::usage(format!("unknown engine `{name}`")).hint(format!("engines are {}", known.join(", ")))
    })
}

/// How a session is to run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Most threads that one run uses; an engine may use fewer.
    pub threads: usize,
    /// Whether the session can give variables back and take new values for those that the graph does not update. Without,
    /// an engine holds weights only in the form it computes with.
    pub keep_variables: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { threads: 1, keep_variables: true }
    }
}

impl SessionOptions {
    /// The same options with another number of threads.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// The same options, with variables kept or not.
    #[must_use]
    pub fn with_variables_kept(mut self, keep: bool) -> Self {
        self.keep_variables = keep;
        self
    }
}

/// Something that runs graphs.
pub trait Engine: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Makes a graph ready to run; the variables are read once, here.
    fn prepare(
        &self,
        graph: &Graph,
        variables: &dyn Fn(&str) -> Result<Array>,
        options: &SessionOptions,
    ) -> Result<Box<dyn Session>>;
}

/// New values of variables by path.
pub type Updates = Vec<(String, Array)>;

/// A graph that is ready to run; it can be used from several threads.
pub trait Session: Send + Sync {
    /// The outputs for these inputs. Variables stay as they are.
    fn run(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        Ok(self.run_with_updates(inputs)?.0)
    }

    /// The outputs, and the values that the run wants its variables to have. They are not taken over: hand them to
    /// [`set_variables`](Self::set_variables) for that.
    fn run_with_updates(&self, inputs: &[Array]) -> Result<(Vec<Array>, Updates)>;

    /// One step: the outputs, with the new values of variables taken over. Those of variables that the graph only updates and
    /// never reads are given back. The old values are given up while the step runs, so that it needs less memory: after an
    /// error the session is of no more use.
    fn step(&mut self, inputs: &[Array]) -> Result<(Vec<Array>, Updates)> {
        let (outputs, updates) = self.run_with_updates(inputs)?;
        let (kept, unread) = updates.into_iter().partition(|(path, _)| self.variable(path).is_ok());
        self.set_variables(kept)?;
        Ok((outputs, unread))
    }

    /// Gives variables new values; paths that the graph does not read are ignored.
    fn set_variables(&mut self, values: Updates) -> Result<()>;

    /// The present value of a variable that the graph reads.
    fn variable(&self, path: &str) -> Result<Array>;

    /// Gives back the memory that is kept for further runs; the next one asks for it anew.
    fn rest(&self) {}
}
