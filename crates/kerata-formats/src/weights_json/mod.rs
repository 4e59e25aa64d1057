//! `.weights.json`: weights in several HDF5 files and an index (`docs/formats/weights-json.md`).

use indexmap::IndexMap;
use kerata_core::{Artifact, Error, Limits, LossReport, Object, Result, ResultExt, Tree, Variable};

use crate::shards::{self, ShardIndex};
use crate::{Format, Input, Layout, Output, WriteOptions, weights_h5};

const SHARD_ENDING: &str = ".h5";

/// The format `weights.json`.
#[derive(Debug)]
pub struct WeightsJson;

impl Format for WeightsJson {
    fn name(&self) -> &'static str {
        "weights.json"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".weights.json"]
    }

    fn layout(&self) -> Layout {
        Layout::FileWithSiblings
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        Ok(ShardIndex::peek(input, SHARD_ENDING)?.is_some())
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        let index = ShardIndex::peek(input, SHARD_ENDING)?;
        let index = index.ok_or_else(|| Error::corrupt("this is no index of shards"))?;
        let mut artifact = Artifact::new();
        artifact.metadata.format = Some(self.name().to_owned());
        for file in index.files(limits)? {
            weights_h5::read_into(&mut artifact, &shards::open(input, &file)?, limits).at(|| file.clone())?;
        }
        for group in index.entries.keys() {
            let start = format!("{}/", group.trim_start_matches('/'));
            if !artifact.variables.iter().any(|(path, _)| path.starts_with(&start)) {
                return Err(Error::corrupt(format!("the index names `{group}`, no shard holds it")));
            }
        }
        weights_h5::sort_by_owner(&mut artifact);
        Ok(artifact)
    }

    fn write(
        &self,
        artifact: &Artifact,
        output: &mut Output<'_>,
        options: &WriteOptions,
    ) -> Result<LossReport> {
        let (name, folder) = output.siblings()?;
        let stem = name.strip_suffix(".json").unwrap_or(name);
        let stem = stem.strip_suffix(".weights").unwrap_or(stem);
        let stem = options.shard_tag.as_ref().map_or(stem.to_owned(), |tag| format!("{stem}-{tag}"));
        let file_of = |shard: usize| format!("{stem}_{shard:05}.weights.h5");
        let index_name = name.to_owned();

        let shard_of = assign(artifact, options)?;
        let last = shard_of.values().copied().max().unwrap_or(0);
        let starts = object_starts(artifact, &shard_of);
        for shard in 0..=last {
            let objects =
                artifact.objects.iter().filter(|(path, _)| starts.get(path.as_str()) == Some(&shard));
            let objects = objects.map(|(path, name)| (path.as_str(), name.as_deref()));
            let variables = artifact.variables.iter().filter(|(path, _)| shard_of.get(path) == Some(&shard));
            let plan = weights_h5::plan_of(objects, variables, options)?;
            let mut file = folder.create(&file_of(shard))?;
            plan.write(&mut *file)?;
        }

        let mut files: IndexMap<String, Vec<String>> = IndexMap::new();
        let mut total = 0u64;
        for (path, variable) in artifact.variables.iter() {
            total += variable.data.len();
            let group = path.rsplit_once('/').map_or("", |(group, _)| group);
            let file = file_of(shard_of.get(path).copied().unwrap_or(0));
            files.entry(format!("/{group}")).or_default().push(file);
        }
        let weight_map: Object = files.into_iter().map(|(group, files)| (group, listed(files))).collect();
        let index = Tree::from([
            ("metadata", Tree::from([("total_size", Tree::Float(total as f64))])),
            ("weight_map", Tree::Object(weight_map)),
        ]);
        folder.create(&index_name)?.write(index.to_pretty_json(4).as_bytes())?;
        Ok(weights_h5::config_losses(artifact, self.name(), options.compression))
    }
}

/// The shard of each variable, in Keras's order: each shard is filled before the next.
fn assign<'a>(artifact: &'a Artifact, options: &WriteOptions) -> Result<IndexMap<&'a str, usize>> {
    let variables: Vec<(&str, &Variable)> = artifact.variables.iter().collect();
    let sizes = variables.iter().map(|(_, variable)| variable.data.len());
    let shards = shards::split(sizes, options.max_shard_bytes).map_err(|position| {
        let path = variables.get(position).map_or("", |(path, _)| *path);
        Error::usage(format!("`{path}` alone is larger than a shard")).hint("raise the size of a shard")
    })?;
    Ok(variables.iter().map(|(path, _)| *path).zip(shards).collect())
}

/// The shard that is being filled when Keras comes to an object.
fn object_starts<'a>(artifact: &'a Artifact, shard_of: &IndexMap<&str, usize>) -> IndexMap<&'a str, usize> {
    let mut starts = IndexMap::new();
    let mut first_of: IndexMap<&str, usize> = IndexMap::new();
    let mut last_of: IndexMap<&str, usize> = IndexMap::new();
    for (path, shard) in shard_of {
        if let Some((object, _)) =
            path.rsplit_once("/vars/").or_else(|| Some(("", path.strip_prefix("vars/")?)))
        {
            first_of.entry(object).or_insert(*shard);
            last_of.insert(object, *shard);
        }
    }
    let mut current = 0;
    for object in artifact.objects.keys() {
        let own = first_of.get(object.as_str()).copied();
        // An object whose first variable opens a shard was come to in the shard before; its group stands in both.
        starts.insert(object.as_str(), own.map_or(current, |own| own.min(current)));
        current = last_of.get(object.as_str()).copied().unwrap_or(current);
    }
    starts
}

/// One variable gives a string, several give a list of the files that hold them.
fn listed(mut files: Vec<String>) -> Tree {
    match files.as_slice() {
        [only] => only.as_str().into(),
        _ => {
            files.dedup();
            files.into()
        }
    }
}
