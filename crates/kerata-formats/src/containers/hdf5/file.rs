//! `File`: everything in an HDF5 file, by path.

use std::ops::Range;

use indexmap::IndexMap;
use indexmap::map::Slice;
use kerata_core::{Error, Limits, Result, SourceRef};

use super::attribute::Attributes;
use super::dataset::Dataset;
use super::superblock::{self, Superblock};
use super::walk::Walk;

/// The groups and datasets of a file, each parent before its children, siblings in byte order of their names.
///
/// Paths have no slash at either end; the root group is the empty path. Opening reads metadata only.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// Groups by path; the first is the root.
    pub groups: IndexMap<String, Group>,
    /// Datasets by path.
    pub datasets: IndexMap<String, Dataset>,
    /// What was left out: named datatypes, and with [`File::open_lenient`] whatever could not be read.
    pub notes: Vec<Error>,
}

/// A group of a file.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Attributes, sorted by name.
    pub attributes: Attributes,
    /// Offset of the object header.
    pub address: u64,
    /// Its number in order of creation, if the parent tracks that.
    pub creation_order: Option<u64>,
    /// Positions of everything below it.
    pub(super) groups_below: Range<usize>,
    pub(super) datasets_below: Range<usize>,
}

impl File {
    /// Whether the source starts like HDF5 (a user block may come first).
    pub fn is_hdf5(source: &SourceRef) -> bool {
        superblock::find(source).is_some()
    }

    /// Reads a file; whatever is damaged, unsupported or leads out of the file is an error.
    pub fn open(source: &SourceRef, limits: &Limits) -> Result<Self> {
        let superblock = Superblock::read(source)?;
        superblock.check_whole()?;
        Walk::new(limits).run(&superblock)
    }

    /// Reads a file up to the first group whose path is wanted.
    pub fn open_until(source: &SourceRef, limits: &Limits, is_wanted: fn(&str) -> bool) -> Result<Self> {
        let superblock = Superblock::read(source)?;
        superblock.check_whole()?;
        Walk::new(limits).until(is_wanted).run(&superblock)
    }

    /// Reads what can be read of the root and of what it links to.
    pub fn open_top(source: &SourceRef, limits: &Limits) -> Result<Self> {
        let superblock = Superblock::read(source)?;
        Walk::new(limits).lenient().down_to(1).run(&superblock)
    }

    /// Reads what can be read of a file, for looking at damaged ones; the rest is in [`File::notes`].
    pub fn open_lenient(source: &SourceRef, limits: &Limits) -> Result<Self> {
        let superblock = Superblock::read(source)?;
        let mut file = Walk::new(limits).lenient().run(&superblock)?;
        let first = superblock.check_whole().err();
        file.notes.splice(..0, first);
        Ok(file)
    }

    /// The group at a path.
    pub fn group(&self, path: &str) -> Option<&Group> {
        self.groups.get(path.trim_matches('/'))
    }

    /// The dataset at a path.
    pub fn dataset(&self, path: &str) -> Option<&Dataset> {
        self.datasets.get(path.trim_matches('/'))
    }

    /// Attributes of the root group.
    pub fn root_attributes(&self) -> &Attributes {
        static NONE: Attributes = Attributes::NONE;
        self.groups.get("").map_or(&NONE, |root| &root.attributes)
    }

    /// All datasets below a group, at any depth, in the order of the file.
    pub fn datasets_below(&self, group: &Group) -> &Slice<String, Dataset> {
        self.datasets.get_range(group.datasets_below.clone()).unwrap_or_default()
    }

    /// All groups below a group, at any depth, in the order of the file.
    pub fn groups_below(&self, group: &Group) -> &Slice<String, Group> {
        self.groups.get_range(group.groups_below.clone()).unwrap_or_default()
    }
}
