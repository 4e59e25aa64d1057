//! What only the local disk has: links, modes, large files, other processes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use kerata_core::ErrorKind;
use kerata_core::source::Folder;
use kerata_store::{LocalFolder, LocalStorage, PutOptions, Storage, local};

#[test]
fn large_files_come_back_bit_for_bit_with_patches() {
    let folder = tempfile::tempdir().unwrap();
    let storage = LocalStorage::new(folder.path());
    // Not a multiple of any block, so that the last part is written apart.
    let bytes: Vec<u8> = (0..20_000_003u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for expected in [0, bytes.len() as u64, 100 << 20] {
        let mut expect = bytes.clone();
        let options = PutOptions::new().overwrite(true).expected_bytes(expected);
        let mut file = storage.create("large", &options).unwrap();
        for part in bytes.chunks(1_000_003) {
            file.write(part).unwrap();
        }
        for at in [0, 4_194_300, 20_000_000] {
            file.patch(at as u64, b"abc").unwrap();
            expect[at..at + 3].copy_from_slice(b"abc");
        }
        file.publish().unwrap();
        let source = storage.get("large").unwrap();
        assert_eq!(source.len(), expect.len() as u64);
        assert!(source.as_slice().unwrap() == expect);
        source.forget(0, source.len());
        assert!(source.as_slice().unwrap() == expect, "forgotten pages come back");
        assert!(source.read_vec(1, 100_000).unwrap() == expect[1..100_001]);
    }
}

#[test]
fn a_link_keeps_pointing_and_the_mode_stays() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    let real = folder.path().join("real/model.keras");
    fs::write(&real, b"old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("model.keras");
    symlink("real/model.keras", &link).unwrap();

    let (storage, name) = LocalStorage::of(&link).unwrap();
    storage.put(&name, b"new", &PutOptions::new().overwrite(true)).unwrap();
    assert_eq!(fs::read(&real).unwrap(), b"new");
    assert!(fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn links_that_leave_a_model_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    fs::write(folder.path().join("secret"), b"secret").unwrap();
    fs::write(model.join("inside"), b"inside").unwrap();
    symlink("../secret", model.join("outside")).unwrap();
    symlink("inside", model.join("beside")).unwrap();
    let model = LocalFolder::open(&model).unwrap();
    assert_eq!(model.open("outside").unwrap_err().kind(), ErrorKind::Untrusted);
    assert_eq!(model.open("../secret").unwrap_err().kind(), ErrorKind::Untrusted);
    assert_eq!(model.open("beside").unwrap().as_slice(), Some(&b"inside"[..]));
    assert_eq!(model.names().unwrap(), ["beside", "inside", "outside"]);
}

#[test]
fn links_into_the_blobs_of_a_download_cache_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = folder.path().join("models--a--b/snapshots/0123");
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(folder.path().join("models--a--b/blobs")).unwrap();
    fs::write(folder.path().join("models--a--b/blobs/hash"), b"blob").unwrap();
    symlink("../../blobs/hash", snapshot.join("config.json")).unwrap();
    assert_eq!(LocalFolder::open(&snapshot).unwrap().open("config.json").unwrap().len(), 4);
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    assert_eq!(local::open("/dev/zero").unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(local::open("/").unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(local::open("/no/such/file").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn temporaries_of_dead_processes_are_cleared_and_those_of_living_ones_kept() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".model.999999-0.tmp"), b"half").unwrap();
    fs::write(folder.path().join(".other.999999-0.tmp"), b"half").unwrap();
    fs::create_dir(folder.path().join(".model.999999-1.tmp")).unwrap();
    let storage = LocalStorage::new(folder.path());
    let mut living = storage.create("model", &PutOptions::new()).unwrap();
    living.write(b"first").unwrap();
    storage.put("model", b"second", &PutOptions::new()).unwrap();
    living.publish().unwrap_err();
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".other.999999-0.tmp", "model"]);
}
