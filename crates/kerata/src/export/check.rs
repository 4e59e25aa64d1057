//! Runs a model and what was written of it on the same inputs.

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::graph::TensorSpec;
use kerata_core::{
    Artifact, DType, Data, Error, ErrorKind, FolderSink, Limits, Result, ResultExt, Sink, Variable,
};
use kerata_formats::containers::npy::TextKind;
use kerata_formats::{Format, Input, MemoryFolder, Output, WriteOptions, npz};

use super::Check;
use crate::predict::{PredictOptions, Predictor};

/// Where the inputs and outputs that were compared are kept.
pub(super) const FOLDER: &str = "assets.extra/kerata_check";
/// Samples of random inputs, and the size of axes that are open.
const SAMPLES: usize = 2;
const OPEN_SIZE: usize = 8;

/// What was compared.
pub(super) struct Vectors {
    pub files: Vec<(String, Data)>,
    pub difference: f64,
}

/// Compares the first signature. `Ok(Err(reason))` when there was nothing to compare; an error when they differ.
pub(super) fn compare(
    ready: &Artifact,
    format: &'static dyn Format,
    check: &Check,
) -> Result<std::result::Result<Vectors, Option<String>>> {
    if matches!(check, Check::Off) {
        return Ok(Err(None));
    }
    let traces = ready.traces.as_ref().ok_or_else(|| Error::internal("an export without traces"))?;
    let Some(name) = traces.names().into_iter().next() else { return Ok(Err(None)) };
    let options = PredictOptions::new();
    let original = Predictor::of_trace(ready, traces.as_ref(), &name, &options)?;
    let inputs = match check {
        Check::Inputs(named) => original.arrange(named.clone())?,
        _ => original
            .inputs()
            .iter()
            .enumerate()
            .map(|(at, (_, spec))| random(spec, at))
            .collect::<Result<_>>()?,
    };
    let expected = match (original.run(&inputs), check) {
        (Ok(expected), _) => expected,
        (Err(error), Check::Inputs(_)) => return Err(error),
        (Err(error), _) => {
            return Ok(Err(Some(format!("the model does not run on random numbers: {error}"))));
        }
    };
    let mut staged = Staged::default();
    format.write(ready, &mut Output::Folder(&mut staged), &WriteOptions::new())?;
    let written = Input::folder("export", MemoryFolder::shared(staged.0));
    let written = format.read(&written, &Limits::default()).at(|| "what was written, read back")?;
    let run = crate::predictor(&written, Some(&name), &kerata_nn::Registry::new(), &options)
        .and_then(|predictor| {
            let names = original.inputs().iter().map(|(name, _)| name.clone());
            let outputs = predictor.run(&predictor.arrange(names.zip(inputs.iter().cloned()).collect())?)?;
            Ok(predictor
                .outputs()
                .iter()
                .map(|(name, _)| name.clone())
                .zip(outputs)
                .collect::<IndexMap<_, _>>())
        })
        .at(|| "what was written, run again");
    let found = match run {
        Err(error) if error.kind() == ErrorKind::Unsupported && matches!(check, Check::Random) => {
            return Ok(Err(Some(format!("what was written cannot be run here: {error}"))));
        }
        run => run?,
    };
    let mut difference = 0f64;
    for ((output, _), expected) in original.outputs().iter().zip(&expected) {
        let found = found.get(output).ok_or_else(|| Error::mismatch(format!("no output `{output}`")))?;
        let apart = apart(expected, found).at(|| format!("output `{output}`"))?;
        difference = difference.max(apart);
    }
    let inputs = original.inputs().iter().map(|(name, _)| name.as_str()).zip(&inputs);
    let outputs = original.outputs().iter().map(|(name, _)| name.as_str()).zip(&expected);
    let files = vec![
        (format!("{FOLDER}/{name}.in.npz"), pack(inputs)?),
        (format!("{FOLDER}/{name}.out.npz"), pack(outputs)?),
    ];
    Ok(Ok(Vectors { files, difference }))
}

