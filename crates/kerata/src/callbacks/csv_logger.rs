//! `CSVLogger`: a line of losses and metrics an epoch.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kerata_core::{Error, Result, ResultExt, Tree};

use super::{Callback, Logs, Training};

/// Writes the logs of each epoch as a line of a file, with the names in the first one, as Keras's does.
///
/// A training that is continued from a checkpoint goes on with the lines that were there when the checkpoint was made.
#[derive(Debug)]
pub struct CSVLogger {
    filename: PathBuf,
    separator: char,
    append: bool,
    keys: Option<Vec<String>>,
    /// Open from the first line on.
    file: Option<File>,
    length: u64,
    /// Where to go on after a restart.
    resumed_at: Option<u64>,
}

impl CSVLogger {
    /// A new file; what is there is replaced.
    pub fn new(filename: impl Into<PathBuf>) -> Self {
        Self {
            filename: filename.into(),
            separator: ',',
            append: false,
            keys: None,
            file: None,
            length: 0,
            resumed_at: None,
        }
    }

    /// Sets what stands between the values.
    #[must_use]
    pub fn separator(mut self, separator: char) -> Self {
        self.separator = separator;
        self
    }

    /// Sets whether lines are added to a file that is there.
    #[must_use]
    pub fn append(mut self, append: bool) -> Self {
        self.append = append;
        self
    }

    /// Opens the file; says whether it needs a line of names.
    fn open(&mut self) -> Result<bool> {
        let failed = |error: std::io::Error| Error::io("open the log", &error);
        let is_kept = self.append || self.resumed_at.is_some();
        let is_headed = is_kept && has_line(&self.filename).map_err(failed)?;
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(!is_kept).open(&self.filename).map_err(failed)?;
        if let Some(length) = self.resumed_at.take() {
            let there = file.metadata().map_err(failed)?.len();
            file.set_len(length.min(there)).map_err(failed)?;
        }
        self.length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        self.file = Some(file);
        Ok(!is_headed || self.length == 0)
    }

    fn write_line(&mut self, cells: &[String]) -> Result<()> {
        let separator = self.separator.to_string();
        let cells = cells.iter().map(|cell| quoted(cell, self.separator)).collect::<Vec<_>>();
        let line = format!("{}\r\n", cells.join(&separator));
        if let Some(file) = &mut self.file {
            let written = file.write_all(line.as_bytes()).and_then(|()| file.flush());
            written.map_err(|error| Error::io("write the log", &error))?;
            self.length += line.len() as u64;
        }
        Ok(())
    }

    fn write_epoch(&mut self, epoch: usize, logs: &Logs) -> Result<()> {
        let keys = self.keys.get_or_insert_with(|| keys(logs)).clone();
        if self.file.is_none() && self.open()? {
            let names: Vec<String> =
                std::iter::once("epoch".to_owned()).chain(keys.iter().cloned()).collect();
            self.write_line(&names)?;
        }
        let value =
            |key: &String| logs.get(key).map_or_else(|| "NA".to_owned(), |value| python_float(*value));
        let cells: Vec<String> = std::iter::once(epoch.to_string()).chain(keys.iter().map(value)).collect();
        self.write_line(&cells)
    }
}

impl Callback for CSVLogger {
    fn name(&self) -> &str {
        "CSVLogger"
    }

    fn on_train_begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        self.keys = None;
        self.file = None;
        self.length = 0;
        self.resumed_at = None;
        Ok(())
    }

    fn on_epoch_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.write_epoch(training.epoch(), training.logs()).at(|| self.filename.display().to_string())
    }

    fn on_train_end(&mut self, _: &mut Training<'_>) -> Result<()> {
        self.file = None;
        Ok(())
    }

    fn state(&self) -> Tree {
        let keys = self.keys.iter().flatten().map(|key| Tree::from(key.as_str()));
        Tree::from([("length", Tree::from(self.length)), ("keys", Tree::List(keys.collect()))])
    }

    fn restore(&mut self, state: &Tree) -> Result<()> {
        let length =
            state.require("length")?.as_u64().ok_or_else(|| Error::corrupt("`length` is no size"))?;
        let keys = state.require("keys")?.as_list().unwrap_or_default();
        let keys: Vec<String> = keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect();
        self.keys = (!keys.is_empty()).then_some(keys);
        self.length = length;
        self.resumed_at = Some(length);
        Ok(())
    }
}

/// The names of the columns: sorted, with those of a validation when the first epoch had none.
fn keys(logs: &Logs) -> Vec<String> {
    let mut keys: Vec<String> = logs.keys().cloned().collect();
    keys.sort();
    if !keys.iter().any(|key| key.starts_with("val_")) {
        keys.extend(keys.clone().iter().map(|key| format!("val_{key}")));
    }
    keys
}

/// Whether a file is there and not empty.
fn has_line(path: &Path) -> std::io::Result<bool> {
    match File::open(path) {
        Ok(file) => Ok(!BufReader::new(file).fill_buf()?.is_empty()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A number as Python prints it.
fn python_float(value: f64) -> String {
    match value {
        _ if value.is_nan() => "nan".to_owned(),
        f64::INFINITY => "inf".to_owned(),
        f64::NEG_INFINITY => "-inf".to_owned(),
        // JSON of the formats is Python's.
        _ => Tree::Float(value).to_json(),
    }
}

/// A cell as Python's `csv` writes it.
fn quoted(cell: &str, separator: char) -> String {
    if cell.contains([separator, '"', '\r', '\n']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}
