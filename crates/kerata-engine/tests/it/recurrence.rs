//! Loops over sequences: the cells of recurrent layers, which go through in place, and bodies that are none.

use kerata_core::graph::Tensor;
use kerata_core::ops::{self, Scalar, ScanOptions};
use kerata_core::{Array, DType, Result, Shape, TensorSpec};
use kerata_engine::cpu::Cpu;
use kerata_engine::{Engine, SessionOptions};

use crate::conformance::agree;
use crate::models::{Model, noise_array};

/// The body of a layer: states and an element to new states and a result.
type Body<'a> = &'a dyn Fn(&[Tensor], &Tensor) -> Result<(Vec<Tensor>, Tensor)>;

/// Weights of a layer of so many gates.
fn weights(model: &mut Model, width: usize, columns: usize, units: usize) -> [Tensor; 3] {
    let path = format!("layer_{}", model.variables.len());
    [
        model.variable(&format!("{path}/kernel"), &[width, columns], 0.4, 0.0),
        model.variable(&format!("{path}/recurrent"), &[units, columns], 0.3, 0.0),
        model.variable(&format!("{path}/bias"), &[columns], 0.2, 0.0),
    ]
}

/// A loop with `count` states of zeros; the result and the last states, as one value.
fn layer(model: &Model, x: &Tensor, units: usize, count: usize, reverse: bool, body: Body) -> Tensor {
    let steps = ops::transpose(x, &[1, 0, 2]).unwrap();
    let zero = ops::full(&model.builder, [x.size(0), units.into()], 0.0, x.dtype()).unwrap();
    let options = ScanOptions { length: None, reverse };
    let (states, results) =
        ops::scan(&model.builder, &vec![zero; count], &[steps], options, |states, elements| {
            let (states, result) = body(states, &elements[0])?;
            Ok((states, vec![result]))
        })
        .unwrap();
    let sequence = ops::transpose(&results[0], &[1, 0, 2]).unwrap();
    states.iter().fold(sequence, |sum, state| ops::add(&sum, &ops::expand_dims(state, 1).unwrap()).unwrap())
}

fn lstm(model: &mut Model, x: &Tensor, units: usize, reverse: bool) -> Tensor {
    let width = x.spec().known_axis(-1).unwrap();
    let [kernel, recurrent, bias] = weights(model, width, 4 * units, units);
    layer(model, x, units, 2, reverse, &|states, x| {
        let z = ops::add(&ops::matmul(x, &kernel)?, &ops::matmul(&states[0], &recurrent)?)?;
        let gates = ops::split(&ops::add(&z, &bias)?, 4, -1)?;
        let kept = ops::multiply(&ops::sigmoid(&gates[1])?, &states[1])?;
        let new = ops::multiply(&ops::sigmoid(&gates[0])?, &ops::tanh(&gates[2])?)?;
        let cell = ops::add(&kept, &new)?;
        let hidden = ops::multiply(&ops::sigmoid(&gates[3])?, &ops::tanh(&cell)?)?;
        Ok((vec![hidden.clone(), cell], hidden))
    })
}

/// As Keras does it: with the reset gate after the product with the recurrent kernel, or before.
fn gru(model: &mut Model, x: &Tensor, units: usize, reset_after: bool) -> Tensor {
    let width = x.spec().known_axis(-1).unwrap();
    let [kernel, recurrent, bias] = weights(model, width, 3 * units, units);
    layer(model, x, units, 1, false, &|states, x| {
        let state = &states[0];
        let given = ops::split(&ops::add(&ops::matmul(x, &kernel)?, &bias)?, 3, -1)?;
        let (update, new) = if reset_after {
            let own = ops::split(&ops::add(&ops::matmul(state, &recurrent)?, &bias)?, 3, -1)?;
            let update = ops::sigmoid(&ops::add(&given[0], &own[0])?)?;
            let reset = ops::sigmoid(&ops::add(&given[1], &own[1])?)?;
            (update, ops::add(&given[2], &ops::multiply(&reset, &own[2])?)?)
        } else {
            let kernels = ops::split(&recurrent, 3, -1)?;
            let update = ops::sigmoid(&ops::add(&given[0], &ops::matmul(state, &kernels[0])?)?)?;
            let reset = ops::sigmoid(&ops::add(&given[1], &ops::matmul(state, &kernels[1])?)?)?;
            let reset_state = ops::multiply(&reset, state)?;
            (update, ops::add(&given[2], &ops::matmul(&reset_state, &kernels[2])?)?)
        };
        let rest = ops::subtract(&ops::scalar(&update, 1.0)?, &update)?;
        let hidden = ops::add(&ops::multiply(&update, state)?, &ops::multiply(&rest, &ops::tanh(&new)?)?)?;
        Ok((vec![hidden.clone()], hidden))
    })
}

fn simple_rnn(model: &mut Model, x: &Tensor, units: usize) -> Tensor {
    let width = x.spec().known_axis(-1).unwrap();
    let [kernel, recurrent, bias] = weights(model, width, units, units);
    layer(model, x, units, 1, false, &|states, x| {
        let given = ops::add(&ops::matmul(x, &kernel)?, &bias)?;
        let hidden = ops::tanh(&ops::add(&given, &ops::matmul(&states[0], &recurrent)?)?)?;
        Ok((vec![hidden.clone()], hidden))
    })
}

