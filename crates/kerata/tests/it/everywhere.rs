//! Models of every era and format give Keras's numbers straight from their file; inputs that do not fit are named, and a
//! batch of none gives outputs of none.

use std::path::Path;

use kerata::formats::npz;
use kerata::{OpenOptions, PredictOptions, Predictor};
use kerata_core::array::Array;
use kerata_core::{DType, Error, ErrorKind, Limits, Result, TensorSpec, Tree};

use crate::closeness::compare;
use crate::custom;
use crate::golden::{self, Golden};

/// Files that do not give the numbers of the model they were saved from: the model, the file (empty for all), and why.
const OTHERWISE: &[(&str, &str, Why)] = &[
    ("keras-2.1/lambda_layer", "", Why::PythonCode),
    ("keras-3.0/custom_containers", "", Why::KerasReadsOthers),
    ("keras-3.0/text_vectorization", "model.h5", Why::KerasReadsOthers),
    ("keras-3.15/awq", "", Why::KerasReadsOthers),
    ("keras-3.15/custom_containers", "model.h5", Why::NamesOfCustomLayers),
    ("keras-3.15/custom_store", "model.h5", Why::KerasReadsOthers),
    ("keras-3.15/custom_unregistered", "model.h5", Why::NamesOfCustomLayers),
    ("keras-3.15/gptq", "", Why::KerasReadsOthers),
    ("keras-3.15/lambda_activation", "", Why::PythonCode),
    ("keras-3.15/lambda_layer", "", Why::PythonCode),
    ("keras-3.15/lora_int8", "", Why::KerasReadsOthers),
    ("keras-3.15/string_lookup", "model.h5", Why::KerasReadsOthers),
    ("keras-3.15/subclassed", "", Why::ShapesOfInputs),
    ("keras-3.15/subclassed_compiled", "", Why::ShapesOfInputs),
    ("keras-3.15/text_vectorization", "model.h5", Why::KerasReadsOthers),
    ("keras-3.6/custom_containers", "", Why::KerasReadsOthers),
    ("tf-keras-2.21/lambda_layer", "", Why::PythonCode),
    ("tf-keras-2.21/tf_products", "", Why::InputsOfEinsum),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Why {
    /// Code in a file is not executed: an error says so.
    PythonCode,
    /// Keras itself fails on its file, or reads other numbers: `expect.json` says so.
    KerasReadsOthers,
    /// The file does not hold the inputs of `einsum`: an error says so.
    InputsOfEinsum,
    /// A legacy file names the weights of custom layers by the names that their code gave them: an error names the first.
    NamesOfCustomLayers,
    /// A class of one's own does not say what it takes: it is built with `Model::build`, as the tests of the layers do.
    ShapesOfInputs,
}

/// Models that compute in narrower floats than float32, by a part of their name; the first that fits.
const NARROW: &[(&str, DType)] = &[
    ("bfloat16", DType::Bfloat16),
    ("dtype_per_layer", DType::Bfloat16),
    ("policy_map", DType::Bfloat16),
    ("float16", DType::Float16),
];

fn arrays(folder: &Path, prefix: &str) -> Result<Vec<Array>> {
    let input = kerata::input(folder.join("io.npz"))?;
    let arrays = npz::read_arrays(input.require_source()?, &Limits::default())?;
    (0..).map_while(|at| arrays.get(&format!("{prefix}_{at}"))).map(Array::from_variable).collect()
}

fn prepared(file: &Path) -> Result<Predictor> {
    let artifact = kerata::open(file, &OpenOptions::new())?;
    kerata::predictor(&artifact, None, &custom::registry(), &PredictOptions::new())
}

fn check(golden: &Golden, file: &Path) -> Result<()> {
    let (inputs, expected) = (arrays(&golden.folder, "in")?, arrays(&golden.folder, "out")?);
    let outputs = prepared(file)?.run(&inputs)?;
    if outputs.len() != expected.len() {
        return Err(Error::mismatch("another number of outputs"));
    }
    let narrow = NARROW.iter().find(|(part, _)| golden.id.contains(part));
    let narrowest = narrow.map_or(DType::Float32, |&(_, dtype)| dtype);
    outputs.iter().zip(&expected).try_for_each(|(found, expected)| compare(found, expected, narrowest))
}

/// Whether an error, or numbers that differ, are what the reason says.
fn is_true(why: Why, golden: &Golden, error: &Error) -> bool {
    match why {
        Why::PythonCode => matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Untrusted),
        Why::KerasReadsOthers => {
            ["keras_read", "h5_read"].iter().any(|key| golden.expect.path(&["cannot", key]).is_some())
        }
        Why::InputsOfEinsum => error.to_string().contains("einsum"),
        Why::NamesOfCustomLayers => {
            error.kind() == ErrorKind::Mismatch && error.to_string().contains("variable `")
        }
        Why::ShapesOfInputs => error.kind() == ErrorKind::Usage,
    }
}

