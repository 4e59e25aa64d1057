//! Chains that the CPU engine fuses: broadcasting in all directions, row reductions, folded scales.

use kerata_core::ops;
use kerata_engine::cpu::Cpu;

use crate::conformance::agree;
use crate::models::{Model, noise_array, softmax};

#[test]
fn broadcast_chains_agree() {
    let shapes: &[&[&[usize]]] = &[
        &[&[4, 5, 6], &[6], &[5, 1]],
        &[&[4, 5, 6], &[4, 1, 6], &[1, 5, 1]],
        &[&[3, 1], &[1, 700], &[3, 700]],
        &[&[2, 3000], &[3000], &[2, 1]],
        &[&[1, 1], &[1], &[]],
        &[&[9, 7, 5, 3], &[9, 1, 1, 3], &[7, 1, 3]],
        &[&[200, 600], &[600], &[200, 1]],
    ];
    for shapes in shapes {
        let model = Model::new();
        let inputs: Vec<_> = shapes
            .iter()
            .map(|shape| {
                let axes: Vec<Option<u64>> = shape.iter().map(|&size| Some(size as u64)).collect();
                model.input(&format!("x{}", model.builder.len()), &axes)
            })
            .collect();
        let sum = ops::add(&inputs[0], &inputs[1]).unwrap();
        let y = ops::multiply(&ops::tanh(&sum).unwrap(), &inputs[2]).unwrap();
        let y = ops::subtract(&ops::sigmoid(&y).unwrap(), &ops::square(&sum).unwrap()).unwrap();
        let graph = model.finish(&[&y]);
        let values: Vec<_> =
            shapes.iter().enumerate().map(|(i, shape)| noise_array(shape, i as u64)).collect();
        agree(&graph, &model.read(), &values, 1e-6);
    }
}

#[test]
fn one_number_with_axes_gives_its_axes_to_the_sum() {
    let model = Model::new();
    let x = model.input("x", &[]);
    let zero = model.builder.constant(noise_array(&[1, 1], 3));
    let y = ops::tanh(&ops::add(&x, &zero).unwrap()).unwrap();
    assert_eq!(y.spec().sizes().unwrap(), [1, 1]);
    let graph = model.finish(&[&y]);
    agree(&graph, &model.read(), &[noise_array(&[], 1)], 1e-6);
}

#[test]
fn layer_norm_and_softmax_agree() {
    for (rows, width) in [(1, 3), (7, 130), (300, 17), (2, 5000)] {
        let mut model = Model::new();
        let x = model.input("x", &[None, Some(width as u64)]);
        let scale = model.variable("gamma", &[width], 0.5, 1.0);
        let share = ops::scalar(&x, 1.0 / width as f64).unwrap();
        let mean = |x| ops::multiply(&ops::sum(x, &[-1], true).unwrap(), &share).unwrap();
        let centered = ops::subtract(&x, &mean(&x)).unwrap();
        let variance = mean(&ops::square(&centered).unwrap());
        let epsilon = ops::scalar(&variance, 1e-3).unwrap();
        let y = ops::divide(&centered, &ops::add(&variance, &epsilon).unwrap()).unwrap();
        let y = ops::multiply(&y, &scale).unwrap();
        let graph = model.finish(&[&softmax(&y)]);
        agree(&graph, &model.read(), &[noise_array(&[rows, width], 5)], 2e-6);
    }
}

#[test]
fn scales_and_shifts_after_a_product_are_folded() {
    let mut model = Model::new();
    let x = model.input("x", &[None, Some(12)]);
    let y = model.dense("dense", &x, 12, 9);
    let mean = model.variable("mean", &[9], 1.0, 0.0);
    let scale = model.variable("scale", &[9], 0.3, 1.0);
    let y = ops::multiply(&ops::subtract(&y, &mean).unwrap(), &scale).unwrap();
    let y = ops::add(&y, &mean).unwrap();
    let skip = model.dense("skip", &x, 12, 9);
    let y = ops::relu(&ops::add(&ops::relu(&y).unwrap(), &skip).unwrap()).unwrap();
    let graph = model.finish(&[&y]);
    let kernels = Cpu::new().explain(&graph, &model.read()).unwrap();
    assert_eq!(kernels, ["matmul+", "matmul+"]);
    agree(&graph, &model.read(), &[noise_array(&[5, 12], 2)], 1e-5);
}

#[test]
fn batched_products_agree() {
    for (left, right) in [
        (vec![2, 3, 5, 4], vec![2, 3, 4, 6]),
        (vec![2, 1, 5, 4], vec![3, 4, 6]),
        (vec![5, 4], vec![2, 4, 6]),
        (vec![3, 2, 5, 4], vec![4, 6]),
    ] {
        let model = Model::new();
        let axes = |shape: &[usize]| shape.iter().map(|&size| Some(size as u64)).collect::<Vec<_>>();
        let a = model.input("a", &axes(&left));
        let b = model.input("b", &axes(&right));
        let y = softmax(&ops::matmul(&a, &b).unwrap());
        let graph = model.finish(&[&y]);
        agree(&graph, &model.read(), &[noise_array(&left, 1), noise_array(&right, 2)], 1e-5);
    }
}

