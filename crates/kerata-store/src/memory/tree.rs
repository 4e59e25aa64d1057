//! `FileTree`: files and folders in memory, and the log of every change, from which power loss is worked out.

use std::collections::BTreeMap;

use kerata_core::{Error, Result};

use crate::name::{file_name, parent};
use crate::{DiskEntry, EntryKind, Rename};

/// What an entry of a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    File(usize),
    Folder(usize),
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Link { folder: usize, name: String, node: Node },
    Unlink { folder: usize, name: String },
    Rename { from: (usize, String), to: (usize, String), exchange: bool },
    Write { file: usize, offset: usize, bytes: Vec<u8> },
    SyncFile { file: usize },
    SyncFolder { folder: usize },
}

/// Files and folders by number; folder 0 is the root.
#[derive(Clone, Debug)]
pub(crate) struct FileTree {
    pub(crate) files: Vec<Vec<u8>>,
    pub(crate) folders: Vec<BTreeMap<String, Node>>,
    pub(crate) log: Vec<Change>,
}

impl FileTree {
    pub(crate) fn new() -> Self {
        Self { files: Vec::new(), folders: vec![BTreeMap::new()], log: Vec::new() }
    }

    /// Does one change and notes it.
    pub(crate) fn change(&mut self, change: Change) {
        self.apply(&change);
        self.log.push(change);
    }

    /// Does one change; an entry that is not there (its making was lost) changes nothing.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Link { folder, name, node } => self.link(*folder, name, *node),
            Change::Unlink { folder, name } => {
                self.folders[*folder].remove(name);
            }
            Change::Rename { from, to, exchange } => {
                let Some(moved) = self.folders[from.0].remove(&from.1) else {
                    return;
                };
                let replaced = self.folders[to.0].insert(to.1.clone(), moved);
                if let (true, Some(replaced)) = (*exchange, replaced) {
                    self.folders[from.0].insert(from.1.clone(), replaced);
                }
            }
            Change::Write { file, offset, bytes } => {
                while self.files.len() <= *file {
                    self.files.push(Vec::new());
                }
                let content = &mut self.files[*file];
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Change::SyncFile { .. } | Change::SyncFolder { .. } => {}
        }
    }

    fn link(&mut self, folder: usize, name: &str, node: Node) {
        self.allocate(node);
        self.folders[folder].insert(name.to_owned(), node);
    }

    /// Makes sure that a file or folder is there, under whatever name.
    pub(crate) fn allocate(&mut self, node: Node) {
        match node {
            Node::File(file) => {
                while self.files.len() <= file {
                    self.files.push(Vec::new());
                }
            }
            Node::Folder(number) => {
                while self.folders.len() <= number {
                    self.folders.push(BTreeMap::new());
                }
            }
        }
    }

    /// What stands at a path.
    pub(crate) fn node(&self, path: &str) -> Option<Node> {
        if path.is_empty() {
            return Some(Node::Folder(0));
        }
        path.split('/').try_fold(Node::Folder(0), |node, part| match node {
            Node::Folder(folder) => self.folders[folder].get(part).copied(),
            Node::File(_) => None,
        })
    }

    pub(crate) fn file(&self, path: &str) -> Result<usize> {
        match self.node(path) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Folder(_)) => Err(Error::usage("expected a file, found a folder")),
            None => Err(Error::not_found("no such file")),
        }
    }

    pub(crate) fn folder(&self, path: &str) -> Result<usize> {
        match self.node(path) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(Error::usage("expected a folder, found a file")),
            None => Err(Error::not_found("no such folder").at(path)),
        }
    }

    /// Folder number and name of a path.
    pub(crate) fn place(&self, path: &str) -> Result<(usize, String)> {
        Ok((self.folder(parent(path))?, file_name(path).to_owned()))
    }

    pub(crate) fn list(&self, path: &str) -> Result<Vec<DiskEntry>> {
        let entries = self.folders[self.folder(path)?].iter();
        Ok(entries
            .map(|(name, node)| {
                let (kind, bytes) = match node {
                    Node::File(file) => (EntryKind::File, self.files[*file].len() as u64),
                    Node::Folder(_) => (EntryKind::Folder, 0),
                };
                DiskEntry { name: name.clone(), kind, bytes }
            })
            .collect())
    }

    /// Makes a new entry.
    pub(crate) fn make(&mut self, path: &str, kind: EntryKind) -> Result<Node> {
        let (folder, name) = self.place(path)?;
        if self.folders[folder].contains_key(&name) {
            return Err(Error::already_exists("the name is taken").at(path));
        }
        let node = match kind {
            EntryKind::File => Node::File(self.files.len()),
            EntryKind::Folder => Node::Folder(self.folders.len()),
        };
        self.change(Change::Link { folder, name, node });
        Ok(node)
    }

    /// Removes an entry; a folder must be empty.
    pub(crate) fn remove(&mut self, path: &str, kind: EntryKind) -> Result<()> {
        match kind {
            EntryKind::File => drop(self.file(path)?),
            EntryKind::Folder if self.folders[self.folder(path)?].is_empty() => {}
            EntryKind::Folder => {
                return Err(Error::new(kerata_core::ErrorKind::Io, "the folder is not empty"));
            }
        }
        let (folder, name) = self.place(path)?;
        self.change(Change::Unlink { folder, name });
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str, how: Rename) -> Result<()> {
        let source = self.node(from).ok_or_else(|| Error::not_found("nothing to rename").at(from))?;
        let target = self.node(to);
        match (how, target) {
            (Rename::NoReplace, Some(_)) => return Err(Error::already_exists("the name is taken").at(to)),
            (Rename::Exchange, None) => return Err(Error::not_found("nothing to exchange with").at(to)),
            (Rename::Replace, Some(target))
                if matches!(source, Node::Folder(_)) || matches!(target, Node::Folder(_)) =>
            {
                return Err(Error::already_exists("a folder has the name").at(to));
            }
            _ => {}
        }
        let change = Change::Rename {
            from: self.place(from)?,
            to: self.place(to)?,
            exchange: how == Rename::Exchange,
        };
        self.change(change);
        Ok(())
    }

    /// Every file by its path.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let mut contents = BTreeMap::new();
        let mut waiting = vec![(String::new(), 0)];
        while let Some((path, folder)) = waiting.pop() {
            for (name, node) in &self.folders[folder] {
                let path = crate::name::join(&path, name);
                match node {
                    Node::File(file) => drop(contents.insert(path, self.files[*file].clone())),
                    Node::Folder(folder) => waiting.push((path, *folder)),
                }
            }
        }
        contents
    }
}
