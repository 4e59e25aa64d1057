//! A real file system that is full.

use std::process::Command;

use kerata_store::{LocalStorage, PutOptions, Storage};

#[test]
fn a_full_file_system_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let mount =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(folder.path()).output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        println!("left out: only root can mount a small file system");
        return;
    }
    let storage = LocalStorage::new(folder.path());
    storage.put("model", b"old", &PutOptions::new()).unwrap();
    let failed: Vec<bool> = [0, 20 << 20]
        .into_iter()
        .map(|expected_bytes| {
            let options = PutOptions::new().overwrite(true).expected_bytes(expected_bytes);
            storage.put("model", &vec![1; 20 << 20], &options).is_err()
        })
        .collect();
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let content = std::fs::read(folder.path().join("model")).unwrap();
    let unmounted = Command::new("umount").arg(folder.path()).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(failed, [true, true]);
    assert_eq!((content.as_slice(), names.len()), (&b"old"[..], 1), "{names:?}");
}
