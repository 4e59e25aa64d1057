//! What every [`Storage`] must do; each implementation runs this in its tests.

use kerata_core::{Error, ErrorKind, Result};

use crate::{PutOptions, Storage};

/// A check with the claim that it tests.
type Claim = (&'static str, fn(&dyn Storage) -> Result<()>);

/// Runs every check on an empty storage; the error says which one failed.
pub fn check(storage: &dyn Storage) -> Result<()> {
    let checks: [Claim; 7] = [
        ("a published file is read back", published_is_read_back),
        ("an unpublished file leaves nothing", unpublished_leaves_nothing),
        ("overwriting must be asked for", overwriting_must_be_asked_for),
        ("folders appear whole and are replaced whole", folders_appear_whole),
        ("groups appear together", groups_appear_together),
        ("names that leave the root are refused", bad_names_are_refused),
        ("files are renamed and deleted", files_are_renamed_and_deleted),
    ];
    for (claim, check) in checks {
        check(storage).map_err(|error| error.at(claim))?;
        for entry in storage.list("")? {
            storage.delete(&entry.name)?;
        }
    }
    Ok(())
}

fn expect(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::internal(format!("does not hold: {what}"))) }
}

fn expect_kind<T>(result: Result<T>, kind: ErrorKind) -> Result<()> {
    match result {
        Ok(_) => expect(false, "this must fail"),
        Err(error) => expect(error.kind() == kind, &format!("the kind is {kind:?}: {error}")),
    }
}

fn read(storage: &dyn Storage, name: &str) -> Result<Vec<u8>> {
    let source = storage.get(name)?;
    source.read_vec(0, source.len())
}

fn names(storage: &dyn Storage) -> Result<Vec<String>> {
    Ok(storage.list("")?.into_iter().map(|entry| entry.name).collect())
}

fn published_is_read_back(storage: &dyn Storage) -> Result<()> {
    let mut file = storage.create("model.keras", &PutOptions::new())?;
    file.write(b"abc")?;
    file.write(b"defg")?;
    file.patch(1, b"XY")?;
    expect(file.position() == 7, "the position counts bytes")?;
    expect_kind(file.patch(6, b"12"), ErrorKind::Internal)?;
    expect(names(storage)?.is_empty(), "nothing is visible before publishing")?;
    expect_kind(storage.get("model.keras"), ErrorKind::NotFound)?;
    file.publish()?;
    expect(read(storage, "model.keras")? == b"aXYdefg", "the bytes come back")?;
    storage.put("empty", b"", &PutOptions::new())?;
    expect(storage.get("empty")?.is_empty(), "an empty file comes back")
}

fn unpublished_leaves_nothing(storage: &dyn Storage) -> Result<()> {
    let mut file = storage.create("a", &PutOptions::new())?;
    file.write(b"abc")?;
    drop(file);
    let mut folder = storage.create_folder("b", &PutOptions::new())?;
    folder.create("c/d")?.write(b"abc")?;
    drop(folder);
    expect(names(storage)?.is_empty(), "nothing is left")
}

fn overwriting_must_be_asked_for(storage: &dyn Storage) -> Result<()> {
    storage.put("a", b"old", &PutOptions::new())?;
    expect_kind(storage.put("a", b"new", &PutOptions::new()), ErrorKind::AlreadyExists)?;
    // Two start while the name is free; the second to finish loses.
    let mut first = storage.create("b", &PutOptions::new())?;
    let mut second = storage.create("b", &PutOptions::new())?;
    first.write(b"first")?;
    second.write(b"second")?;
    first.publish()?;
    expect_kind(second.publish(), ErrorKind::AlreadyExists)?;
    expect(read(storage, "b")? == b"first", "the first one stays")?;
    let before = storage.get("a")?;
    storage.put("a", b"newer", &PutOptions::new().overwrite(true))?;
    expect(read(storage, "a")? == b"newer", "overwriting replaces")?;
    expect(before.read_vec(0, before.len())? == b"old", "who has the old one open still reads it")
}

fn folders_appear_whole(storage: &dyn Storage) -> Result<()> {
    let write = |content: &[u8], options: &PutOptions| {
        let mut folder = storage.create_folder("model", options)?;
        folder.create("config.json")?.write(content)?;
        folder.create("assets/a/b.txt")?.write(content)?;
        folder.publish()
    };
    write(b"old", &PutOptions::new())?;
    expect(names(storage)? == ["model/assets/a/b.txt", "model/config.json"], "all files are listed")?;
    expect_kind(write(b"new", &PutOptions::new()), ErrorKind::AlreadyExists)?;
    write(b"new", &PutOptions::new().overwrite(true))?;
    expect(read(storage, "model/config.json")? == b"new", "the folder is replaced")?;
    expect(names(storage)?.len() == 2, "the old folder is gone")?;
    let file_over_folder = storage.put("model", b"x", &PutOptions::new().overwrite(true));
    expect_kind(file_over_folder, ErrorKind::AlreadyExists)?;
    storage.delete("model")?;
    expect(names(storage)?.is_empty(), "a folder is deleted with all it holds")
}

fn groups_appear_together(storage: &dyn Storage) -> Result<()> {
    let mut group = storage.create_group("", &PutOptions::new())?;
    group.create("m_00000.h5")?.write(b"0")?;
    group.create("m.json")?.write(b"{}")?;
    expect_kind(group.create("m.json").map(drop), ErrorKind::AlreadyExists)?;
    expect(names(storage)?.is_empty(), "nothing is visible before publishing")?;
    group.publish()?;
    expect(names(storage)? == ["m.json", "m_00000.h5"], "all are there")?;
    let mut group = storage.create_group("", &PutOptions::new())?;
    expect_kind(group.create("m.json").map(drop), ErrorKind::AlreadyExists)
}

fn bad_names_are_refused(storage: &dyn Storage) -> Result<()> {
    for name in ["../a", "/a", "a/../../b", "", "a//b", ".a.1-1.tmp"] {
        expect_kind(storage.put(name, b"", &PutOptions::new()), ErrorKind::Untrusted)?;
        expect_kind(storage.get(name), ErrorKind::Untrusted)?;
        expect_kind(storage.delete(name), ErrorKind::Untrusted)?;
    }
    Ok(())
}

fn files_are_renamed_and_deleted(storage: &dyn Storage) -> Result<()> {
    storage.put("a", b"1", &PutOptions::new())?;
    storage.put("b", b"2", &PutOptions::new())?;
    expect_kind(storage.rename("a", "b"), ErrorKind::AlreadyExists)?;
    expect_kind(storage.rename("x", "y"), ErrorKind::NotFound)?;
    storage.rename("a", "c")?;
    expect(names(storage)? == ["b", "c"], "the new name is there and the old one gone")?;
    expect(storage.list("c")?.len() == 1, "a prefix narrows the list")?;
    storage.delete("c")?;
    expect_kind(storage.delete("c"), ErrorKind::NotFound)?;
    expect_kind(storage.get("c"), ErrorKind::NotFound)
}