/// How many loops of a graph go through in place, and how many do not.
fn loops(model: &Model, output: &Tensor) -> (usize, usize) {
    let kernels = Cpu::new().explain(&model.finish(&[output]), &model.read()).unwrap();
    let count = |name: &str| kernels.iter().filter(|kernel| *kernel == name).count();
    (count("recurrent"), count("scan"))
}

#[test]
fn recurrent_layers_agree() {
    for reverse in [false, true] {
        let mut model = Model::new();
        let x = model.input("x", &[None, Some(7), Some(5)]);
        let y = lstm(&mut model, &x, 12, reverse);
        let y = lstm(&mut model, &y, 9, !reverse);
        let y = gru(&mut model, &y, 40, reverse);
        let y = simple_rnn(&mut model, &y, 3);
        assert_eq!(loops(&model, &y), (4, 0));
        let graph = model.finish(&[&y]);
        agree(&graph, &model.read(), &[noise_array(&[3, 7, 5], 1)], 1e-5);
        agree(&graph, &model.read(), &[noise_array(&[1, 7, 5], 2)], 1e-5);
    }
}

#[test]
fn long_sequences_and_large_batches_are_cut_without_a_trace() {
    // Wide enough that steps are computed ahead in several blocks, and rows are run apart.
    let mut model = Model::new();
    let x = model.input("x", &[None, None, Some(6)]);
    let y = lstm(&mut model, &x, 130, true);
    let graph = model.finish(&[&y]);
    let (batch, steps) = (150, 11);
    let input = noise_array(&[batch, steps, 6], 4);
    agree(&graph, &model.read(), std::slice::from_ref(&input), 1e-5);
    let session = Cpu::new().prepare(&graph, &model.read(), &SessionOptions::default()).unwrap();
    let whole = session.run(std::slice::from_ref(&input)).unwrap();
    let samples = input.as_f32().unwrap().chunks(steps * 6);
    for (sample, wanted) in samples.zip(whole[0].as_f32().unwrap().chunks(steps * 130)).step_by(29) {
        let one = session.run(&[Array::from_f32([1, steps, 6], sample.to_vec()).unwrap()]).unwrap();
        assert_eq!(one[0].as_f32().unwrap(), wanted);
    }
    for shape in [[0, 11, 6], [2, 0, 6]] {
        let made = session.run(&[noise_array(&shape, 1)]).unwrap();
        assert_eq!(made[0].shape(), [shape[0], shape[1], 130]);
    }
}

#[test]
fn masks_and_counters_are_part_of_a_cell() {
    let mut model = Model::new();
    let x = model.input("x", &[Some(6), None, Some(4)]);
    let mask = model.builder.input("mask", TensorSpec::new(DType::Bool, Shape::new([Some(6), None])));
    let [kernel, recurrent, _] = weights(&mut model, 4, 10, 10);
    let zero = ops::full(&model.builder, [x.size(1), 10u64.into()], 0.0, DType::Float32).unwrap();
    let counter = ops::full(&model.builder, Vec::<ops::Size>::new(), Scalar::from(3), DType::Int32).unwrap();
    let (states, results) = ops::scan(
        &model.builder,
        &[counter, zero],
        &[x, mask],
        ScanOptions::default(),
        |states, elements| {
            let given = ops::matmul(&elements[0], &kernel)?;
            let new = ops::tanh(&ops::add(&given, &ops::matmul(&states[1], &recurrent)?)?)?;
            let counts = ops::expand_dims(&elements[1], -1)?;
            let output = ops::select(&counts, &new, &ops::zeros_like(&new)?)?;
            let count = ops::add(&states[0], &ops::scalar(&states[0], 2)?)?;
            Ok((vec![count, ops::select(&counts, &new, &states[1])?], vec![output]))
        },
    )
    .unwrap();
    let count = ops::cast(&states[0], DType::Float32).unwrap();
    let y = ops::add(&ops::add(&results[0], &states[1]).unwrap(), &count).unwrap();
    assert_eq!(loops(&model, &y), (1, 0));
    let graph = model.finish(&[&y]);
    let flags = (0..18).map(|at| at % 3 != 1 && at != 12).collect();
    let mask = Array::from_bools([6, 3], flags).unwrap();
    agree(&graph, &model.read(), &[noise_array(&[6, 3, 4], 5), mask], 1e-5);
}

#[test]
fn bodies_that_are_no_cell_are_loops() {
    let model = Model::new();
    let x = model.input("x", &[None, Some(5), Some(4)]);
    let y = layer(&model, &x, 4, 1, true, &|states, x| {
        // A softmax over the batch mixes rows.
        let mixed = ops::softmax(&ops::add(x, &states[0])?, &[0])?;
        Ok((vec![mixed.clone()], mixed))
    });
    assert_eq!(loops(&model, &y), (0, 1));
    agree(&model.finish(&[&y]), &model.read(), &[noise_array(&[3, 5, 4], 1)], 1e-5);
}
