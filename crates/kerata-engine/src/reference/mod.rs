//! The reference engine: every node through its op's plain definition, one after the other.

use std::collections::HashMap;

use kerata_core::graph::{Graph, TensorSpec};
use kerata_core::{Array, Error, Result};

use crate::{Engine, Session, SessionOptions, Updates};

/// The reference engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Engine for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn prepare(
        &self,
        graph: &Graph,
        variables: &dyn Fn(&str) -> Result<Array>,
        _options: &SessionOptions,
    ) -> Result<Box<dyn Session>> {
        let mut values = HashMap::new();
        for (path, spec, _) in graph.variables() {
            values.insert(path.to_owned(), checked(path, spec, variables(path)?)?);
        }
        Ok(Box::new(ReferenceSession { graph: graph.clone(), values }))
    }
}

struct ReferenceSession {
    graph: Graph,
    values: HashMap<String, Array>,
}

impl Session for ReferenceSession {
    fn run_with_updates(&self, inputs: &[Array]) -> Result<(Vec<Array>, Updates)> {
        let (outputs, updates) = self.graph.evaluate(inputs, &|path| self.variable(path))?;
        let paths = self.graph.updates.iter().map(|(path, _)| path.clone());
        Ok((outputs, paths.zip(updates).collect()))
    }

    fn set_variables(&mut self, values: Updates) -> Result<()> {
        let specs: HashMap<&str, &TensorSpec> =
            self.graph.variables().map(|(path, spec, _)| (path, spec)).collect();
        for (path, value) in values {
            if let Some(spec) = specs.get(path.as_str()) {
                let value = checked(&path, spec, value)?;
                self.values.insert(path, value);
            }
        }
        Ok(())
    }

    fn variable(&self, path: &str) -> Result<Array> {
        self.values.get(path).cloned().ok_or_else(|| Error::not_found(format!("variable `{path}`")))
    }
}

/// A value of a variable, when it fits.
pub(crate) fn checked(path: &str, spec: &TensorSpec, value: Array) -> Result<Array> {
    let fits = spec.dtype == value.dtype()
        && spec.rank() == value.rank()
        && (0..spec.rank()).all(|axis| spec.size(axis).is_none_or(|size| size == value.shape()[axis]));
    if fits {
        return Ok(value);
    }
    Err(Error::mismatch(format!("expected {spec}, found {}", value.spec())).at(format!("variable `{path}`")))
}

#[cfg(test)]
mod tests {
    use kerata_core::{DType, GraphBuilder, Shape, ops};

    use super::*;

    #[test]
    fn a_step_of_gradient_descent_updates_its_variable() {
        let builder = GraphBuilder::new("step");
        let x = builder.input("x", TensorSpec::new(DType::Float32, Shape::new([None, Some(2)])));
        let w = builder.variable("w", TensorSpec::new(DType::Float32, [2, 1]), true).unwrap();
        let y = ops::matmul(&x, &w).unwrap();
        let loss = ops::sum(&ops::square(&y).unwrap(), &[], false).unwrap();
        let grad =
            kerata_core::autodiff::gradients(&builder, &loss, std::slice::from_ref(&w)).unwrap().remove(0);
        let step = ops::multiply(&grad, &ops::scalar(&grad, 0.5).unwrap()).unwrap();
        builder.update("w", &ops::subtract(&w, &step).unwrap()).unwrap();
        let graph = builder.finish(&[("loss", &loss)]).unwrap();

        let start = |_: &str| Array::from_f32([2, 1], vec![1.0, -1.0]);
        let mut session = Reference.prepare(&graph, &start, &SessionOptions::default()).unwrap();
        let x = Array::from_f32([1, 2], vec![3.0, 1.0]).unwrap();
        let (outputs, updates) = session.run_with_updates(&[x]).unwrap();
        // y = 3 - 1 = 2, loss = 4, d loss / d w = 2 y x = (12, 4), w - half of it = (-5, -3)
        assert_eq!(outputs[0].as_f32().unwrap(), [4.0]);
        session.set_variables(updates).unwrap();
        assert_eq!(session.variable("w").unwrap().as_f32().unwrap(), [-5.0, -3.0]);
    }

    #[test]
    fn wrong_inputs_are_refused() {
        let builder = GraphBuilder::new("identity");
        let x = builder.input("x", TensorSpec::new(DType::Float32, [2]));
        let graph = builder.finish(&[("x", &x)]).unwrap();
        let none = |path: &str| Err(Error::not_found(path));
        let session = Reference.prepare(&graph, &none, &SessionOptions::default()).unwrap();
        assert!(session.run(&[]).is_err());
        assert!(session.run(&[Array::from_f32([3], vec![0.0; 3]).unwrap()]).is_err());
    }
}