#[test]
fn activations_are_one_step() {
    let model = Model::new();
    let x = model.input("x", &[None, Some(33)]);
    let outputs = [
        ops::leaky_relu(&x, 0.2).unwrap(),
        ops::elu(&x, 1.0).unwrap(),
        ops::gelu(&x, false).unwrap(),
        ops::gelu(&x, true).unwrap(),
        ops::silu(&x).unwrap(),
        ops::hard_sigmoid(&x).unwrap(),
        ops::relu6(&x).unwrap(),
        ops::softplus(&x).unwrap(),
        ops::log_softmax(&x, &[-1]).unwrap(),
        ops::softmax(&x, &[-1]).unwrap(),
        ops::relu_with(&x, 0.1, Some(3.0), 0.2).unwrap(),
    ];
    for output in &outputs {
        let graph = model.finish(&[output]);
        assert_eq!(Cpu::new().explain(&graph, &model.read()).unwrap(), ["fused"], "{graph}");
        agree(&graph, &model.read(), &[noise_array(&[6, 33], 2)], 2e-6);
    }
}

#[test]
fn reshapes_around_products_do_not_split_a_layer() {
    let mut model = Model::new();
    let x = model.input("x", &[None, Some(7), Some(12)]);
    let kernel = model.variable("kernel", &[12, 20], 0.5, 0.0);
    let bias = model.variable("bias", &[20], 0.5, 0.0);
    let heads = model.variable("heads", &[4, 5], 0.5, 0.0);
    let rows = ops::reshape(&x, [-1, 12]).unwrap();
    let product = ops::matmul(&rows, &kernel).unwrap();
    // As TensorFlow's `Tensordot`: all but the last axis are one, and are taken apart again.
    let sizes = |last: &[u64]| {
        [x.size(0), 7u64.into()].into_iter().chain(last.iter().map(|&n| n.into())).collect::<Vec<_>>()
    };
    let back = ops::reshape(&product, sizes(&[20])).unwrap();
    let layer = ops::gelu(&ops::add(&back, &bias).unwrap(), false).unwrap();
    let split = ops::reshape(&ops::matmul(&x, &kernel).unwrap(), sizes(&[4, 5])).unwrap();
    let headed = ops::add(&split, &heads).unwrap();
    // Other rows than those that were put together stay so.
    let other = ops::reshape(&product, [7u64.into(), x.size(0), 20u64.into()]).unwrap();
    let other = ops::add(&other, &bias).unwrap();
    for (y, kernels) in [
        (&layer, &["matmul+"][..]),
        (&headed, &["matmul+", "reshape"]),
        (&other, &["reshape", "matmul+", "reshape"]),
    ] {
        let graph = model.finish(&[y]);
        assert_eq!(Cpu::new().explain(&graph, &model.read()).unwrap(), kernels, "{graph}");
        for batch in [1, 3, 7] {
            agree(&graph, &model.read(), &[noise_array(&[batch, 7, 12], 2)], 1e-6);
        }
    }
}

#[test]
fn attention_agrees() {
    let model = Model::new();
    let [q, k, v] = ["q", "k", "v"].map(|name| model.input(name, &[None, Some(9), Some(3), Some(8)]));
    for is_causal in [false, true] {
        let y = ops::dot_product_attention(&q, &k, &v, None, None, None, is_causal).unwrap();
        let graph = model.finish(&[&y]);
        if !is_causal {
            let kernels = Cpu::new().explain(&graph, &model.read()).unwrap();
            assert_eq!(kernels, ["matmul+", "matmul"], "{graph}");
        }
        let inputs = [1, 2, 3].map(|seed| noise_array(&[2, 9, 3, 8], seed));
        agree(&graph, &model.read(), &inputs, 1e-5);
    }
}

#[test]
fn chains_of_several_products_agree() {
    // Two products meet in one chain, in either order; a row reduction follows a product; values are used twice.
    let mut model = Model::new();
    let x = model.input("x", &[None, Some(4)]);
    let stack = model.dense("stack", &x, 4, 4);
    let mean = ops::mean(&stack, &[-1], true).unwrap();
    let variance =
        ops::mean(&ops::square(&ops::subtract(&stack, &mean).unwrap()).unwrap(), &[-1], true).unwrap();
    let scale = model.variable("gamma", &[1, 4], 0.5, 1.0);
    let factor = ops::multiply(&ops::rsqrt(&ops::plus(&variance, 1e-3).unwrap()).unwrap(), &scale).unwrap();
    let shift = ops::negative(&ops::multiply(&mean, &factor).unwrap()).unwrap();
    let norm = ops::add(&ops::multiply(&stack, &factor).unwrap(), &shift).unwrap();
    let a = model.dense("a", &norm, 4, 4);
    let b = model.dense("b", &norm, 4, 4);
    let c = ops::subtract(&ops::add(&norm, &a).unwrap(), &b).unwrap();
    let d = model.dense("d", &c, 4, 4);
    let e = model.dense("e", &c, 4, 4);
    let f = ops::add(&d, &e).unwrap();
    let g = ops::multiply(&model.dense("g", &f, 4, 4), &model.dense("h", &f, 4, 4)).unwrap();
    let i = ops::add(&model.dense("i", &f, 4, 4), &g).unwrap();
    for (name, y) in [("norm", &norm), ("c", &c), ("f", &f), ("g", &g), ("i", &i)] {
        let graph = model.finish(&[y]);
        println!("{name} {:?}", Cpu::new().explain(&graph, &model.read()).unwrap());
        agree(&graph, &model.read(), &[noise_array(&[3, 4], 2)], 1e-5);
    }
}
