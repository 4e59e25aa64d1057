//! `Answer`: what a command says, as one JSON object or as text for people.

use std::io::Write;

use kerata_core::{Error, Tree};

/// What a command says at its end.
#[derive(Debug, Default)]
pub struct Answer {
    /// The JSON object of `--json`.
    pub json: Tree,
    /// The text without `--json`, each line ended.
    pub text: String,
    /// Whether a check that the user asked for says no: exit status 1.
    pub is_negative: bool,
}

impl Answer {
    /// An answer in both forms.
    pub fn new(json: Tree, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), is_negative: false }
    }

    /// Writes the answer to standard output; a reader that has gone away is no failure.
    pub fn print(&self, as_json: bool) {
        let mut out = std::io::stdout().lock();
        let _ = if as_json {
            writeln!(out, "{}", self.json.to_json())
        } else {
            out.write_all(self.text.as_bytes())
        };
        let _ = out.flush();
    }
}

/// Writes a failure: to standard error for people, and with `--json` as an object to standard output.
pub fn print_error(error: &Error, as_json: bool) {
    let mut err = anstream::stderr().lock();
    let bold_red = anstyle::AnsiColor::Red.on_default().bold();
    let text = error.to_string();
    let (label, rest) = text.split_once(": ").unwrap_or(("error", &text));
    let _ = writeln!(err, "{bold_red}{label}{bold_red:#}: {rest}");
    if as_json {
        let trail: Vec<&str> = error.trail().collect();
        let object = Tree::from([(
            "error",
            Tree::from([
                ("kind", Tree::from(error.kind().label())),
                ("exit_code", Tree::from(i64::from(error.kind().exit_code()))),
                ("message", Tree::from(error.message())),
                ("trail", Tree::from(trail)),
                ("hint", Tree::from(error.hint_text())),
            ]),
        )]);
        Answer::new(object, "").print(true);
    }
}
