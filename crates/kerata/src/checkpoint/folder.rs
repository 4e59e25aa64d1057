//! `StepFolder`: the steps of a folder at rest: what is there, how a step is added, what is removed.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kerata_core::{Artifact, Error, ErrorKind, LossReport, Result, ResultExt};
use kerata_formats::{Output, WriteOptions};
use kerata_store::{PutOptions, Storage};

use super::decide::Bests;
use super::manifest::{MANIFEST, Manifest};
use super::seal::{open, seal, unseal};
use super::{CheckpointOptions, Contents, Moment, StepInfo};
use crate::save::{expected_bytes, verified};

/// The steps of a storage.
pub(super) struct StepFolder {
    storage: Arc<dyn Storage>,
    pub options: CheckpointOptions,
    state: Mutex<State>,
}

struct State {
    manifest: Manifest,
    /// Files that were to be removed and could not be.
    leftovers: Vec<String>,
    /// Whether what killed processes left was cleared away.
    is_swept: bool,
    notes: Vec<String>,
}

impl StepFolder {
    /// Looks what is there. Nothing is changed.
    pub fn open(storage: Arc<dyn Storage>, options: CheckpointOptions) -> Result<Self> {
        let mut notes = Vec::new();
        let manifest = read_manifest(&*storage, &mut notes)?;
        let folder = Self {
            storage,
            options,
            state: Mutex::new(State {
                manifest: Manifest::default(),
                leftovers: Vec::new(),
                is_swept: false,
                notes,
            }),
        };
        let manifest = folder.reconcile(manifest)?;
        folder.state().manifest = manifest;
        Ok(folder)
    }

    /// Writes a step, then the manifest, then removes what is not kept.
    pub fn commit(&self, mut artifact: Artifact, moment: &Moment, now: Duration) -> Result<()> {
        self.sweep()?;
        let contents = self.options.contents;
        let file = self.file_name(moment.step);
        let mut info = seal(&mut artifact, &file, contents, moment, now, self.options.allow_nan)?;
        info.bytes = self.write(&artifact, &file)?;
        drop(artifact);

        let mut manifest = self.state().manifest.clone();
        manifest.insert(info);
        manifest.bests.note(&self.options.metrics(), &moment.metrics)?;
        let kept = self.options.keep.kept(&manifest.steps)?;
        let (stay, go) =
            std::mem::take(&mut manifest.steps).into_iter().partition(|step| kept.contains(&step.step));
        manifest.steps = stay;
        self.put_manifest(&manifest)?;
        let mut state = self.state();
        state.manifest = manifest;
        let go: Vec<StepInfo> = go;
        state.leftovers.extend(go.into_iter().map(|step| step.file));
        drop(state);
        self.remove_leftovers();
        Ok(())
    }

    /// Removes a step.
    pub fn delete(&self, step: u64) -> Result<()> {
        let mut manifest = self.state().manifest.clone();
        let file = manifest.step(step).map(|info| info.file.clone()).ok_or_else(|| self.no_step(step))?;
        manifest.steps.retain(|info| info.step != step);
        self.put_manifest(&manifest)?;
        self.state().manifest = manifest;
        self.storage.delete(&file)
    }

    pub fn steps(&self) -> Vec<StepInfo> {
        self.state().manifest.steps.clone()
    }

    pub fn bests(&self) -> Bests {
        self.state().manifest.bests.clone()
    }

    /// What was odd about the folder when it was opened.
    pub fn notes(&self) -> Vec<String> {
        self.state().notes.clone()
    }

    /// Reads a step and compares all of it with what was saved.
    pub fn read(&self, info: &StepInfo) -> Result<Artifact> {
        let read = || {
            if let Some(damage) = &info.damage {
                return Err(Error::corrupt(damage.as_str()));
            }
            let mut artifact = self.open_file(&info.file)?;
            unseal(&mut artifact, Some(info))?;
            Ok(artifact)
        };
        read().at(|| info.file.clone())
    }

    pub fn no_step(&self, step: u64) -> Error {
        let known: Vec<String> = self.steps().iter().map(|info| info.step.to_string()).collect();
        let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
        Error::not_found(format!("there is no step {step}")).hint(format!("steps are: {known}"))
    }

    fn file_name(&self, step: u64) -> String {
        format!("{}-{step}{}", self.options.prefix, self.options.contents.extension())
    }

