//! Models put together in Rust: written as Keras writes them, read back with the same numbers.

use kerata_core::array::Array;
use kerata_core::{Artifact, Limits, Result, Tree};
use kerata_engine::{Engine, SessionOptions, reference::Reference};
use kerata_nn::layers::core::{Dense, InputLayer};
use kerata_nn::layers::merging::{Add, Concatenate};
use kerata_nn::layers::normalization::BatchNormalization;
use kerata_nn::layers::regularization::Dropout;
use kerata_nn::layers::{AnyLayer, recurrent::LSTM};
use kerata_nn::models::{Functional, On, Sequential, Shared, input};
use kerata_nn::{Model, Registry};

fn run(model: &Model, inputs: &[Array]) -> Result<Vec<Array>> {
    let graph = model.trace(false)?;
    let session = Reference.prepare(&graph, &|path| model.variable(path), &SessionOptions::default())?;
    session.run(inputs)
}

/// A functional model with a shared layer, a nested model and two results.
fn functional() -> Result<Model> {
    let a = input("a", [None, Some(4)]);
    let b = input("b", [None, Some(4)]);
    let shared = Shared::new(Dense::new(3).activation("tanh"));
    let inner = Sequential::new([
        InputLayer::new(kerata_core::Shape::new([None, Some(6)])).into(),
        AnyLayer::from(Dense::new(5).activation("relu")),
        BatchNormalization::new().into(),
    ]);
    let both = Concatenate::new().on([&shared.on(&a), &shared.on(&b)]);
    let first = inner.on(&both);
    let second = Add::new().on([&shared.on(&a), &Dropout::new(0.5).on(&shared.on(&b))]);
    Model::new(Functional::new([&a, &b], [("first", &first), ("second", &second)])?, 3)
}

fn reread(model: &Model) -> Result<Model> {
    let artifact = model.to_artifact();
    let config = artifact.config.as_ref().map(Tree::to_json).unwrap_or_default();
    let mut back = Artifact::new();
    back.config = Some(Tree::parse(config.as_bytes(), &Limits::default())?);
    back.variables = artifact.variables;
    Model::from_artifact(&back, &Registry::new())
}

#[test]
fn functional_models_come_back_with_their_numbers() {
    let model = functional().unwrap();
    let inputs = [
        Array::from_f32([2, 4], (0..8).map(|i| i as f32 / 4.0).collect()).unwrap(),
        Array::from_f32([2, 4], (0..8).map(|i| 1.0 - i as f32 / 5.0).collect()).unwrap(),
    ];
    assert_eq!(model.output_names(), ["first", "second"]);
    // 4·3+3 shared once, 6·5+5 and 4·5 inside.
    assert_eq!(model.count_params(), 15 + 35 + 20);
    let before = run(&model, &inputs).unwrap();
    let after = run(&reread(&model).unwrap(), &inputs).unwrap();
    assert_eq!(before.len(), 2);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.as_f32().unwrap(), after.as_f32().unwrap());
    }
}

#[test]
fn seeds_give_start_values_and_bounds_hold() {
    let layers = || {
        Sequential::new([
            InputLayer::new(kerata_core::Shape::new([None, Some(5), Some(3)])).into(),
            LSTM::new(4).into(),
            AnyLayer::from(Dense::new(2)),
        ])
    };
    let (one, same, other) = (
        Model::new(layers(), 1).unwrap(),
        Model::new(layers(), 1).unwrap(),
        Model::new(layers(), 2).unwrap(),
    );
    let kernel =
        |model: &Model| model.variable("layers/lstm/cell/vars/0").unwrap().as_f32().unwrap().to_vec();
    assert_eq!(kernel(&one), kernel(&same));
    assert_ne!(kernel(&one), kernel(&other));
    // Glorot's limit for 3 inputs and 16 outputs.
    let limit = (6.0f32 / (3.0 + 16.0)).sqrt();
    assert!(kernel(&one).iter().all(|value| value.abs() <= limit));
    // Only the forget gate starts with ones.
    let bias = one.variable("layers/lstm/cell/vars/2").unwrap();
    assert_eq!(bias.as_f32().unwrap(), [0., 0., 0., 0., 1., 1., 1., 1., 0., 0., 0., 0., 0., 0., 0., 0.]);
}

#[test]
fn missing_code_is_named_with_what_can_be_done() {
    let mut artifact = functional().unwrap().to_artifact();
    let text = artifact.config.as_ref().map(Tree::to_json).unwrap_or_default();
    let text = text.replace("BatchNormalization", "TheirNormalization");
    artifact.config = Some(Tree::parse(text.as_bytes(), &Limits::default()).unwrap());
    let model = Model::from_artifact(&artifact, &Registry::new()).unwrap();
    let error = model.trace(false).unwrap_err();
    assert_eq!(error.kind(), kerata_core::ErrorKind::Unsupported);
    assert!(error.to_string().contains("TheirNormalization"), "{error}");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("Registry") && hint.contains("--map")));
}
