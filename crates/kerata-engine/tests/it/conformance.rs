//! Results agree with the reference engine, for any number of threads and any instruction set bit for bit.

use kerata_core::graph::Graph;
use kerata_core::{Array, Result};
use kerata_engine::cpu::Cpu;
use kerata_engine::cpu::kernels::isa::Isa;
use kerata_engine::reference::Reference;
use kerata_engine::{ENGINES, Engine, SessionOptions};

use crate::models::{self, noise_array};

/// Largest difference of two results relative to the largest element of the second.
pub fn difference(a: &Array, b: &Array) -> f32 {
    assert_eq!(a.shape(), b.shape());
    let (a, b) = (a.as_f32().unwrap(), b.as_f32().unwrap());
    let size = b.iter().fold(1e-30f32, |size, x| size.max(x.abs()));
    a.iter().zip(b).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs())) / size
}

/// Runs a graph on all engines, instruction sets and thread counts.
pub fn agree(graph: &Graph, variables: &dyn Fn(&str) -> Result<Array>, inputs: &[Array], tolerance: f32) {
    let options = SessionOptions::default();
    let wanted = Reference.prepare(graph, variables, &options).unwrap().run(inputs).unwrap();
    let first = Cpu::new().prepare(graph, variables, &options).unwrap().run(inputs).unwrap();
    for (first, wanted) in first.iter().zip(&wanted) {
        let found = difference(first, wanted);
        assert!(found <= tolerance, "differs by {found} in {graph}");
    }
    for isa in Isa::available() {
        for threads in [1, 2, 4] {
            let options = SessionOptions::default().with_threads(threads);
            let session = Cpu::with_isa(isa).prepare(graph, variables, &options).unwrap();
            for _ in 0..2 {
                let again = session.run(inputs).unwrap();
                for (again, first) in again.iter().zip(&first) {
                    assert_eq!(
                        again.as_f32().unwrap(),
                        first.as_f32().unwrap(),
                        "{isa:?}, {threads} threads"
                    );
                }
            }
        }
    }
}

#[test]
fn a_dense_network_agrees() {
    let (model, graph) = models::mlp(&[37, 70, 33, 10]);
    for batch in [1, 3, 50] {
        agree(&graph, &model.read(), &[noise_array(&[batch, 37], 1)], 1e-5);
    }
}

#[test]
fn every_engine_refuses_wrong_inputs() {
    let (model, graph) = models::mlp(&[3, 2]);
    for engine in ENGINES {
        let session = engine.prepare(&graph, &model.read(), &SessionOptions::default()).unwrap();
        assert!(session.run(&[]).is_err(), "{}", engine.name());
        assert!(session.run(&[noise_array(&[1, 4], 1)]).is_err(), "{}", engine.name());
    }
}

#[test]
fn a_batch_split_gives_the_same_bits() {
    let (model, graph) = models::mlp(&[37, 300, 10]);
    let session = Cpu::new().prepare(&graph, &model.read(), &SessionOptions::default()).unwrap();
    let whole = session.run(&[noise_array(&[40, 37], 3)]).unwrap();
    for (i, row) in noise_array(&[40, 37], 3).as_f32().unwrap().chunks(37).enumerate() {
        let one = session.run(&[Array::from_f32([1, 37], row.to_vec()).unwrap()]).unwrap();
        assert_eq!(one[0].as_f32().unwrap(), &whole[0].as_f32().unwrap()[i * 10..(i + 1) * 10]);
    }
}

#[test]
fn one_session_serves_eight_threads() {
    let (model, graph) = models::mlp(&[20, 64, 10]);
    let options = SessionOptions::default().with_threads(2);
    let session = Cpu::new().prepare(&graph, &model.read(), &options).unwrap();
    let wanted: Vec<Array> =
        (0..8).map(|i| session.run(&[noise_array(&[i + 1, 20], i as u64)]).unwrap().remove(0)).collect();
    std::thread::scope(|scope| {
        for (i, wanted) in wanted.iter().enumerate() {
            let session = &session;
            scope.spawn(move || {
                for _ in 0..20 {
                    let got = session.run(&[noise_array(&[i + 1, 20], i as u64)]).unwrap();
                    assert_eq!(got[0].as_f32().unwrap(), wanted.as_f32().unwrap());
                }
            });
        }
    });
}
