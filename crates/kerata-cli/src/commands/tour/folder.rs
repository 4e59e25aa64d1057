//! The folder of a tour: marked as its own, cleared of what an earlier tour left, and of nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use kerata_core::{Error, ErrorKind, Result, ResultExt, Sink};

/// Says whose folder it is: the first thing that is written, the only one that stays when a tour is cut early.
const MARK: &str = "ABOUT.txt";
const ABOUT: &str = "\
This folder was made by `kerata tour`. The next tour in it replaces what the tour has made, by name, and nothing else.
";

/// What a tour makes: files, and folders (`/` at the end) of which it makes all that is in them.
const MADE: &[&str] = &[
    MARK,
    "attention-saved-model/",
    "attention.outputs.npz",
    "attention/",
    "best/",
    "checkpoints/",
    "digits-saved-model/",
    "digits.h5",
    "digits.keras",
    "digits.safetensors",
    "digits.weights.h5",
    "inputs.npz",
    "outputs.npz",
    "report.html",
    "resumed.keras",
    "served/",
    "small/",
];

/// Names of files inside those folders, with `*` for any text.
const INSIDE: &[&str] = &[
    "assets.extra/kerata_check/*.npz",
    "assets.extra/kerata_inputs.json",
    "checkpoints.json",
    "ckpt-*.keras",
    "ckpt-*.weights.h5",
    "config.json",
    "digits.keras",
    "float16.keras",
    "inference.keras",
    "int4.keras",
    "int8.keras",
    "smallest.keras",
    "kerata/trace.json",
    "kerata/constants.npz",
    "metadata.json",
    "model.weights.h5",
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
];

/// Makes the folder, or takes over that of an earlier tour. A folder with other things and no mark is refused, and so is one
/// with foreign files where the tour makes folders; both before anything is touched.
pub fn prepare(dir: &Path) -> Result<PathBuf> {
    let failed = |error: &std::io::Error| Error::io("make the folder", error).at(dir.display().to_string());
    fs::create_dir_all(dir).map_err(|error| failed(&error))?;
    let mark = dir.join(MARK);
    let is_ours = fs::read(&mark).is_ok_and(|text| text == ABOUT.as_bytes());
    if !is_ours && fs::read_dir(dir).map_err(|error| failed(&error))?.next().is_some() {
        return Err(Error::new(ErrorKind::AlreadyExists, "the folder holds other things than a tour")
            .at(dir.display().to_string())
            .hint("name another folder: kerata tour DIR"));
    }
    let mut ours = Vec::new();
    for name in MADE.iter().filter_map(|name| name.strip_suffix('/')) {
        gather(&dir.join(name), "", &mut ours)?;
    }
    if !is_ours {
        kerata::save_with(&mark, false, |sink: &mut dyn Sink| sink.write(ABOUT.as_bytes()))?;
    }
    for name in MADE.iter().filter(|name| !name.ends_with('/') && **name != MARK) {
        ours.extend(Some(dir.join(name)).filter(|path| path.is_file()));
    }
    ours.extend(entries(dir)?.into_iter().filter(|(name, is_folder)| !is_folder && is_made(name)).map(|(name, _)| dir.join(name)));
    for path in ours {
        let removed = if path.is_dir() { fs::remove_dir(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("clear an earlier tour", &error)).at(|| path.display().to_string());
            }
            _ => {}
        }
    }
    Ok(mark)
}

/// What a tour left in a folder, deepest first; a file that no tour makes is refused.
fn gather(folder: &Path, prefix: &str, ours: &mut Vec<PathBuf>) -> Result<()> {
    match folder.symlink_metadata() {
        Err(_) => return Ok(()),
        Ok(found) if !found.is_dir() => return Err(foreign(folder)),
        Ok(_) => {}
    }
    for (name, is_folder) in entries(folder)? {
        let (path, inner) = (folder.join(&name), format!("{prefix}{name}"));
        if is_folder {
            gather(&path, &format!("{inner}/"), ours)?;
        } else if INSIDE.iter().any(|pattern| fits(&inner, pattern)) || is_temporary(&name) {
            ours.push(path);
        } else {
            return Err(foreign(&path));
        }
    }
    ours.push(folder.to_owned());
    Ok(())
}

fn foreign(path: &Path) -> Error {
    Error::new(ErrorKind::AlreadyExists, "made by somebody else, where the tour makes a folder")
        .at(path.display().to_string())
        .hint("move it, or name another folder: kerata tour DIR")
}

/// Names in a folder, and whether each is a folder; links are files.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>> {
    let failed = |error| Error::io("look into the folder", &error).at(folder.display().to_string());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        found.push((entry.file_name().to_string_lossy().into_owned(), is_folder));
    }
    Ok(found)
}

/// Whether a file beside those of the tour is one that it had begun: `.digits.keras.12-0.tmp`.
fn is_made(name: &str) -> bool {
    is_temporary(name) && MADE.iter().any(|made| name.starts_with(&format!(".{}.", made.trim_end_matches('/'))))
}

/// Whether it is what a save that was cut leaves.
fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && (name.ends_with(".tmp") || name.ends_with(".old"))
}

/// Whether a name is that of a pattern with at most one `*`.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, end)) => name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).is_some_and(|rest| !rest.contains('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, if *file == MARK { ABOUT } else { file }).unwrap();
        }
        folder
    }

    fn left(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = entries(folder).unwrap().into_iter().map(|(name, _)| name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_tour_left_goes_and_all_else_stays() {
        let mine = ["notes.txt", "best.txt", ".mine.tmp"];
        let made = [MARK, "digits.keras", "checkpoints/ckpt-15.keras", ".digits.keras.9-0.tmp", "small/.int8.keras.9-0.tmp"];
        let folder = folder(&[&mine[..], &made[..]].concat());
        prepare(folder.path()).unwrap();
        assert_eq!(left(folder.path()), [".mine.tmp", MARK, "best.txt", "notes.txt"]);
    }

    #[test]
    fn a_folder_of_others_is_refused_untouched() {
        let folder = folder(&["digits.keras"]);
        assert_eq!(prepare(folder.path()).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(left(folder.path()), ["digits.keras"]);
    }

    #[test]
    fn a_foreign_file_inside_is_refused_and_named() {
        let folder = folder(&[MARK, "digits.keras", "best/ckpt-1.weights.h5", "best/thesis.txt"]);
        let error = prepare(folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.trail().any(|place| place.ends_with("thesis.txt")));
        assert_eq!(left(folder.path()), [MARK, "best", "digits.keras"]);
        assert_eq!(left(&folder.path().join("best")), ["ckpt-1.weights.h5", "thesis.txt"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let elsewhere = folder(&["config.json"]);
        let folder = folder(&[MARK]);
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("attention")).unwrap();
        assert_eq!(prepare(folder.path()).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(left(elsewhere.path()), ["config.json"]);
    }
}
