//! The manifest: one JSON file a folder that says which steps there are, written last.

use kerata_core::{Error, Limits, Object, Result, Tree};

use super::StepInfo;
use super::decide::Bests;

/// Name of the manifest.
pub const MANIFEST: &str = "checkpoints.json";

/// The layout that is written and read.
const VERSION: u64 = 1;

/// What a folder holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Manifest {
    /// Steps from old to new.
    pub steps: Vec<StepInfo>,
    /// Best values that were ever saved.
    pub bests: Bests,
}

impl Manifest {
    /// Adds a step; one of the same number is replaced, and those of higher numbers stay.
    pub fn insert(&mut self, info: StepInfo) {
        self.steps.retain(|step| step.step != info.step);
        let place = self.steps.partition_point(|step| step.step < info.step);
        self.steps.insert(place, info);
    }

    pub fn step(&self, step: u64) -> Option<&StepInfo> {
        self.steps.iter().find(|info| info.step == step)
    }

    pub fn to_json(&self) -> String {
        let bests = self.bests.0.iter().map(|(metric, value)| (metric.clone(), Tree::Float(*value)));
        let tree = Tree::from([
            ("version", Tree::from(VERSION)),
            ("best", Tree::Object(bests.collect())),
            ("steps", Tree::List(self.steps.iter().map(StepInfo::to_tree).collect())),
        ]);
        tree.to_pretty_json(1)
    }

    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let tree = Tree::parse(bytes, &Limits::default())?;
        let version = tree.require("version")?.as_u64();
        if version != Some(VERSION) {
            return Err(Error::unsupported("the manifest is of another version").hint("use a newer kerata"));
        }
        let steps = tree.require("steps")?.as_list().ok_or_else(|| Error::corrupt("`steps` is no list"))?;
        let mut manifest = Self::default();
        for step in steps {
            manifest.insert(StepInfo::read(step)?);
        }
        let empty = Object::new();
        for (metric, value) in tree.get("best").and_then(Tree::as_object).unwrap_or(&empty) {
            if let Some(value) = value.as_f64() {
                manifest.bests.0.insert(metric.clone(), value);
            }
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_goes_there_and_back() {
        let mut info = StepInfo::new(7, "ckpt-7.keras".to_owned(), 99);
        info.metrics.insert("loss".to_owned(), f64::INFINITY);
        info.checksums = Some(vec![1, 2]);
        info.digest = Some(3);
        let mut manifest = Manifest::default();
        manifest.insert(info);
        manifest.insert(StepInfo::new(3, "ckpt-3.keras".to_owned(), 1));
        manifest.bests.0.insert("loss".to_owned(), 0.25);
        assert_eq!(Manifest::parse(manifest.to_json().as_bytes()).unwrap(), manifest);
        assert_eq!(manifest.steps[0].step, 3, "steps are in order");
    }

    #[test]
    fn a_torn_manifest_is_an_error_at_every_length() {
        let mut manifest = Manifest::default();
        manifest.insert(StepInfo::new(3, "ckpt-3.keras".to_owned(), 1));
        let text = manifest.to_json();
        for len in 0..text.trim_end().len() {
            assert!(Manifest::parse(&text.as_bytes()[..len]).is_err(), "{len} bytes");
        }
    }
}
