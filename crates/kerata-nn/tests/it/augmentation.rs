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
    let graph = model.trace(true)?;
    let mut state = std::collections::HashMap::new();
    (0..2)
        .map(|_| {
            let value = |path: &str| state.get(path).cloned().map_or_else(|| model.variable(path), Ok);
            let (mut outputs, updates) = graph.evaluate(std::slice::from_ref(images), &value)?;
            state.extend(graph.updates.iter().map(|(path, _)| path.clone()).zip(updates));
            Ok(outputs.remove(0))
        })
        .collect()
}

#[test]
fn images_are_changed_as_keras_changes_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/training/augmentation.json");
    let whole = Tree::parse(&std::fs::read(path).unwrap(), &Limits::default()).unwrap();
    let mut failures = Vec::new();
    let mut count = 0;
    for kind in ["gray", "color"] {
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
                let expected = array(expected);
                assert_eq!(found.shape(), expected.shape(), "{class}");
                let pairs = found.as_f32().unwrap().iter().zip(expected.as_f32().unwrap());
                let worst = pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
                if worst > tolerance {
                    let config = layer.get("config").unwrap().to_json();
                    failures.push(format!("{class}, call {call}: {worst:e} apart; {config}"));
                }
            }
        }
    }
    assert!(count >= 35, "only {count} cases");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
