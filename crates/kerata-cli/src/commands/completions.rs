//! `kerata completions SHELL`, and `kerata completions man DIR` for the man pages.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kerata_core::{Error, Result, Tree};

use super::Run;
use crate::answer::Answer;
use crate::context::Context;

#[derive(Args)]
pub struct Completions {
    /// The shell, or `man` for the man pages.
    what: What,
    /// Folder that the man pages are written into.
    #[arg(required_if_eq("what", "man"))]
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Bash,
    Elvish,
    Fish,
    Man,
    Powershell,
    Zsh,
}

impl Run for Completions {
    fn run(self, _: &Context) -> Result<Answer> {
        let shell = match self.what {
            What::Bash => clap_complete::Shell::Bash,
            What::Elvish => clap_complete::Shell::Elvish,
            What::Fish => clap_complete::Shell::Fish,
            What::Powershell => clap_complete::Shell::PowerShell,
            What::Zsh => clap_complete::Shell::Zsh,
            What::Man => return man_pages(self.dir),
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut super::definition(), "kerata", &mut script);
        let text = String::from_utf8_lossy(&script).into_owned();
        Ok(Answer::new(Tree::from([("script", Tree::from(text.as_str()))]), text))
    }
}

fn man_pages(dir: Option<PathBuf>) -> Result<Answer> {
    let dir = dir.ok_or_else(|| Error::usage("the man pages need a folder"))?;
    std::fs::create_dir_all(&dir).map_err(|error| Error::io("make the folder", &error))?;
    clap_mangen::generate_to(super::definition(), &dir).map_err(|error| Error::io("write", &error))?;
    let dir = dir.display().to_string();
    Ok(Answer::new(Tree::from([("dir", Tree::from(dir.as_str()))]), format!("man pages are in {dir}\n")))
}
