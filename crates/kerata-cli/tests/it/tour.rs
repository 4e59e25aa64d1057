//! The tour where it is not welcome, and when it is ended.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::kerata::kerata;

const PATIENCE: Duration = Duration::from_secs(300);

fn names(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).map(|entries| entries.flatten().collect()).unwrap_or_else(|_| Vec::new());
    let mut names: Vec<String> =
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_of_others_is_refused_and_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
    let outcome = kerata(&[Path::new("tour"), folder.path()]);
    assert_eq!(outcome.status, 16, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint"), "{}", outcome.stderr);
    assert_eq!(names(folder.path()), ["thesis.txt"]);
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kerata-tour");
    fs::write(&file, "mine").unwrap();
    let outcome = kerata(&[Path::new("tour"), &file]);
    assert!((10..=17).contains(&outcome.status), "{} {}", outcome.status, outcome.stderr);
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

/// Waits until something is so.
#[cfg(target_os = "linux")]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Processes whose command line names this folder, but for one.
#[cfg(target_os = "linux")]
fn processes(folder: &Path, but: u32) -> usize {
    let name = folder.display().to_string();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let others = entries.filter(|entry| entry.file_name().to_str() != Some(&but.to_string()));
    let commands = others.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    commands.filter(|command| String::from_utf8_lossy(command).contains(&name)).count()
}

/// A tour whose second process trains.
#[cfg(target_os = "linux")]
fn in_training(dir: &Path) -> Child {
    let child = Command::new(env!("CARGO_BIN_EXE_kerata"))
        .args([Path::new("tour"), dir, Path::new("--quick")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the training begins", || processes(dir, child.id()) > 0);
    child
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_tour_takes_its_training_along_and_the_next_one_tidies_up() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("tour");
    let mut child = in_training(&dir);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the training ends with the tour", || processes(&dir, child.id()) == 0);
    // What saves that were cut leave, and something of the user's.
    fs::write(dir.join(".digits.keras.99999999-0.tmp"), "half").unwrap();
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    let outcome = kerata(&[Path::new("tour"), &dir, Path::new("--quick"), Path::new("--json")]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    outcome.json();
    assert!(names(&dir).iter().all(|name| !name.starts_with('.')), "{:?}", names(&dir));
    assert_eq!(fs::read_to_string(dir.join("notes.txt")).unwrap(), "mine");
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_the_tour_and_its_training_and_leaves_nothing_half() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("tour");
    let mut child = in_training(&dir);
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(17));
    wait_until("the training ends with the tour", || processes(&dir, child.id()) == 0);
    assert!(names(&dir).iter().all(|name| !name.starts_with('.')), "{:?}", names(&dir));
}
