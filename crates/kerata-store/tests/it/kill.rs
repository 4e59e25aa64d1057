//! A process that saves is killed at any moment; what it acknowledged must be whole.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kerata_store::{LocalStorage, PutOptions, Storage};

const ROUNDS: u32 = 6;
const FILE_BYTES: usize = 5 << 20;

/// Content of a generation: its number, over and over.
fn content(generation: u64, len: usize) -> Vec<u8> {
    generation.to_le_bytes().iter().copied().cycle().take(len).collect()
}

fn generation_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.get(..8).expect("at least one number").try_into().unwrap())
}

fn save(storage: &LocalStorage, generation: u64) -> kerata_core::Result<()> {
    let options = PutOptions::new().overwrite(true);
    let mut file = storage.create("model.keras", &options)?;
    for part in content(generation, FILE_BYTES).chunks(700_001) {
        file.write(part)?;
    }
    file.publish()?;
    let mut folder = storage.create_folder("folder", &options)?;
    folder.create("a")?.write(&content(generation, 8000))?;
    folder.create("b/c")?.write(&content(generation, 8000))?;
    folder.publish()
}

/// The process that is killed; it runs only when started by the test below.
#[test]
#[ignore = "runs until it is killed"]
fn victim() {
    let folder = std::env::var("KERATA_KILL_FOLDER").expect("started by the test");
    let start: u64 = std::env::var("KERATA_KILL_START").expect("started by the test").parse().unwrap();
    let storage = LocalStorage::new(folder);
    for generation in start.. {
        save(&storage, generation).unwrap();
        println!("saved {generation}");
    }
}

#[test]
fn a_killed_save_leaves_what_was_acknowledged() {
    let rounds = std::env::var("KERATA_KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut random = 0x2545_f491_4f6c_dd1du64;
    let mut acknowledged = 0;
    for round in 0..rounds {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["kill::victim", "--exact", "--ignored", "--nocapture"])
            .env("KERATA_KILL_FOLDER", folder.path())
            .env("KERATA_KILL_START", (acknowledged + 1).to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_micros(20_000 + random % 1_200_000));
        victim.kill().unwrap();
        let output = BufReader::new(victim.stdout.take().unwrap());
        for line in output.lines().map_while(Result::ok) {
            // The test runner puts its own words before the first line.
            let number = line.rsplit_once("saved ").and_then(|(_, number)| number.parse().ok());
            acknowledged = number.unwrap_or(acknowledged);
        }
        victim.wait().unwrap();
        check(folder.path(), acknowledged, round);
    }
    let storage = LocalStorage::new(folder.path());
    save(&storage, acknowledged + 2).unwrap();
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "litter: {names:?}");
    assert!(acknowledged > 0, "no save was ever acknowledged");
    println!("{rounds} kills, {acknowledged} saves acknowledged");
}

fn check(folder: &Path, acknowledged: u64, round: u32) {
    let storage = LocalStorage::new(folder);
    if acknowledged == 0 {
        return;
    }
    storage.recover("folder").unwrap();
    let read = |name: &str| {
        let source = storage.get(name).unwrap_or_else(|error| panic!("round {round}: {error}"));
        source.read_vec(0, source.len()).unwrap()
    };
    for (name, len) in [("model.keras", FILE_BYTES), ("folder/a", 8000), ("folder/b/c", 8000)] {
        let bytes = read(name);
        let generation = generation_of(&bytes);
        assert!(bytes == content(generation, len), "round {round}: {name} is torn");
        assert!(generation >= acknowledged, "round {round}: {name} is of {generation}, not {acknowledged}");
    }
    assert_eq!(
        generation_of(&read("folder/a")),
        generation_of(&read("folder/b/c")),
        "round {round}: a mixture"
    );
}
