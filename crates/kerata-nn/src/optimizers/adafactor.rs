//! `Adafactor`: mean squares kept as a row and a column of each matrix.

use super::prelude::*;

config! {
    /// Adaptive steps with little memory.
    pub struct Adafactor {
        /// How the mean of squares slows down.
        beta_2_decay: f64 = -0.8,
        /// Added to squared gradients.
        epsilon_1: f64 = 1e-30,
        /// The smallest size of a weight that counts.
        epsilon_2: f64 = 1e-3,
        /// Steps beyond it are scaled down.
        clip_threshold: f64 = 1.0,
        /// Whether the rate falls with the steps.
        relative_step: bool = true,
    }
}

impl Optimize for Adafactor {
    fn common(&self) -> Common {
        Common::new(0.001)
    }

    fn build(&self, slots: &mut Slots) {
        for variable in 0..slots.trained().len() {
            let sizes = slots.trained()[variable].sizes.clone();
            match sizes.as_slice() {
                [rest @ .., rows, columns] => {
                    slots.one("r", variable, [rest, &[*rows]].concat(), 0.0);
                    slots.one("c", variable, [rest, &[*columns]].concat(), 0.0);
                }
                _ => ["r", "c"].into_iter().for_each(|name| slots.placeholder(name, variable)),
            }
            slots.one("velocity", variable, sizes, 0.0);
        }
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        let root_mean_square = |x: &Tensor| ops::sqrt(&ops::mean(&ops::square(x)?, &[], false)?);
        let slowing = ops::divide(&at.number(1.0)?, &ops::sqrt(&at.step)?)?;
        let rate = ops::minimum(&at.learning_rate, &slowing)?;
        let size = ops::maximum(&at.number(self.epsilon_2)?, &root_mean_square(&at.variable)?)?;
        let rate = ops::multiply(&size, &rate)?;
        let squares = ops::plus(&at.squares()?, self.epsilon_1)?;
        let old = ops::one_minus(&ops::power(&at.step, &at.number(self.beta_2_decay)?)?)?;
        let new = ops::one_minus(&old)?;
        let mix = |slot: &'static str, value: &Tensor| {
            let value = ops::add(&ops::multiply(&old, &at.slot(slot)?)?, &ops::multiply(&new, value)?)?;
            Ok::<_, Error>(at.set(slot, value))
        };
        let velocity = if at.variable.rank() >= 2 {
            let rows = mix("r", &ops::mean(&squares, &[-1], false)?)?;
            let columns = mix("c", &ops::mean(&squares, &[-2], false)?)?;
            let rows = ops::divide(&rows, &ops::mean(&rows, &[-1], true)?)?;
            let product = ops::multiply(&ops::expand_dims(&rows, -1)?, &ops::expand_dims(&columns, -2)?)?;
            at.set("velocity", product)
        } else {
            mix("velocity", &squares)?
        };
        let step = ops::divide(&at.gradient, &ops::sqrt(&velocity)?)?;
        let excess = ops::times(&root_mean_square(&step)?, 1.0 / self.clip_threshold)?;
        let step = ops::divide(&step, &ops::maximum(&at.number(1.0)?, &excess)?)?;
        ops::subtract(&at.variable, &ops::multiply(&rate, &step)?)
    }
}
