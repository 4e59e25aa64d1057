//! `Position`: where a training is; a checkpoint carries it as one more member, [`MEMBER`], which Keras ignores.

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Artifact, DType, Data, Error, Limits, Object, Result, ResultExt, Tree};

use kerata_nn::Model;

use super::FitOptions;

/// Name of the member with the position of the training.
pub(super) const MEMBER: &str = "kerata_training.json";

/// Where a training is.
#[derive(Clone, Debug, Default)]
pub(super) struct Position {
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: usize,
    /// Batches of the epoch done.
    pub batch: usize,
    /// Losses of the epochs done.
    pub history: IndexMap<String, Vec<f64>>,
    /// Seeds, metrics and other states that Keras does not store.
    pub states: IndexMap<String, Array>,
    /// States of the callbacks.
    pub callbacks: Tree,
    /// Whether the training ends with this epoch.
    pub is_stopping: bool,
    /// What the training was started with; empty when it starts now.
    started_with: Object,
}

impl Position {
    /// Fails when the training was started with other samples or options.
    pub fn check(&self, samples: Option<usize>, options: &FitOptions) -> Result<()> {
        let now = started_with(samples, options);
        for (key, then) in &self.started_with {
            let now = now.get(key).unwrap_or(&Tree::Null);
            if now != then {
                let message =
                    format!("the checkpoint was made with {key} {}, not {}", then.to_json(), now.to_json());
                return Err(Error::usage(message).hint("resume with what the training was started with"));
            }
        }
        Ok(())
    }
}

/// What must be the same to continue to the same end. The number of epochs may grow.
fn started_with(samples: Option<usize>, options: &FitOptions) -> Object {
    let mut entries = Object::from_iter([
        ("samples".to_owned(), Tree::from(samples)),
        ("batch_size".to_owned(), Tree::from(options.batch_size)),
        ("shuffle".to_owned(), Tree::from(options.shuffle)),
        ("seed".to_owned(), Tree::from(options.seed)),
        ("validation_split".to_owned(), Tree::from(options.validation_split)),
    ]);
    if let Some(generator) = options.generator {
        entries.insert("random_numbers".to_owned(), Tree::from(generator.name()));
    }
    entries
}

/// Adds the member with the position.
pub(super) fn add_position(
    artifact: &mut Artifact,
    states: &IndexMap<String, Array>,
    position: &Position,
    callbacks: Tree,
    samples: Option<usize>,
    options: &FitOptions,
) -> Result<()> {
    let states = states.iter().map(|(path, value)| Ok((path.clone(), array_tree(value)?)));
    let tree = Tree::from([
        ("step", Tree::from(position.step)),
        ("epoch", Tree::from(position.epoch)),
        ("batch", Tree::from(position.batch)),
        ("history", object(&position.history, |values| numbers(values))),
        ("states", Tree::Object(states.collect::<Result<Object>>()?)),
        ("callbacks", callbacks),
        ("is_stopping", Tree::from(position.is_stopping)),
        ("started_with", Tree::Object(started_with(samples, options))),
    ]);
    artifact.extras.insert(MEMBER.to_owned(), Data::owned(tree.to_json().into_bytes()));
    Ok(())
}

/// Where the training was that a checkpoint is of.
pub(super) fn position(artifact: &Artifact) -> Result<Position> {
    let member = artifact.extras.get(MEMBER).ok_or_else(|| {
        Error::mismatch("the file does not say where its training was").hint("start without --resume")
    });
    let bytes = member?.bytes()?;
    Tree::parse(&bytes, &Limits::default()).and_then(|tree| read(&tree)).at(|| MEMBER)
}

/// The model that is trained with the variables of a checkpoint, which may hold nothing else.
pub(super) fn with_model(checkpoint: Artifact, model: &Model) -> Artifact {
    let mut artifact = model.to_artifact();
    artifact.variables = checkpoint.variables;
    artifact.checks = checkpoint.checks;
    artifact
}

fn read(tree: &Tree) -> Result<Position> {
    let whole = |key: &str| {
        tree.require(key)?.as_u64().ok_or_else(|| Error::corrupt(format!("`{key}` is no whole number")))
    };
    let size =
        |key: &str| usize::try_from(whole(key)?).map_err(|_| Error::limit(format!("`{key}` is too large")));
    let entries = |key: &'static str| {
        tree.require(key)?.as_object().ok_or_else(|| Error::corrupt(format!("`{key}` is no object")))
    };
    let history = entries("history")?.iter().map(|(name, tree)| Ok((name.clone(), read_numbers(tree)?)));
    let states = entries("states")?
        .iter()
        .map(|(path, tree)| Ok((path.clone(), read_array(tree).at(|| path.clone())?)));
    Ok(Position {
        step: whole("step")?,
        epoch: size("epoch")?,
        batch: size("batch")?,
        history: history.collect::<Result<_>>()?,
        states: states.collect::<Result<_>>()?,
        callbacks: tree.get("callbacks").cloned().unwrap_or(Tree::Null),
        is_stopping: tree.get("is_stopping").and_then(Tree::as_bool).unwrap_or(false),
        started_with: entries("started_with")?.clone(),
    })
}

fn object<T>(entries: &IndexMap<String, T>, tree: impl Fn(&T) -> Tree) -> Tree {
    Tree::Object(entries.iter().map(|(key, value)| (key.clone(), tree(value))).collect())
}

fn numbers(values: &[f64]) -> Tree {
    Tree::List(values.iter().map(|value| Tree::Float(*value)).collect())
}

fn read_numbers(tree: &Tree) -> Result<Vec<f64>> {
    let items = tree.as_list().and_then(|items| items.iter().map(Tree::as_f64).collect());
    items.ok_or_else(|| Error::corrupt("expected a list of numbers"))
}

/// `{"dtype": "uint32", "shape": [2], "bytes": "0100000000000000"}`, bytes in hexadecimal.
fn array_tree(array: &Array) -> Result<Tree> {
    let variable = array.to_variable()?;
    let bytes = variable.data.bytes()?.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Ok(Tree::from([
        ("dtype", Tree::from(variable.dtype.name())),
        ("shape", Tree::List(variable.shape.iter().map(|size| Tree::from(*size)).collect())),
        ("bytes", Tree::from(bytes)),
    ]))
}

fn read_array(tree: &Tree) -> Result<Array> {
    let text =
        |key: &str| tree.require(key)?.as_str().ok_or_else(|| Error::corrupt(format!("`{key}` is no text")));
    let dtype: DType = text("dtype")?.parse()?;
    let shape = tree.require("shape")?.as_list().and_then(|axes| axes.iter().map(Tree::as_u64).collect());
    let shape: Vec<u64> = shape.ok_or_else(|| Error::corrupt("`shape` is no list of sizes"))?;
    let digits = text("bytes")?.as_bytes();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2);
        pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    let bytes = bytes.ok_or_else(|| Error::corrupt("`bytes` is not hexadecimal"))?;
    Array::from_variable(&kerata_core::Variable::new(dtype, shape, Data::owned(bytes))?)
}