    /// The step that a file name stands for.
    fn step_of(&self, name: &str) -> Option<u64> {
        let rest = name.strip_prefix(&self.options.prefix)?.strip_prefix('-')?;
        let endings = [Contents::Everything.extension(), Contents::Weights.extension()];
        let number = endings.iter().find_map(|ending| rest.strip_suffix(ending))?;
        // One spelling a number.
        number.parse().ok().filter(|step: &u64| step.to_string() == number)
    }

    /// Manifest and files brought together: the files decide what there is.
    fn reconcile(&self, mut old: Manifest) -> Result<Manifest> {
        let mut manifest = Manifest { steps: Vec::new(), bests: std::mem::take(&mut old.bests) };
        let files = self.storage.list(&format!("{}-", self.options.prefix))?;
        for file in &files {
            let Some(step) = self.step_of(&file.name) else { continue };
            let known =
                old.steps.iter().position(|info| info.file == file.name).map(|at| old.steps.remove(at));
            let info = match known {
                Some(info) if info.bytes == file.bytes && info.step == step => info,
                _ => self.adopt(step, &file.name, file.bytes),
            };
            if let Some(other) = manifest.step(step) {
                let note =
                    format!("{} and {} are both step {step}; the first is used", other.file, info.file);
                self.state().notes.push(note);
                continue;
            }
            manifest.insert(info);
        }
        for lost in old.steps {
            self.state().notes.push(format!("{} is in the manifest and not in the folder", lost.file));
        }
        Ok(manifest)
    }

    /// What a file says about itself that the manifest does not know, or knows otherwise.
    fn adopt(&self, step: u64, file: &str, bytes: u64) -> StepInfo {
        let mut info = StepInfo::new(step, file.to_owned(), bytes);
        let filled = self.open_file(file).and_then(|artifact| info.fill_from(&artifact));
        if let Err(error) = filled {
            info.damage = Some(error.message().to_owned());
        } else if info.step != step {
            info.damage = Some(format!("the file says that it is step {}", info.step));
        }
        info.step = step;
        info
    }

    /// Opens a file without reading its tensors.
    fn open_file(&self, name: &str) -> Result<Artifact> {
        open(name, self.storage.get(name)?, &self.options.limits)
    }

    /// Publishes a file; gives its size.
    fn write(&self, artifact: &Artifact, name: &str) -> Result<u64> {
        let put = PutOptions::new().overwrite(true).expected_bytes(expected_bytes(artifact));
        let mut file = self.storage.create(name, &put)?;
        let format = self.options.contents.format()?;
        // What a file of weights leaves out is what was asked for.
        let _: LossReport = verified(artifact, || {
            format.write(artifact, &mut Output::File(&mut *file), &WriteOptions::new())
        })?;
        let bytes = file.position();
        file.publish()?;
        Ok(bytes)
    }

    fn put_manifest(&self, manifest: &Manifest) -> Result<()> {
        let put = PutOptions::new().overwrite(true);
        self.storage.put(MANIFEST, manifest.to_json().as_bytes(), &put)
    }

    /// Clears away what killed processes left, once.
    fn sweep(&self) -> Result<()> {
        if !std::mem::replace(&mut self.state().is_swept, true) {
            self.storage.clear_abandoned("")?;
        }
        Ok(())
    }

    /// Removes files that no manifest names any more. One that cannot be removed is in nobody's way and tried again later.
    fn remove_leftovers(&self) {
        let files = std::mem::take(&mut self.state().leftovers);
        let is_left = |file: &String| {
            let removed = self.storage.delete(file);
            removed.is_err_and(|error| error.kind() != ErrorKind::NotFound)
        };
        let left: Vec<String> = files.into_iter().filter(is_left).collect();
        self.state().leftovers.extend(left);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The manifest; one that is missing or torn is as good as an empty one, since the files say enough.
fn read_manifest(storage: &dyn Storage, notes: &mut Vec<String>) -> Result<Manifest> {
    let source = match storage.get(MANIFEST) {
        Ok(source) => source,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Manifest::default()),
        Err(error) => return Err(error),
    };
    let bytes = source.read_vec(0, source.len())?;
    match Manifest::parse(&bytes) {
        Ok(manifest) => Ok(manifest),
        Err(error) if error.kind() == ErrorKind::Unsupported => Err(error.at(MANIFEST)),
        Err(error) => {
            notes.push(format!("{MANIFEST} is damaged ({}); it is rebuilt from the files", error.message()));
            Ok(Manifest::default())
        }
    }
}
