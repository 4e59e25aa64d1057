//! The commands: one file each, one line in the list below.

mod arrays;
mod checkpointing;
mod samples;
mod target;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use kerata_core::Result;

use crate::answer::{Answer, print_error};
use crate::context::Context;

/// A command of the command line.
trait Run {
    /// Does the work and says what came of it.
    fn run(self, context: &Context) -> Result<Answer>;
}

macro_rules! commands {
    ($($(#[$about:meta])* $module:ident::$name:ident,)*) => {
        $(mod $module;)*

        #[derive(Subcommand)]
        enum Command { $($(#[$about])* $name($module::$name),)* }

        impl Command {
            fn run(self, context: &Context) -> Result<Answer> {
                match self { $(Self::$name(command) => command.run(context),)* }
            }
        }
    };
}

commands! {
    /// List the checkpoints of a folder: metrics, size, age, whether each is whole, which is the best.
    checkpoints::Checkpoints,
    /// Print a completion script for a shell.
    completions::Completions,
    /// Convert a model from any format to any other.
    convert::Convert,
    /// Compare two models: config and tensors.
    diff::Diff,
    /// Write what a model computes for others to run: a SavedModel for TensorFlow.
    export::Export,
    /// Say what a file is: format, era, layers, parameters, optimizer, bytes, what is odd.
    inspect::Inspect,
    /// Make a smaller or faster form of a model, and say what each step brought.
    optimize::Optimize,
    /// Draw the architecture of a model as a picture.
    plot::Plot,
    /// Run a model on inputs from a `.npz` file.
    run::Run,
    /// Print the table of layers as Keras prints it.
    summary::Summary,
    /// Train, kill, resume, save, shrink and serve a model of handwritten digits: the story in a minute.
    tour::Tour,
    /// Train a compiled model on arrays, from its optimizer state on.
    train::Train,
    /// List every variable: path, dtype, shape, bytes, offset.
    tree::Tree,
    /// Turn an old file into one that Keras 3 loads, printing each change.
    upgrade::Upgrade,
}

/// Save, load, check, convert and run Keras models, without Python and TensorFlow.
#[derive(Parser)]
#[command(name = "kerata", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// Answer with one JSON object on standard output.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

/// The command line as clap sees it, for completions and man pages.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output with status 0, wrong usage to standard error with 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let context = Context::new(cli.json);
    match cli.command.run(&context) {
        Ok(answer) => {
            answer.print(context.json);
            ExitCode::from(u8::from(answer.is_negative))
        }
        Err(error) => {
            print_error(&error, context.json);
            ExitCode::from(error.kind().exit_code())
        }
    }
}