#[test]
fn every_file_gives_the_numbers_of_its_keras() {
    let only = std::env::var("GOLDEN").unwrap_or_default();
    let (mut failed, mut count) = (Vec::new(), 0);
    for golden in golden::all() {
        let has_numbers = golden.folder.join("io.npz").exists();
        let is_asked = only.is_empty() || only.split(',').any(|part| golden.id.ends_with(part));
        // A model that was never built is a config alone.
        let is_built =
            golden.expect.get("outputs").and_then(Tree::as_list).is_none_or(|list| !list.is_empty());
        if !has_numbers || !is_asked || !is_built {
            continue;
        }
        for name in ["model.keras", "model.h5", "folder"] {
            let file = golden.folder.join(name);
            if !file.exists() {
                continue;
            }
            count += 1;
            let is_listed =
                |(id, file, _): &&(&str, &str, Why)| *id == golden.id && (file.is_empty() || *file == name);
            let why = OTHERWISE.iter().find(is_listed).map(|(_, _, why)| *why);
            match (check(&golden, &file), why) {
                (Ok(()), None) => {}
                (Ok(()), Some(_)) => failed.push(format!("{} {name}: runs, take it off the list", golden.id)),
                (Err(error), Some(why)) if is_true(why, &golden, &error) => {}
                (Err(error), _) => failed.push(format!("{} {name}: {error}", golden.id)),
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count} files:\n{}", failed.len(), failed.join("\n"));
}

/// An array of no samples for an input whose batch may be of any size.
fn none_of(spec: &TensorSpec) -> Option<Array> {
    let (batch, rest) = spec.shape.axes().split_first()?;
    let sizes = rest.iter().map(|size| size.map_or(Some(3), |size| usize::try_from(size).ok()));
    let shape: Vec<usize> = std::iter::once(Some(0)).chain(sizes).collect::<Option<_>>()?;
    if batch.is_some() { None } else { Array::zeros(shape, spec.dtype).ok() }
}

#[test]
fn a_batch_of_none_gives_outputs_of_none_or_an_error() {
    let (mut gives, mut refuses) = (0, Vec::new());
    for golden in golden::all() {
        let file = golden.folder.join("model.keras");
        if !file.exists() || !golden.id.starts_with("keras-3.15/") {
            continue;
        }
        let Ok(predictor) = prepared(&file) else { continue };
        let inputs: Option<Vec<Array>> = predictor.inputs().iter().map(|(_, spec)| none_of(spec)).collect();
        let Some(inputs) = inputs.filter(|inputs| !inputs.is_empty()) else { continue };
        match predictor.run(&inputs) {
            Ok(outputs) => {
                assert_eq!(outputs.len(), predictor.outputs().len(), "{}", golden.id);
                gives += 1;
            }
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::Internal, "{}: {error}", golden.id);
                refuses.push(golden.id);
            }
        }
    }
    // Raw functions that pick sample 0 or fold the batch away have nothing to work on.
    let is_raw = |id: &String| id.starts_with("keras-3.15/ops_");
    assert!(refuses.iter().all(is_raw), "{refuses:?}");
    assert!(gives > 180, "{gives} models");
}

#[test]
fn what_does_not_fit_names_the_input() {
    let file = golden::all().into_iter().find(|golden| golden.id == "keras-3.15/feature_space");
    let predictor = prepared(&file.expect("it is there").folder.join("model.keras")).unwrap();
    let fitting = |spec: &TensorSpec| Array::zeros([2], spec.dtype).unwrap();
    let named = || predictor.inputs().iter().map(|(name, spec)| (name.clone(), fitting(spec)));
    let run = |change: &dyn Fn(&str, Array) -> Option<Array>| {
        let changed = named().filter_map(|(name, array)| change(&name, array).map(|array| (name, array)));
        predictor.arrange(changed.collect()).and_then(|inputs| predictor.run(&inputs))
    };
    assert_eq!(run(&|_, array| Some(array)).unwrap()[0].shape()[0], 2);
    let text = || Array::from_strings([2], vec![b"one".to_vec(), b"two".to_vec()]).unwrap();
    for (place, other) in [
        ("kind", Array::zeros([2], DType::Float32).unwrap()),
        ("age", text()),
        ("level", Array::from_f32([2], vec![1.0, f32::NAN]).unwrap()),
        ("size", Array::zeros([2, 3, 1], DType::Float32).unwrap()),
    ] {
        let error = run(&|name, array| Some(if name == place { other.clone() } else { array })).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{place}: {error}");
        assert!(error.to_string().contains(&format!("input `{place}`")), "{place}: {error}");
    }
    let error = run(&|name, array| (name != "tag").then_some(array)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`tag`"), "{error}");
}
