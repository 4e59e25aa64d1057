//! `Real`: the floats in which elementwise ops compute.

use num_traits::Float;

/// float32 or float64, with the functions that the standard library lacks.
pub trait Real: Float + 'static {
    /// The nearest value.
    fn of(value: f64) -> Self;

    /// The value as float64.
    fn wide(self) -> f64;

    /// The error function.
    fn erf(self) -> Self;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }

    fn wide(self) -> f64 {
        self.into()
    }

    fn erf(self) -> Self {
        libm::erff(self)
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn wide(self) -> f64 {
        self
    }

    fn erf(self) -> Self {
        libm::erf(self)
    }
}
