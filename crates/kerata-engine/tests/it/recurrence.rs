//! Loops over sequences.

use kerata_core::graph::Tensor;
use kerata_core::ops::{self, ScanOptions};

use crate::conformance::agree;
use crate::models::{Model, noise_array};

fn lstm(model: &mut Model, x: &Tensor, units: usize, reverse: bool) -> Tensor {
    let width = x.spec().known_axis(-1).unwrap();
    let path = format!("lstm_{}", model.variables.len());
    let kernel = model.variable(&format!("{path}/kernel"), &[width, 4 * units], 0.4, 0.0);
    let recurrent = model.variable(&format!("{path}/recurrent"), &[units, 4 * units], 0.3, 0.0);
    let bias = model.variable(&format!("{path}/bias"), &[4 * units], 0.2, 0.0);
    let steps = ops::transpose(x, &[1, 0, 2]).unwrap();
    let zero = ops::full(&model.builder, &[x.size(0), units.into()], 0.0, x.dtype()).unwrap();
    let options = ScanOptions { length: None, reverse };
    let (states, results) =
        ops::scan(&model.builder, &[zero.clone(), zero], &[steps], options, |states, elements| {
            let z = ops::add(&ops::matmul(&elements[0], &kernel)?, &ops::matmul(&states[0], &recurrent)?)?;
            let gates = ops::split(&ops::add(&z, &bias)?, 4, -1)?;
            let kept = ops::multiply(&ops::sigmoid(&gates[1])?, &states[1])?;
            let new = ops::multiply(&ops::sigmoid(&gates[0])?, &ops::tanh(&gates[2])?)?;
            let cell = ops::add(&kept, &new)?;
            let hidden = ops::multiply(&ops::sigmoid(&gates[3])?, &ops::tanh(&cell)?)?;
            Ok((vec![hidden.clone(), cell], vec![hidden]))
        })
        .unwrap();
    let sequence = ops::transpose(&results[0], &[1, 0, 2]).unwrap();
    ops::add(&sequence, &ops::expand_dims(&states[1], 1).unwrap()).unwrap()
}

#[test]
fn recurrent_layers_agree() {
    for reverse in [false, true] {
        let mut model = Model::new();
        let x = model.input("x", &[None, Some(7), Some(5)]);
        let y = lstm(&mut model, &x, 12, reverse);
        let y = lstm(&mut model, &y, 9, !reverse);
        let graph = model.finish(&[&y]);
        agree(&graph, &model.read(), &[noise_array(&[3, 7, 5], 1)], 1e-5);
        agree(&graph, &model.read(), &[noise_array(&[1, 7, 5], 2)], 1e-5);
    }
}
