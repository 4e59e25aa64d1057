//! `SReLU`: three lines with learned slopes and ends, of Keras 1.

use super::parametric_softplus::parameter_shape;
use crate::layers::prelude::*;

config! {
    /// The identity between two places, lines with learned slopes beyond them.
    pub struct SReLU {
        /// Start values of the left place.
        t_left_init: Initializer = Initializer::zeros(),
        /// Start values of the left slope.
        a_left_init: Initializer = Initializer::glorot_uniform(),
        /// Start values of the distance of the right place.
        t_right_init: Initializer = Initializer::glorot_uniform(),
        /// Start values of the right slope.
        a_right_init: Initializer = Initializer::ones(),
        /// The axes along which places and slopes are shared.
        shared_axes: Option<Axes> = None,
    }
}

impl Layer for SReLU {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let shape = parameter_shape(inputs.only()?, self.shared_axes.as_ref())?;
        scope.variable("t_left", &shape, &self.t_left_init)?;
        scope.variable("a_left", &shape, &self.a_left_init)?;
        scope.variable("t_right", &shape, &self.t_right_init)?;
        scope.variable("a_right", &shape, &self.a_right_init)?;
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let left = scope.get("t_left")?;
        let span = ops::absolute(&scope.get("t_right")?)?;
        let from_left = ops::subtract(inputs.only()?, &left)?;
        let center = ops::minimum(&ops::relu(&from_left)?, &span)?;
        let below = ops::multiply(&ops::relu(&ops::negative(&from_left)?)?, &scope.get("a_left")?)?;
        let above = ops::relu(&ops::subtract(&from_left, &span)?)?;
        let above = ops::multiply(&above, &scope.get("a_right")?)?;
        Ok(vec![ops::add(&ops::add(&left, &ops::subtract(&center, &below)?)?, &above)?])
    }
}
