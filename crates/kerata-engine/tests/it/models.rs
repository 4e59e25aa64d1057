//! Small graphs of the usual kinds, built by hand, with their variables.

use std::collections::HashMap;

use kerata_core::graph::{Graph, Tensor};
use kerata_core::{Array, DType, Error, GraphBuilder, Result, Shape, TensorSpec, ops};

/// A graph and the values of its variables.
pub struct Model {
    pub builder: GraphBuilder,
    pub variables: HashMap<String, Array>,
}

/// Numbers in -1 .. 1 from a fixed generator.
pub fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1u64 << 23) as f32) - 1.0
        })
        .collect()
}

/// An array of noise.
pub fn noise_array(shape: &[usize], seed: u64) -> Array {
    Array::from_f32(shape.to_vec(), noise(shape.iter().product(), seed)).expect("the noise fills the shape")
}

impl Model {
    pub fn new() -> Model {
        Model { builder: GraphBuilder::new("model"), variables: HashMap::new() }
    }

    pub fn input(&self, name: &str, shape: &[Option<u64>]) -> Tensor {
        self.builder.input(name, TensorSpec::new(DType::Float32, Shape::new(shape.iter().copied())))
    }

    /// A variable of noise times `scale` plus `shift`.
    pub fn variable(&mut self, path: &str, shape: &[usize], scale: f32, shift: f32) -> Tensor {
        let values = noise(shape.iter().product(), path.bytes().map(u64::from).sum::<u64>() + 7);
        let values = values.into_iter().map(|x| x * scale + shift).collect();
        self.variables.insert(path.to_owned(), Array::from_f32(shape.to_vec(), values).expect("fills"));
        let axes: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
        let spec = TensorSpec::new(DType::Float32, Shape::known(axes));
        self.builder.variable(path, spec, true).expect("a new path")
    }

    pub fn dense(&mut self, path: &str, x: &Tensor, from: usize, to: usize) -> Tensor {
        let scale = (3.0 / from as f32).sqrt();
        let kernel = self.variable(&format!("{path}/kernel"), &[from, to], scale, 0.0);
        let bias = self.variable(&format!("{path}/bias"), &[to], 0.1, 0.0);
        ops::add(&ops::matmul(x, &kernel).expect("fits"), &bias).expect("fits")
    }

    pub fn read(&self) -> impl Fn(&str) -> Result<Array> + '_ {
        |path| self.variables.get(path).cloned().ok_or_else(|| Error::not_found(path))
    }

    pub fn finish(&self, outputs: &[&Tensor]) -> Graph {
        let outputs: Vec<(&str, &Tensor)> = outputs.iter().map(|&tensor| ("output", tensor)).collect();
        self.builder.finish(&outputs).expect("outputs of this graph")
    }
}

/// Softmax of the last axis, of primitives.
pub fn softmax(x: &Tensor) -> Tensor {
    let shifted = ops::subtract(x, &ops::max(x, &[-1], true).expect("max")).expect("subtract");
    let exp = ops::exp(&shifted).expect("exp");
    ops::divide(&exp, &ops::sum(&exp, &[-1], true).expect("sum")).expect("divide")
}

/// A network of dense layers; the last is a softmax.
pub fn mlp(sizes: &[usize]) -> (Model, Graph) {
    let mut model = Model::new();
    let mut x = model.input("x", &[None, Some(sizes[0] as u64)]);
    for (i, pair) in sizes.windows(2).enumerate() {
        x = model.dense(&format!("dense_{i}"), &x, pair[0], pair[1]);
        x = if i + 2 < sizes.len() { ops::relu(&x).expect("relu") } else { softmax(&x) };
    }
    let graph = model.finish(&[&x]);
    (model, graph)
}
