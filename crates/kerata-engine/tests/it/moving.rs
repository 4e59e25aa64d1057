//! Moves and reductions.

use kerata_core::ops::{self, PadMode, Range};
use kerata_core::{Array, DType, TensorSpec};

use crate::conformance::agree;
use crate::models::{Model, noise_array};

#[test]
fn transposes_slices_splits_joins_and_pads_agree() {
    let model = Model::new();
    let x = model.input("x", &[None, Some(12), Some(5), Some(18)]);
    let a = ops::transpose(&x, &[0, 2, 1, 3]).unwrap();
    let b = ops::transpose(&x, &[3, 1, 2, 0]).unwrap();
    let range = |start, stop, step| Range { start: Some(start), stop: Some(stop), step };
    let c = ops::slice(&x, &[Range::ALL, range(1, -1, 3), Range::ALL, range(2, 17, 1)]).unwrap();
    let d = ops::flip(&x, &[1]).unwrap();
    let parts = ops::split(&x, 3, 1).unwrap();
    let e = ops::concatenate(&[parts[2].clone(), parts[0].clone()], 1).unwrap();
    let f = ops::concatenate(&[parts[1].clone(), parts[0].clone()], -1).unwrap();
    let g = ops::pad(&x, &[(0, 0), (1, 2), (0, 0), (3, 0)], PadMode::Constant, -2.5).unwrap();
    let outputs = [&a, &b, &c, &d, &e, &f, &g];
    let graph = model.finish(&outputs);
    agree(&graph, &model.read(), &[noise_array(&[2, 12, 5, 18], 3)], 0.0);
    agree(&graph, &model.read(), &[noise_array(&[64, 12, 5, 18], 3)], 0.0);
}

#[test]
fn reductions_over_any_axes_agree() {
    for axes in [&[][..], &[0], &[1], &[2], &[3], &[1, 2], &[0, 1, 2], &[2, 3], &[1, 3], &[0, 2]] {
        let model = Model::new();
        let x = model.input("x", &[None, Some(9), Some(5), Some(37)]);
        let sum = ops::sum(&x, axes, false).unwrap();
        let mean = ops::mean(&x, axes, true).unwrap();
        let max = ops::max(&x, axes, false).unwrap();
        let min = ops::min(&x, axes, true).unwrap();
        let prod = ops::prod(&x, axes, false).unwrap();
        let graph = model.finish(&[&sum, &mean, &max, &min, &prod]);
        agree(&graph, &model.read(), &[noise_array(&[3, 9, 5, 37], 3)], 2e-6);
        agree(&graph, &model.read(), &[noise_array(&[40, 9, 5, 37], 3)], 2e-6);
    }
}

#[test]
fn rows_are_taken_by_place() {
    let mut model = Model::new();
    let table = model.variable("table", &[50, 7], 1.0, 0.0);
    let places = model.builder.input("places", TensorSpec::new(DType::Int32, [2, 3]));
    let rows = ops::take(&table, &places, Some(0)).unwrap();
    let columns =
        ops::take(&table, &ops::remainder(&places, &ops::scalar(&places, 7.0).unwrap()).unwrap(), Some(1));
    let graph = model.finish(&[&rows, &columns.unwrap()]);
    let places = Array::from_vec([2, 3], vec![0i32, 49, -1, -50, 3, 3]).unwrap();
    agree(&graph, &model.read(), &[places], 0.0);
}
