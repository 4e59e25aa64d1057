//! What a disk may hold after the power went: of the changes that were not synced, any may be lost.
//!
//! The model is weaker than any journaling file system: entries of folders are lost one by one and in any order, and
//! the bytes of a file are there, missing, cut or only in part, each apart from its name.

use crate::memory::MemoryDisk;
use crate::memory::tree::{Change, FileTree};

/// Unsynced entries up to which every subset is tried; above, prefixes and single losses are.
const MAX_EXHAUSTIVE: usize = 12;

/// What becomes of writes that were not synced.
#[derive(Clone, Copy)]
enum Unsynced {
    Kept,
    Lost,
    /// The length is there, the bytes are zeros.
    Zeros,
    /// The last write is missing.
    Cut,
    /// Only the last write is there.
    LastOnly,
}

/// The states after each change of the log.
pub(super) fn states(start: &FileTree, log: &[Change]) -> Vec<MemoryDisk> {
    (0..=log.len()).flat_map(|len| states_at_end(start, &log[..len])).collect()
}

/// The states after the whole log.
pub(super) fn states_at_end(start: &FileTree, log: &[Change]) -> Vec<MemoryDisk> {
    let pending: Vec<usize> = (0..log.len()).filter(|at| is_pending_entry(log, *at)).collect();
    let mut states = Vec::new();
    for lost in losses(&pending) {
        for unsynced in [Unsynced::Kept, Unsynced::Lost, Unsynced::Zeros, Unsynced::Cut, Unsynced::LastOnly] {
            states.push(MemoryDisk::holding(replay(start, log, &lost, unsynced)));
        }
    }
    states
}

/// Every set of entries that may be lost together.
fn losses(pending: &[usize]) -> Vec<Vec<usize>> {
    if pending.len() > MAX_EXHAUSTIVE {
        let tails = (0..=pending.len()).map(|from| pending[from..].to_vec());
        return tails.chain(pending.iter().map(|at| vec![*at])).collect();
    }
    (0..1usize << pending.len())
        .map(|set| {
            pending.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, at)| *at).collect()
        })
        .collect()
}

/// Whether a change of an entry was not synced by the end of the log.
fn is_pending_entry(log: &[Change], at: usize) -> bool {
    let is_synced = |folder: usize| {
        log[at..]
            .iter()
            .any(|later| matches!(later, Change::SyncFolder { folder: synced } if *synced == folder))
    };
    match &log[at] {
        Change::Link { folder, .. } | Change::Unlink { folder, .. } => !is_synced(*folder),
        Change::Rename { from, to, .. } => !(is_synced(from.0) && is_synced(to.0)),
        _ => false,
    }
}

fn replay(start: &FileTree, log: &[Change], lost: &[usize], unsynced: Unsynced) -> FileTree {
    let mut tree = start.clone();
    for (at, change) in log.iter().enumerate() {
        let Change::Write { file, offset, bytes } = change else {
            match change {
                _ if !lost.contains(&at) => tree.apply(change),
                // The name is lost, a later rename may still give the file another one.
                Change::Link { node, .. } => tree.allocate(*node),
                _ => {}
            }
            continue;
        };
        let later = &log[at + 1..];
        let is_synced =
            later.iter().any(|later| matches!(later, Change::SyncFile { file: synced } if synced == file));
        let is_last =
            !later.iter().any(|later| matches!(later, Change::Write { file: other, .. } if other == file));
        match unsynced {
            _ if is_synced => tree.apply(change),
            Unsynced::Kept => tree.apply(change),
            Unsynced::Zeros => {
                tree.apply(&Change::Write { file: *file, offset: *offset, bytes: vec![0; bytes.len()] });
            }
            Unsynced::Cut if !is_last => tree.apply(change),
            Unsynced::LastOnly if is_last => tree.apply(change),
            Unsynced::Lost | Unsynced::Cut | Unsynced::LastOnly => {}
        }
    }
    tree
}
