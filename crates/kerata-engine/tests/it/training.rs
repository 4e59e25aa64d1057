//! Training steps: gradients through every kind of layer, updates of variables.

use kerata_core::graph::Tensor;
use kerata_core::ops::{self, Padding};
use kerata_core::{Array, autodiff};
use kerata_engine::cpu::Cpu;
use kerata_engine::reference::Reference;
use kerata_engine::{Engine, SessionOptions};

use crate::conformance::{agree, difference};
use crate::models::{Model, noise_array};

fn network(model: &mut Model) -> (Tensor, Vec<Tensor>) {
    let x = model.input("x", &[None, Some(9), Some(8), Some(3)]);
    let kernel = model.variable("conv/kernel", &[3, 3, 3, 8], 0.4, 0.0);
    let depthwise = model.variable("depthwise/kernel", &[3, 3, 8, 1], 0.4, 0.0);
    let up = model.variable("up/kernel", &[2, 2, 5, 8], 0.4, 0.0);
    let bias = model.variable("up/bias", &[5], 0.1, 0.0);
    let y = ops::relu(&ops::conv(&x, &kernel, &[2], Padding::Same, &[1]).unwrap()).unwrap();
    let y = ops::tanh(&ops::depthwise_conv(&y, &depthwise, &[1], Padding::Same, &[1]).unwrap()).unwrap();
    let y = ops::conv_transpose(&y, &up, &[2], Padding::Valid, None, &[1]).unwrap();
    let y = ops::add(&y, &bias).unwrap();
    let a = ops::max_pool(&y, &[2, 2], &[2], Padding::Same).unwrap();
    let b = ops::average_pool(&y, &[3, 3], &[2], Padding::Same).unwrap();
    let y = ops::mean(&ops::multiply(&a, &b).unwrap(), &[1, 2], false).unwrap();
    let y = ops::softmax(&model.dense("dense", &y, 5, 4), &[-1]).unwrap();
    let loss = ops::mean(&ops::square(&y).unwrap(), &[], false).unwrap();
    let wanted = ["dense/kernel", "dense/bias"].map(|path| {
        let shape: Vec<u64> = model.variables[path].shape().iter().map(|&n| n as u64).collect();
        let spec = kerata_core::TensorSpec::new(kerata_core::DType::Float32, shape);
        model.builder.variable(path, spec, true).unwrap()
    });
    (loss, [vec![kernel, depthwise, up, bias], wanted.to_vec()].concat())
}

#[test]
fn gradients_agree() {
    let mut model = Model::new();
    let (loss, variables) = network(&mut model);
    let gradients = autodiff::gradients(&model.builder, &loss, &variables).unwrap();
    let outputs: Vec<&Tensor> = gradients.iter().chain([&loss]).collect();
    let graph = model.finish(&outputs);
    agree(&graph, &model.read(), &[noise_array(&[4, 9, 8, 3], 1)], 2e-5);
}

#[test]
fn steps_of_gradient_descent_agree() {
    let mut model = Model::new();
    let (loss, variables) = network(&mut model);
    let gradients = autodiff::gradients(&model.builder, &loss, &variables).unwrap();
    let paths = ["conv/kernel", "depthwise/kernel", "up/kernel", "up/bias", "dense/kernel", "dense/bias"];
    for ((path, variable), gradient) in paths.iter().zip(&variables).zip(&gradients) {
        let step = ops::multiply(gradient, &ops::scalar(gradient, 0.5).unwrap()).unwrap();
        model.builder.update(path, &ops::subtract(variable, &step).unwrap()).unwrap();
    }
    let graph = model.finish(&[&loss]);
    let engines: [&dyn Engine; 2] = [&Reference, &Cpu::new()];
    let runs = engines.map(|engine| {
        let mut session = engine.prepare(&graph, &model.read(), &SessionOptions::default()).unwrap();
        let losses: Vec<f32> = (0..5)
            .map(|_| {
                let (outputs, updates) = session.run_with_updates(&[noise_array(&[4, 9, 8, 3], 1)]).unwrap();
                session.set_variables(updates).unwrap();
                outputs[0].as_f32().unwrap()[0]
            })
            .collect();
        (losses, paths.map(|path| session.variable(path).unwrap()))
    });
    for (a, b) in runs[0].1.iter().zip(&runs[1].1) {
        assert!(difference(b, a) < 1e-4);
    }
    let losses = runs.map(|(losses, _)| Array::vector(losses));
    assert!(difference(&losses[1], &losses[0]) < 1e-5);
}
