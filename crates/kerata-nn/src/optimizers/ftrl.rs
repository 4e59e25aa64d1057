//! `Ftrl`: follow the regularized leader: weights that stay zero.

use super::prelude::*;

config! {
    /// Follow the regularized leader.
    pub struct Ftrl {
        /// How the rate falls; at most 0.
        learning_rate_power: f64 = -0.5,
        /// Where the sums of squares start.
        initial_accumulator_value: f64 = 0.1,
        /// Penalty on absolute values.
        l1_regularization_strength: f64 = 0.0,
        /// Penalty on squares.
        l2_regularization_strength: f64 = 0.0,
        /// Penalty on squares that counts in the loss only.
        l2_shrinkage_regularization_strength: f64 = 0.0,
        /// Added to the penalty on squares, over the rate.
        beta: f64 = 0.0,
    }
}

impl Optimize for Ftrl {
    fn common(&self) -> Common {
        Common::new(0.001)
    }

    fn build(&self, slots: &mut Slots) {
        slots.each_of(&[("accumulator", self.initial_accumulator_value), ("linear", 0.0)]);
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let rate = &at.learning_rate;
        let shrink = ops::times(&at.variable, 2.0 * self.l2_shrinkage_regularization_strength)?;
        let gradient = ops::add(&at.gradient, &shrink)?;
        let raise = |x: &Tensor| ops::power(x, &ops::scalar(x, -self.learning_rate_power)?);
        let before = at.slot("accumulator")?;
        let sum = at.set("accumulator", ops::add(&before, &at.squares()?)?);
        let sigma = ops::divide(&ops::subtract(&raise(&sum)?, &raise(&before)?)?, rate)?;
        let change = ops::subtract(&gradient, &ops::multiply(&sigma, &at.variable)?)?;
        let linear = at.set("linear", ops::add(&at.slot("linear")?, &change)?);
        let penalty = ops::plus(
            &ops::divide(&at.number(self.beta)?, &ops::times(rate, 2.0)?)?,
            self.l2_regularization_strength,
        )?;
        let quadratic = ops::add(&ops::divide(&raise(&sum)?, rate)?, &ops::times(&penalty, 2.0)?)?;
        let l1 = self.l1_regularization_strength;
        ops::divide(&ops::subtract(&ops::clip(&linear, -l1, l1)?, &linear)?, &quadratic)
    }
}
