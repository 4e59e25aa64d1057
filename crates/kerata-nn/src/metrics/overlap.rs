//! What the metrics of overlap share: a matrix of labelled and predicted classes.

use kerata_core::ops::Size;

use super::prelude::*;

/// The arguments of all of them.
pub(super) struct Overlap<'a> {
    pub classes: usize,
    /// The classes that count; all when there are none.
    pub targets: Option<&'a [i64]>,
    pub ignore_class: Option<i64>,
    pub axis: i64,
    /// Whether labels, and predictions, are numbers of classes.
    pub is_sparse: [bool; 2],
}

/// Keras's small number.
const EPSILON: f64 = 1e-7;

impl Overlap<'_> {
    pub fn build(&self, declared: &mut Declared) {
        declared.of("total_confusion_matrix", &[self.classes, self.classes], DType::Int64);
    }

    pub fn update(&self, state: &State, y_true: &Tensor, y_pred: &Tensor, sample: &Sample) -> Result<()> {
        let number = |x: &Tensor, is_sparse: bool| {
            let x = if is_sparse { x.clone() } else { ops::argmax(x, Some(self.axis), false)? };
            ops::reshape(&ops::cast(&x, DType::Int64)?, [Size::Infer])
        };
        let y_true = number(y_true, self.is_sparse[0])?;
        let y_pred = number(y_pred, self.is_sparse[1])?;
        let within = |x: &Tensor| {
            let least = ops::greater_equal(x, &ops::zeros_like(x)?)?;
            ops::logical_and(&least, &ops::less(x, &ops::scalar(x, self.classes as i64)?)?)
        };
        let mut counts = ops::logical_and(&within(&y_true)?, &within(&y_pred)?)?;
        if let Some(class) = self.ignore_class {
            let other = ops::logical_not(&ops::equal(&y_true, &ops::scalar(&y_true, class)?)?)?;
            counts = ops::logical_and(&counts, &other)?;
        }
        // Keras counts in whole numbers: so it does with weights.
        let mut weights = ops::cast(&counts, DType::Float32)?;
        if let Some(given) = &sample.weights {
            let given = ops::cast(&ops::cast(given, DType::Int64)?, DType::Float32)?;
            weights = ops::multiply(&weights, &ops::reshape(&given, [Size::Infer])?)?;
        }
        let zero = ops::zeros_like(&y_true)?;
        let one_hot = |x: &Tensor| {
            let x = ops::cast(&ops::select(&counts, x, &zero)?, DType::Int32)?;
            ops::one_hot(&x, self.classes, -1, DType::Float32)
        };
        let rows = ops::multiply(&one_hot(&y_true)?, &ops::expand_dims(&weights, -1)?)?;
        let matrix = ops::matmul(&ops::transpose(&rows, &[1, 0])?, &one_hot(&y_pred)?)?;
        // Sums of whole numbers in floats: rounded before they are cut off.
        state.add("total_confusion_matrix", &ops::cast(&ops::plus(&matrix, 0.5)?, DType::Int64)?)
    }

    pub fn result(&self, state: &State) -> Result<Tensor> {
        let matrix = ops::cast(&state.get("total_confusion_matrix")?, DType::Float32)?;
        let eye: Vec<f32> = (0..self.classes * self.classes)
            .map(|at| if at / self.classes == at % self.classes { 1.0 } else { 0.0 })
            .collect();
        let eye = kerata_core::array::Array::from_f32([self.classes, self.classes], eye)?;
        let found = ops::sum(&ops::multiply(&matrix, &matrix.builder().constant(eye))?, &[0], false)?;
        let both = ops::add(&ops::sum(&matrix, &[0], false)?, &ops::sum(&matrix, &[1], false)?)?;
        let mut union = ops::subtract(&both, &found)?;
        let mut found = found;
        if let Some(targets) = self.targets {
            let places: Vec<i32> = targets.iter().map(|target| *target as i32).collect();
            let places = kerata_core::array::Array::from_vec([places.len()], places)?;
            let places = matrix.builder().constant(places);
            found = ops::take(&found, &places, Some(0))?;
            union = ops::take(&union, &places, Some(0))?;
        }
        let is_there = ops::greater(&union, &ops::scalar(&union, 1e-9)?)?;
        let there = ops::sum(&ops::cast(&is_there, DType::Float32)?, &[], false)?;
        let shares = ops::divide(&found, &ops::plus(&union, EPSILON)?)?;
        let shares = ops::select(&is_there, &shares, &ops::zeros_like(&shares)?)?;
        ops::divide(&ops::sum(&shares, &[], false)?, &ops::plus(&there, EPSILON)?)
    }
}

/// Makes a config a metric that its [`Overlap`] measures.
macro_rules! measured_by_overlap {
    ($metric:ident) => {
        impl Measure for $metric {
            fn build(&self, declared: &mut Declared, _: &Sample) -> Result<()> {
                self.overlap().build(declared);
                Ok(())
            }

            fn update(&self, state: &State, sample: &Sample) -> Result<()> {
                self.overlap().update(state, &sample.y_true, &sample.y_pred, sample)
            }

            fn result(&self, state: &State) -> Result<Tensor> {
                self.overlap().result(state)
            }
        }
    };
}

pub(super) use measured_by_overlap;
