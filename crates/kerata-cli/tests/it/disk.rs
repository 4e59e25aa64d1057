//! What the disk refuses: rights and room. Root obeys no rights, so tests give up that power first; a full disk is a small one
//! of the test's own, and where the system allows none, a bound on the size of files.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kerata::{Outcome, golden};

const CNN: &str = "keras-3.15/cnn/model.keras";

fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_kerata")
}

fn run(command: &mut Command) -> Outcome {
    let output = command.env("NO_COLOR", "1").output().expect("the command starts");
    Outcome {
        status: output.status.code().expect("the process ends by itself"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// `kerata` without the power of root to pass over rights.
fn ordinary() -> Command {
    let folder = tempfile::tempdir().unwrap();
    if fs::metadata(folder.path()).unwrap().uid() != 0 {
        return Command::new(binary());
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-dac_override,-dac_read_search", binary()]);
    command
}

fn convert(mut command: Command, src: &Path, dst: &Path) -> Outcome {
    run(command.arg("convert").args([src, dst]))
}

fn assert_refused(outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.status, 17, "{}", outcome.stderr);
    assert!(outcome.stderr.starts_with("io: "), "{}", outcome.stderr);
    for word in words.iter().chain(&["hint: "]) {
        assert!(outcome.stderr.contains(word), "expected `{word}` in: {}", outcome.stderr);
    }
    assert!(outcome.stdout.is_empty(), "{}", outcome.stdout);
}

fn names(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_file_that_may_not_be_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (src, dst) = (folder.path().join("secret.keras"), folder.path().join("out.keras"));
    fs::copy(golden(CNN), &src).unwrap();
    fs::set_permissions(&src, fs::Permissions::from_mode(0o000)).unwrap();
    let outcome = convert(ordinary(), &src, &dst);
    assert_refused(&outcome, &["Permission denied", "secret.keras"]);
    assert_eq!(names(folder.path()), [src]);
}

#[test]
fn a_folder_that_may_not_be_written_to_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    let dst = closed.join("old.keras");
    fs::write(&dst, "old").unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = ordinary();
    let outcome = run(command.args(["convert", "--overwrite"]).args([&golden(CNN), &dst]));
    assert_refused(&outcome, &["Permission denied", "old.keras"]);
    assert_eq!(fs::read(&dst).unwrap(), b"old");
    assert_eq!(names(&closed), [dst]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs `kerata convert` into a disk of 16 kB; `None` where the system mounts none for this user. The second text lists what
/// is left on the disk.
fn on_a_small_disk(folder: &Path) -> Option<(Outcome, String)> {
    let script = "mount -t tmpfs -o size=16k none \"$1\" && echo mounted && echo old > \"$1/old.keras\" && \
        { \"$2\" convert --overwrite \"$3\" \"$1/old.keras\"; status=$?; ls -A \"$1\"; cat \"$1/old.keras\"; exit $status; }";
    let arguments = ["-rm", "sh", "-c", script, "sh"];
    let mut command = Command::new("unshare");
    let outcome = run(command.args(arguments).args([folder, Path::new(binary()), &golden(CNN)]));
    let (first, left) = outcome.stdout.split_once('\n')?;
    (first == "mounted").then(|| {
        let left = left.to_owned();
        (Outcome { stdout: String::new(), ..outcome }, left)
    })
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    assert!(fs::metadata(golden(CNN)).unwrap().len() > 16 << 10, "the model has to be larger than the disk");
    match on_a_small_disk(folder.path()) {
        Some((outcome, left)) => {
            assert_refused(&outcome, &["No space left", "old.keras"]);
            assert_eq!(left, "old.keras\nold\n");
        }
        None => println!("this system mounts no disk for tests: a bound on the size of files stands for it"),
    }
}

#[test]
fn a_bound_on_the_size_of_files_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let dst = folder.path().join("old.keras");
    fs::write(&dst, "old").unwrap();
    // Blocks of 512 bytes; without the signal, writing fails.
    let script = "ulimit -f 16 && trap '' XFSZ && exec \"$0\" convert --overwrite \"$1\" \"$2\"";
    let mut command = Command::new("sh");
    let outcome = run(command.args(["-c", script, binary()]).args([&golden(CNN), &dst]));
    assert_refused(&outcome, &["File too large", "old.keras"]);
    assert_eq!(fs::read(&dst).unwrap(), b"old");
    assert_eq!(names(folder.path()), [dst]);
}
