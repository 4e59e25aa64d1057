//! Layers that change images at random in training: the images that Keras makes from the same seeds (`fixtures/training`).

use kerata_core::array::Array;
use kerata_core::ops::Generator;
use kerata_core::{Limits, Tree};
use kerata_nn::config::Value;
use kerata_nn::layers::AnyLayer;
use kerata_nn::layers::core::InputLayer;
use kerata_nn::models::Sequential;
use kerata_nn::{Model, Registry};

/// Float32 rounding; where a place falls on an edge of a pixel it decides which one is read, which no case here does.
const TOLERANCE: f64 = 2e-5;

/// Layers that cannot be compared so narrowly, and why.
const LOOSE: &[(&str, f64, &str)] =
    &[("RandomPerspective", 5e-4, "a system of eight equations of float32, solved in another order")];

pub fn array(tree: &Tree) -> Array {
    fn walk(tree: &Tree, depth: usize, sizes: &mut Vec<usize>, out: &mut Vec<f32>) {
        match tree.as_list() {
            Some(items) => {
                if sizes.len() == depth {
                    sizes.push(items.len());
                }
                items.iter().for_each(|item| walk(item, depth + 1, sizes, out));
            }
            None => out.push(tree.as_f64().unwrap() as f32),
        }
    }
    let (mut sizes, mut values) = (Vec::new(), Vec::new());
    walk(tree, 0, &mut sizes, &mut values);
    Array::from_f32(sizes, values).unwrap()
}

/// What the layer makes of the images in two calls, one after the other.
fn calls(layer: &Tree, images: &Array) -> kerata_core::Result<Vec<Array>> {
    calls_with(layer, images, Generator::TensorFlow)
}

/// The same with the random numbers of a backend.
pub fn calls_with(layer: &Tree, images: &Array, generator: Generator) -> kerata_core::Result<Vec<Array>> {
    let layer = AnyLayer::read(layer, Registry::built_in())?;
    let shape = kerata_core::Shape::known(images.shape().iter().map(|size| *size as u64));
    let model = Model::new_with(Sequential::new([InputLayer::new(shape).into(), layer]), 0, generator)?;
    let both = runs(&model, std::slice::from_ref(images))?;
    Ok(both.into_iter().map(|mut outputs| outputs.remove(0)).collect())
}

/// What a model gives in two steps of training, one after the other.
fn runs(model: &Model, inputs: &[Array]) -> kerata_core::Result<Vec<Vec<Array>>> {
    let graph = model.trace(true)?;
    let mut state = std::collections::HashMap::new();
    (0..2)
        .map(|_| {
            let value = |path: &str| state.get(path).cloned().map_or_else(|| model.variable(path), Ok);
            let (outputs, updates) = graph.evaluate(inputs, &value)?;
            state.extend(graph.updates.iter().map(|(path, _)| path.clone()).zip(updates));
            Ok(outputs)
        })
        .collect()
}

fn recorded() -> Tree {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/training/augmentation.json");
    Tree::parse(&std::fs::read(path).unwrap(), &Limits::default()).unwrap()
}

/// How far two arrays are apart.
pub fn distance(found: &Array, expected: &Array) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let pairs = found.as_f32().unwrap().iter().zip(expected.as_f32().unwrap());
    pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}

#[test]
fn labels_are_mixed_as_their_images_are() {
    let whole = recorded();
    let images = array(whole.path(&["mixing", "images"]).unwrap());
    let cases = whole.get("with_labels").unwrap().as_list().unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let model = AnyLayer::read(case.get("model").unwrap(), Registry::built_in()).unwrap();
        let model = Model::new(model, 0).unwrap();
        let labels = array(case.get("labels").unwrap());
        let found = runs(&model, &[images.clone(), labels]).unwrap();
        for (found, expected) in found.iter().zip(case.get("outputs").unwrap().as_list().unwrap()) {
            for (found, expected) in found.iter().zip(expected.as_list().unwrap()) {
                let worst = distance(found, &array(expected));
                assert!(worst <= TOLERANCE, "{worst:e} apart");
            }
        }
    }
}

#[test]
fn samples_are_dropped_as_keras_drops_them() {
    let whole = recorded();
    let images = array(whole.path(&["mixing", "images"]).unwrap());
    let part = [images.shape()[0], 2, 2, 3];
    // Rows and columns of the first two places.
    let kept = |at: usize| at / 3 % 5 < 2 && at / 15 % 4 < 2;
    let values =
        images.as_f32().unwrap().iter().enumerate().filter(|(at, _)| kept(*at)).map(|(_, value)| *value);
    let images = Array::from_f32(part, values.collect()).unwrap();
    let cases = whole.get("stochastic_depth").unwrap().as_list().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let layer = AnyLayer::read(case.get("layer").unwrap(), Registry::built_in()).unwrap();
        let input = InputLayer::new(kerata_core::Shape::known(part.map(|size| size as u64)));
        let model = Model::new(Sequential::new([input.into(), layer]), 0).unwrap();
        let seed = case.get("seed").unwrap().as_list().unwrap();
        let seed = Array::vector(seed.iter().map(|part| part.as_u64().unwrap() as u32).collect::<Vec<_>>());
        let graph = model.trace(true).unwrap();
        let (outputs, _) =
            graph.evaluate(std::slice::from_ref(&images), &|_: &str| Ok(seed.clone())).unwrap();
        let worst = distance(&outputs[0], &array(case.get("outputs").unwrap()));
        assert!(worst <= TOLERANCE, "{worst:e} apart");
    }
}

#[test]
fn images_are_changed_as_keras_changes_them() {
    let whole = recorded();
    let mut failures = Vec::new();
    let mut count = 0;
    for kind in ["gray", "color", "mixing"] {
        let images = array(whole.path(&[kind, "images"]).unwrap());
        for case in whole.path(&[kind, "cases"]).unwrap().as_list().unwrap() {
            count += 1;
            let layer = case.get("layer").unwrap();
            let class = layer.class_name().unwrap();
            let tolerance =
                LOOSE.iter().find(|(name, ..)| *name == class).map_or(TOLERANCE, |(_, most, _)| *most);
            let found = match calls(layer, &images) {
                Ok(found) => found,
                Err(error) => {
                    failures.push(format!("{class}: {error}"));
                    continue;
                }
            };
            let expected = case.get("outputs").unwrap().as_list().unwrap();
            for (call, (found, expected)) in found.iter().zip(expected).enumerate() {
                let worst = distance(found, &array(expected));
                if worst > tolerance {
                    let config = layer.get("config").unwrap().to_json();
                    failures.push(format!("{class}, call {call}: {worst:e} apart; {config}"));
                }
            }
        }
    }
    assert!(count >= 50, "only {count} cases");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