/// Numbers that most models take: small ones, the same each time.
fn random(spec: &TensorSpec, seed: usize) -> Result<Array> {
    let axes = spec.shape.axes().iter().enumerate();
    let shape: Vec<usize> = axes
        .map(|(axis, size)| match size {
            Some(size) => usize::try_from(*size).unwrap_or(OPEN_SIZE),
            None if axis == 0 => SAMPLES,
            None => OPEN_SIZE,
        })
        .collect();
    let count = kerata_core::Shape::known(shape.iter().map(|size| *size as u64))
        .elements()
        .and_then(|count| usize::try_from(count).ok())
        .ok_or_else(|| Error::limit("an input of more elements than there are"))?;
    // A linear congruential generator: the constants are those of Numerical Recipes.
    let mut state = 12_345u32.wrapping_add(seed as u32);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1u32 << 24)
    };
    if spec.dtype == DType::String {
        let words = ["a", "the cat", "kerata", "", "x y z"];
        let pick = |share: f64| words[(share * words.len() as f64) as usize % words.len()];
        return Array::from_strings(shape, (0..count).map(|_| pick(next()).as_bytes().to_vec()).collect());
    }
    let numbers: Vec<f64> = match spec.dtype {
        dtype if dtype.is_float() => (0..count).map(|_| next() * 2.0 - 1.0).collect(),
        _ => (0..count).map(|_| (next() * 2.0).floor()).collect(),
    };
    Array::from_vec(shape, numbers)?.cast(spec.dtype)
}

/// How far two results are apart; an error when that is more than rounding.
pub(super) fn apart(expected: &Array, found: &Array) -> Result<f64> {
    let differ =
        |what: String| Err(Error::mismatch(format!("the model and what was written differ: {what}")));
    if expected.shape() != found.shape() {
        return differ(format!("shapes {:?} and {:?}", expected.shape(), found.shape()));
    }
    if expected.dtype() == DType::String || found.dtype() == DType::String {
        return if expected.as_strings()? == found.as_strings()? {
            Ok(0.0)
        } else {
            differ("text".to_owned())
        };
    }
    let (absolute, relative) = match expected.dtype() {
        DType::Float16 | DType::Bfloat16 => (2e-2, 2e-2),
        _ => (1e-5, 1e-4),
    };
    let parts = |array: &Array| match array.dtype() {
        DType::Complex64 | DType::Complex128 => array.cast(DType::Float64)?.to_f64s(),
        _ => array.to_f64s(),
    };
    let mut most = 0f64;
    for (a, b) in parts(found)?.into_iter().zip(parts(expected)?) {
        if (a.is_nan() && b.is_nan()) || a == b {
            continue;
        }
        let distance = (a - b).abs();
        if distance.is_nan() || distance > absolute + relative * b.abs() {
            return differ(format!("{a} and {b}"));
        }
        most = most.max(distance);
    }
    Ok(most)
}

fn pack<'a>(arrays: impl Iterator<Item = (&'a str, &'a Array)>) -> Result<Data> {
    let variables = arrays.map(|(name, array)| {
        // NumPy has no name for the small floats.
        let is_small = matches!(array.dtype(), DType::Bfloat16 | DType::Float8E4m3fn | DType::Float8E5m2);
        let array = if is_small { array.cast(DType::Float32)? } else { array.clone() };
        Ok((name.to_owned(), array.to_variable()?))
    });
    let variables = variables.collect::<Result<Vec<(String, Variable)>>>()?;
    let mut staged = Staged::default();
    {
        let mut sink = staged.create("pack")?;
        let named = variables.iter().map(|(name, variable)| (name.as_str(), variable));
        npz::write_arrays(named, TextKind::Unicode, sink.as_mut())?;
    }
    let (_, bytes) = staged.0.pop().ok_or_else(|| Error::internal("nothing was packed"))?;
    Ok(Data::owned(bytes))
}

/// A folder that is written into memory.
#[derive(Default)]
struct Staged(Vec<(String, Vec<u8>)>);

impl FolderSink for Staged {
    fn create(&mut self, name: &str) -> Result<Box<dyn Sink + '_>> {
        self.0.push((name.to_owned(), Vec::new()));
        let (_, bytes) = self.0.last_mut().ok_or_else(|| Error::internal("pushed above"))?;
        Ok(Box::new(StagedFile(bytes)))
    }
}

struct StagedFile<'a>(&'a mut Vec<u8>);

impl Sink for StagedFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn position(&self) -> u64 {
        self.0.len() as u64
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let start = usize::try_from(offset).map_err(|_| Error::internal("a patch behind the end"))?;
        let place = start.checked_add(bytes.len()).and_then(|end| self.0.get_mut(start..end));
        place.ok_or_else(|| Error::internal("a patch behind the end"))?.copy_from_slice(bytes);
        Ok(())
    }
}
