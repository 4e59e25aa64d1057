//! Convolutions and pooling of all kinds, with what follows them fused.

use kerata_core::ops::{self, Padding};
use kerata_engine::cpu::Cpu;

use crate::conformance::agree;
use crate::models::{Model, noise_array};

/// Sizes of one case: spatial input, channels, window, filters, stride, dilation.
struct Case(&'static [usize], usize, &'static [usize], usize, usize, usize);

const CASES: &[Case] = &[
    Case(&[9, 8], 3, &[3, 3], 8, 2, 1),
    Case(&[9, 8], 16, &[1, 1], 20, 1, 1),
    Case(&[9, 8], 16, &[1, 1], 40, 2, 1),
    Case(&[10, 7], 17, &[3, 2], 33, 1, 2),
    Case(&[20], 12, &[5], 9, 1, 1),
    Case(&[20], 12, &[3], 9, 1, 4),
    Case(&[5, 6, 7], 4, &[2, 3, 3], 6, 2, 1),
    Case(&[3, 3], 8, &[5, 5], 8, 1, 1),
    Case(&[12, 12], 130, &[3, 3], 70, 1, 1),
];

fn paddings(spatial: usize) -> [Padding; 3] {
    [Padding::Same, Padding::Valid, Padding::Explicit(vec![(2, 1); spatial])]
}

fn shape(batch: usize, spatial: &[usize], channels: usize) -> Vec<usize> {
    [&[batch], spatial, &[channels]].concat()
}

#[test]
fn convolutions_with_folded_norm_and_activation_agree() {
    for Case(spatial, channels, window, filters, stride, dilation) in CASES {
        for padding in paddings(spatial.len()) {
            let mut model = Model::new();
            let axes: Vec<_> = shape(0, spatial, *channels).iter().map(|&n| Some(n as u64)).collect();
            let x = model.input("x", &[&[None], &axes[1..]].concat());
            let kernel = [*window, &[*channels, *filters]].concat();
            let kernel = model.variable("kernel", &kernel, 0.2, 0.0);
            let y = ops::conv(&x, &kernel, &[*stride], padding, &[*dilation]);
            let Ok(y) = y else { continue };
            let bias = model.variable("bias", &[*filters], 0.2, 0.0);
            let scale = model.variable("scale", &[*filters], 0.5, 1.0);
            let y = ops::multiply(&ops::add(&y, &bias).unwrap(), &scale).unwrap();
            let y = ops::relu(&ops::subtract(&y, &bias).unwrap()).unwrap();
            let y = ops::tanh(&y).unwrap();
            let graph = model.finish(&[&y]);
            assert_eq!(Cpu::new().explain(&graph, &model.read()).unwrap(), ["conv+"]);
            agree(&graph, &model.read(), &[noise_array(&shape(2, spatial, *channels), 3)], 1e-5);
        }
    }
}

#[test]
fn depthwise_and_grouped_convolutions_agree() {
    for (spatial, channels, multiplier, window, stride, dilation) in [
        (&[9usize, 8][..], 16, 1, &[3usize, 3][..], 1, 1),
        (&[9, 20], 37, 1, &[3, 3], 1, 1),
        (&[9, 20], 37, 1, &[5, 5], 1, 1),
        (&[9, 20], 24, 1, &[3, 3], 2, 1),
        (&[9, 20], 24, 1, &[2, 4], 1, 2),
        (&[30], 19, 1, &[3], 1, 1),
        (&[9, 8], 6, 2, &[3, 3], 1, 1),
        (&[1, 2], 5, 1, &[3, 3], 1, 1),
    ] {
        for padding in paddings(spatial.len()) {
            let mut model = Model::new();
            let axes: Vec<_> = shape(0, spatial, channels).iter().map(|&n| Some(n as u64)).collect();
            let x = model.input("x", &[&[None], &axes[1..]].concat());
            let kernel = [window, &[channels, multiplier]].concat();
            let kernel = model.variable("kernel", &kernel, 0.3, 0.0);
            let Ok(y) = ops::depthwise_conv(&x, &kernel, &[stride], padding, &[dilation]) else { continue };
            let bias = model.variable("bias", &[channels * multiplier], 0.2, 0.0);
            let y = ops::sigmoid(&ops::add(&y, &bias).unwrap()).unwrap();
            let graph = model.finish(&[&y]);
            agree(&graph, &model.read(), &[noise_array(&shape(2, spatial, channels), 3)], 1e-5);
        }
    }
    let mut model = Model::new();
    let x = model.input("x", &[None, Some(7), Some(6), Some(12)]);
    let kernel = model.variable("kernel", &[3, 3, 4, 9], 0.3, 0.0);
    let y = ops::conv(&x, &kernel, &[1], Padding::Same, &[1]).unwrap();
    let graph = model.finish(&[&ops::relu(&y).unwrap()]);
    agree(&graph, &model.read(), &[noise_array(&[2, 7, 6, 12], 3)], 1e-5);
}

#[test]
fn pooling_agrees() {
    for (spatial, sizes, strides) in [
        (&[9usize, 8][..], &[2usize, 2][..], &[][..]),
        (&[9, 8], &[3, 3], &[2]),
        (&[11], &[4], &[3]),
        (&[5, 6, 7], &[2, 2, 3], &[1]),
    ] {
        for padding in [Padding::Same, Padding::Valid] {
            let model = Model::new();
            let axes: Vec<_> = shape(0, spatial, 19).iter().map(|&n| Some(n as u64)).collect();
            let x = model.input("x", &[&[None], &axes[1..]].concat());
            let a = ops::max_pool(&x, sizes, strides, padding.clone()).unwrap();
            let b = ops::average_pool(&x, sizes, strides, padding.clone()).unwrap();
            let graph = model.builder.finish(&[("a", &a), ("b", &b)]).unwrap();
            agree(&graph, &model.read(), &[noise_array(&shape(2, spatial, 19), 3)], 1e-6);
        }
    }
}
