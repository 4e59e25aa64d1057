//! `StackedRNNCells`: cells one above the other.

use crate::layers::prelude::*;
use crate::models::list_attributes;

config! {
    /// Cells of which each takes the output of the one before.
    pub struct StackedRNNCells(
        /// The cells.
        cells: Vec<AnyLayer>,
    ) {}
}

impl StackedRNNCells {
    /// The cells with their attributes: `cells/lstm_cell_1`.
    fn placed(&self) -> impl Iterator<Item = (String, &AnyLayer)> {
        let attributes = list_attributes("cells", self.cells.iter().map(|cell| Some(cell.class_name())));
        attributes.into_iter().flatten().zip(&self.cells)
    }
}

impl Layer for StackedRNNCells {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let mut input = inputs.only()?.clone();
        for (attribute, cell) in self.placed() {
            scope.build(&attribute, cell, std::slice::from_ref(&input))?;
            let sizes = cell.layer().states().into_iter().map(|sizes| {
                let sizes = sizes.into_iter().map(|size| Some(size as u64));
                TensorSpec::new(input.dtype, input.shape.axes().iter().take(1).copied().chain(sizes).collect::<Shape>())
            });
            let specs: Vec<TensorSpec> = [input.clone()].into_iter().chain(sizes).collect();
            let outputs = scope.output_specs(&attribute, cell, &specs)?;
            input = outputs.into_iter().next().ok_or_else(|| Error::internal("a cell without output"))?;
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let (x, mut states) = inputs.split_first().ok_or_else(|| Error::mismatch("expected a step, found nothing"))?;
        let mut output = x.clone();
        let mut new = Vec::with_capacity(states.len());
        for (attribute, cell) in self.placed() {
            let count = cell.layer().states().len();
            let (own, rest) =
                states.split_at_checked(count).ok_or_else(|| Error::mismatch("fewer states than cells need"))?;
            states = rest;
            let arguments: Vec<Tensor> = [output].into_iter().chain(own.iter().cloned()).collect();
            let mut results = scope.call(&attribute, cell, &arguments)?.into_iter();
            output = results.next().ok_or_else(|| Error::internal("a cell without output"))?;
            new.extend(results);
        }
        Ok([output].into_iter().chain(new).collect())
    }

    fn states(&self) -> Vec<Vec<usize>> {
        self.cells.iter().flat_map(|cell| cell.layer().states()).collect()
    }

    fn check(&self) -> Result<()> {
        self.cells.iter().try_for_each(|cell| cell.layer().check())
    }
}
