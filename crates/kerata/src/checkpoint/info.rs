//! `StepInfo`: what is known about a step without reading its tensors; stored in the manifest and in the step's file.

use std::time::Duration;

use indexmap::IndexMap;
use kerata_core::{Artifact, Data, Error, Limits, Object, Result, ResultExt, Tree};

use super::Contents;
use super::checksum::{self, Checksum};

/// The member of a step's file that says which step it is.
pub(super) const MEMBER: &str = "kerata_step.json";

/// A step of a checkpoint folder.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepInfo {
    /// Steps of training done.
    pub step: u64,
    /// Epochs done.
    pub epoch: u64,
    /// Losses and metrics when it was saved.
    pub metrics: IndexMap<String, f64>,
    /// When it was saved, since the start of 1970, in whole milliseconds.
    pub saved_at: Duration,
    /// Name of its file in the folder.
    pub file: String,
    /// Size of its file.
    pub bytes: u64,
    /// What it holds.
    pub contents: Contents,
    /// Why it cannot be loaded, when that was seen without reading its tensors.
    pub damage: Option<String>,
    /// CRC-32C of each tensor and member; `None` when the manifest does not know it.
    pub(super) checksums: Option<Vec<Checksum>>,
    /// Checksum over all of them and this, also stored in the file: tells whether manifest and file are of the same save.
    pub(super) digest: Option<Checksum>,
}

impl StepInfo {
    /// One of its metrics.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.get(name).copied()
    }

    /// What a file says about itself, when it was written by a manager.
    pub(super) fn fill_from(&mut self, artifact: &Artifact) -> Result<()> {
        let Some(member) = artifact.extras.get(MEMBER) else { return Ok(()) };
        let tree = Tree::parse(&member.bytes()?, &Limits::default()).at(|| MEMBER)?;
        self.read_common(&tree).at(|| MEMBER)
    }

    /// Puts what is known into the artifact that will be the file.
    pub(super) fn put_into(&self, artifact: &mut Artifact) {
        let tree = Tree::Object(self.common());
        artifact.extras.insert(MEMBER.to_owned(), Data::owned(tree.to_json().into_bytes()));
    }

    pub(super) fn to_tree(&self) -> Tree {
        let mut entries = self.common();
        entries.insert("file".to_owned(), Tree::from(self.file.as_str()));
        entries.insert("bytes".to_owned(), Tree::from(self.bytes));
        if let Some(checksums) = &self.checksums {
            entries.insert("crc32c".to_owned(), Tree::from(checksum::to_hex(checksums)));
        }
        Tree::Object(entries)
    }

    pub(super) fn read(tree: &Tree) -> Result<Self> {
        let text =
            |key| tree.require(key)?.as_str().ok_or_else(|| Error::corrupt(format!("`{key}` is no text")));
        let bytes = tree.require("bytes")?.as_u64().ok_or_else(|| Error::corrupt("`bytes` is no size"))?;
        let mut info = Self::new(0, text("file")?.to_owned(), bytes);
        info.read_common(tree)?;
        if tree.get("crc32c").is_some() {
            info.checksums = Some(checksum::from_hex(text("crc32c")?)?);
        }
        Ok(info)
    }

    pub(super) fn new(step: u64, file: String, bytes: u64) -> Self {
        let contents = if file.ends_with(Contents::Everything.extension()) {
            Contents::Everything
        } else {
            Contents::WeightsAndOptimizer
        };
        Self {
            step,
            epoch: 0,
            metrics: IndexMap::new(),
            saved_at: Duration::ZERO,
            file,
            bytes,
            contents,
            damage: None,
            checksums: None,
            digest: None,
        }
    }

    /// What the checksum over all covers besides the checksums.
    pub(super) fn about(&self) -> String {
        let mut common = self.common();
        common.shift_remove("digest");
        Tree::Object(common).to_json()
    }

    /// What manifest and file both say.
    fn common(&self) -> Object {
        let metrics = self.metrics.iter().map(|(name, value)| (name.clone(), Tree::Float(*value)));
        let digest = self.digest.map(|digest| checksum::to_hex(&[digest]));
        Object::from_iter([
            ("step".to_owned(), Tree::from(self.step)),
            ("epoch".to_owned(), Tree::from(self.epoch)),
            (
                "saved_at_ms".to_owned(),
                Tree::from(u64::try_from(self.saved_at.as_millis()).unwrap_or(u64::MAX)),
            ),
            ("contents".to_owned(), Tree::from(self.contents.name())),
            ("metrics".to_owned(), Tree::Object(metrics.collect())),
            ("digest".to_owned(), Tree::from(digest.as_deref())),
        ])
    }

    fn read_common(&mut self, tree: &Tree) -> Result<()> {
        let whole = |key: &str| {
            tree.require(key)?.as_u64().ok_or_else(|| Error::corrupt(format!("`{key}` is no whole number")))
        };
        self.step = whole("step")?;
        self.epoch = whole("epoch")?;
        self.saved_at = Duration::from_millis(whole("saved_at_ms")?);
        let contents = tree.require("contents")?.as_str().and_then(Contents::of_name);
        self.contents = contents.ok_or_else(|| Error::corrupt("`contents` is not known"))?;
        let metrics = tree.require("metrics")?.as_object();
        let metrics = metrics.ok_or_else(|| Error::corrupt("`metrics` is no object"))?;
        let metric = |(name, value): (&String, &Tree)| {
            let value =
                value.as_f64().ok_or_else(|| Error::corrupt(format!("metric `{name}` is no number")))?;
            Ok((name.clone(), value))
        };
        self.metrics = metrics.iter().map(metric).collect::<Result<_>>()?;
        self.digest = match tree.get("digest").and_then(Tree::as_str) {
            Some(hex) => checksum::from_hex(hex)?.first().copied(),
            None => None,
        };
        Ok(())
    }
}
