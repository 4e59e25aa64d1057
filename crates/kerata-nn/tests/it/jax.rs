//! Random numbers of Keras on JAX: the start values and the draws of layers that it gives from the same seeds.

use kerata_core::array::Array;
use kerata_core::ops::Generator;
use kerata_core::{Limits, Tree};
use kerata_nn::config::Value;
use kerata_nn::initializers::Initializer;
use kerata_nn::layers::core::{Dense, InputLayer};
use kerata_nn::models::Sequential;
use kerata_nn::{Model, Registry};

use crate::augmentation::{array, calls_with, distance};

/// XLA's logarithm is its own: normal numbers may differ in the last two bits. All others are the same to the bit.
const OF_NORMAL: f32 = 5e-7;

fn recorded() -> Tree {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/training/on_jax.json");
    Tree::parse(&std::fs::read(path).unwrap(), &Limits::default()).unwrap()
}

fn compare(name: &str, found: &Array, expected: &Array) {
    assert_eq!(found.shape(), expected.shape(), "{name}");
    let (found, expected) = (found.as_f32().unwrap(), expected.as_f32().unwrap());
    let is_normal =
        ["normal", "Normal", "Gaussian", "Lecun", "Scaling"].iter().any(|part| name.contains(part));
    for (found, expected) in found.iter().zip(expected) {
        let most = if is_normal { OF_NORMAL } else { 0.0 };
        assert!((found - expected).abs() <= most, "{name}: {found} is not {expected}");
    }
}

#[test]
fn start_values_are_those_of_keras_on_jax() {
    let whole = recorded();
    let cases = whole.get("initializers").unwrap().as_list().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let initializer = case.get("initializer").unwrap();
        let values = array(case.get("values").unwrap());
        let dense = Dense::new(values.shape()[1])
            .kernel_initializer(Initializer::read(initializer, Registry::built_in()).unwrap());
        let input = InputLayer::new(kerata_core::Shape::new([None, Some(values.shape()[0] as u64)]));
        let layers = Sequential::new([input.into(), dense.into()]);
        let model = Model::new_with(layers, 0, Generator::Jax).unwrap();
        let found = model.variable("layers/dense/vars/0").unwrap();
        compare(initializer.class_name().unwrap(), &found, &values);
    }
}

#[test]
fn layers_draw_what_keras_on_jax_draws() {
    let whole = recorded();
    let x = array(whole.get("x").unwrap());
    let cases = whole.get("layers").unwrap().as_list().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let layer = case.get("layer").unwrap();
        let found = calls_with(layer, &x, Generator::Jax).unwrap();
        for (found, expected) in found.iter().zip(case.get("outputs").unwrap().as_list().unwrap()) {
            compare(layer.class_name().unwrap(), found, &array(expected));
        }
    }
}

#[test]
fn images_are_changed_as_keras_on_jax_changes_them() {
    let whole = recorded();
    let images = array(whole.get("images").unwrap());
    let cases = whole.get("image_layers").unwrap().as_list().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let layer = case.get("layer").unwrap();
        let found = calls_with(layer, &images, Generator::Jax).unwrap();
        for (found, expected) in found.iter().zip(case.get("outputs").unwrap().as_list().unwrap()) {
            let worst = distance(found, &array(expected));
            // Six digits are recorded.
            assert!(worst <= 2e-5, "{}: {worst:e} apart", layer.to_json());
        }
    }
}
