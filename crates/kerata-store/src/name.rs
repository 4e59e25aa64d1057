//! Names in a storage: plain relative ones, and the temporary ones beside them.

use std::sync::atomic::{AtomicU64, Ordering};

use kerata_core::{Error, Result};

/// Refuses names that could leave the root or be taken for a temporary.
pub(crate) fn check(name: &str) -> Result<()> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    let is_fine = name.split('/').all(is_plain) && !name.contains(['\0', '\\']);
    if is_fine && temporary_owner(file_name(name)).is_none() {
        return Ok(());
    }
    Err(Error::untrusted("the name is not a plain relative one").at(name))
}

/// Folder part of a path: `a/b` of `a/b/c`, empty at the root.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Joins a folder (empty for the root) and a name.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A path beside `path` that nobody else takes: `.NAME.<pid>-<n>.tmp`.
pub(crate) fn temporary(path: &str) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    join(parent(path), &format!(".{}.{}-{count}.tmp", file_name(path), std::process::id()))
}

/// Where the old folder waits while the new one takes its name: `.NAME.<pid>-<n>.old`.
pub(crate) fn set_aside(temporary: &str) -> String {
    format!("{}.old", temporary.strip_suffix(".tmp").unwrap_or(temporary))
}

/// The name that a temporary stands beside; `None` when `name` is no temporary.
pub(crate) fn temporary_owner(name: &str) -> Option<&str> {
    owner(name, ".tmp").or_else(|| owner(name, ".old"))
}

/// The name that was set aside under this one.
pub(crate) fn set_aside_owner(name: &str) -> Option<&str> {
    owner(name, ".old")
}

fn owner<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    let inner = name.strip_prefix('.')?.strip_suffix(end)?;
    let (owner, tag) = inner.rsplit_once('.')?;
    let (pid, count) = tag.split_once('-')?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    (!owner.is_empty() && is_number(pid) && is_number(count)).then_some(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_root_are_refused() {
        for name in
            ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "a\0", ".x.1-2.tmp", "d/.x.1-2.old"]
        {
            assert!(check(name).is_err(), "{name:?}");
        }
        for name in ["a", "a/b.keras", ".hidden", "..a", ".x.tmp"] {
            assert!(check(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_temporary_knows_its_owner() {
        let temporary = temporary("d/m.keras");
        assert_eq!(parent(&temporary), "d");
        assert_eq!(temporary_owner(file_name(&temporary)), Some("m.keras"));
        assert_eq!(set_aside_owner(file_name(&set_aside(&temporary))), Some("m.keras"));
        assert_eq!(set_aside_owner(file_name(&temporary)), None);
    }
}
