//! Training steps: gradients through every kind of layer, updates of variables.

use kerata_core::graph::{Graph, Tensor};
use kerata_core::ops::{self, Padding};
use kerata_core::{Array, autodiff};
use kerata_engine::cpu::Cpu;
use kerata_engine::reference::Reference;
use kerata_engine::{Engine, Session, SessionOptions};

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

const TRAINED: [&str; 6] =
    ["conv/kernel", "depthwise/kernel", "up/kernel", "up/bias", "dense/kernel", "dense/bias"];

/// Steps with a mean of gradients beside each variable.
fn momentum() -> (Model, Graph) {
    let mut model = Model::new();
    let (loss, variables) = network(&mut model);
    let gradients = autodiff::gradients(&model.builder, &loss, &variables).unwrap();
    for ((path, variable), gradient) in TRAINED.iter().zip(&variables).zip(&gradients) {
        let slot = format!("{path}/momentum");
        let shape = model.variables[*path].shape().to_vec();
        let momentum = model.variable(&slot, &shape, 0.0, 0.0);
        let kept = ops::multiply(&momentum, &ops::scalar(&momentum, 0.9).unwrap()).unwrap();
        let momentum = ops::add(&kept, gradient).unwrap();
        let step = ops::multiply(&momentum, &ops::scalar(&momentum, 0.1).unwrap()).unwrap();
        model.builder.update(&slot, &momentum).unwrap();
        model.builder.update(path, &ops::subtract(variable, &step).unwrap()).unwrap();
    }
    let graph = model.finish(&[&loss]);
    (model, graph)
}

/// The bits of all variables after some steps on batches of these sizes.
fn bits(session: &mut dyn Session, sizes: &[usize], step: Step) -> Vec<Vec<u32>> {
    for (seed, &size) in (1..).zip(sizes) {
        step(session, noise_array(&[size, 9, 8, 3], seed));
    }
    let value = |path: &str| session.variable(path).unwrap();
    let slots = TRAINED.iter().flat_map(|path| [value(path), value(&format!("{path}/momentum"))]);
    slots.map(|array| array.as_f32().unwrap().iter().map(|x| x.to_bits()).collect()).collect()
}

type Step = fn(&mut dyn Session, Array);

fn in_place(session: &mut dyn Session, x: Array) {
    session.step(&[x]).unwrap();
}

fn apart(session: &mut dyn Session, x: Array) {
    let (_, updates) = session.run_with_updates(&[x]).unwrap();
    session.set_variables(updates).unwrap();
}

#[test]
fn variables_are_updated_where_they_lie() {
    let (model, graph) = momentum();
    let mut session = Cpu::new().prepare(&graph, &model.read(), &SessionOptions::default()).unwrap();
    // The first values belong to the model.
    in_place(session.as_mut(), noise_array(&[4, 9, 8, 3], 1));
    let places = |session: &dyn Session| {
        TRAINED.map(|path| session.variable(path).unwrap().as_f32().unwrap().as_ptr() as usize)
    };
    let before = places(session.as_ref());
    for seed in 2..5 {
        in_place(session.as_mut(), noise_array(&[4, 9, 8, 3], seed));
    }
    assert_eq!(places(session.as_ref()), before);
    // A value that somebody holds is not written over.
    let held = session.variable(TRAINED[0]).unwrap();
    let copy = held.as_f32().unwrap().to_vec();
    in_place(session.as_mut(), noise_array(&[4, 9, 8, 3], 5));
    assert_eq!(held.as_f32().unwrap(), copy);
    assert_ne!(session.variable(TRAINED[0]).unwrap().as_f32().unwrap(), copy);
}

#[test]
fn updates_have_the_same_bits_in_place_apart_and_on_threads() {
    let (model, graph) = momentum();
    let sizes = [4, 4, 3, 4, 1];
    let run = |threads: usize, step: Step| {
        let options = SessionOptions::default().with_threads(threads);
        bits(Cpu::new().prepare(&graph, &model.read(), &options).unwrap().as_mut(), &sizes, step)
    };
    let want = run(1, in_place);
    assert_eq!(run(1, apart), want);
    for threads in [2, 4] {
        assert_eq!(run(threads, in_place), want);
    }
}

#[test]
fn plans_for_known_sizes_have_the_bits_of_the_general_one() {
    let (model, graph) = momentum();
    let prepare = || Cpu::new().prepare(&graph, &model.read(), &SessionOptions::default()).unwrap();
    // More shapes than have plans of their own.
    let mut busy = prepare();
    for size in 10..20 {
        busy.run(&[noise_array(&[size, 9, 8, 3], 1)]).unwrap();
    }
    assert_eq!(bits(busy.as_mut(), &[4, 2], in_place), bits(prepare().as_mut(), &[4, 2], in_place));
}

#[test]
fn steps_with_slots_agree() {
    let (model, graph) = momentum();
    let engines: [&dyn Engine; 2] = [&Reference, &Cpu::new()];
    let [want, found] = engines.map(|engine| {
        let mut session = engine.prepare(&graph, &model.read(), &SessionOptions::default()).unwrap();
        (1..6).for_each(|seed| in_place(session.as_mut(), noise_array(&[4, 9, 8, 3], seed)));
        TRAINED.map(|path| session.variable(path).unwrap())
    });
    for (want, found) in want.iter().zip(&found) {
        assert!(difference(found, want) < 1e-4);
    }
}
