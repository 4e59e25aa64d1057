//! `Muon`: steps of orthogonal matrices; Adam for all that is no matrix.

use super::Trained;
use super::prelude::*;

config! {
    /// Momentum orthogonalized by Newton-Schulz iterations.
    pub struct Muon {
        /// `beta_1` of Adam.
        adam_beta_1: f64 = 0.9,
        /// `beta_2` of Adam.
        adam_beta_2: f64 = 0.999,
        /// Keeps quotients finite.
        epsilon: f64 = 1e-7,
        /// Patterns of names of variables left to Adam.
        exclude_layers: Vec<String> = Vec::new(),
        /// Coefficient of the iteration.
        muon_a: f64 = 3.4445,
        /// Coefficient of the iteration.
        muon_b: f64 = -4.775,
        /// Coefficient of the iteration.
        muon_c: f64 = 2.0315,
        /// The rate of Adam as a share of the rate.
        adam_lr_ratio: f64 = 1.0,
        /// How slowly the momentum moves.
        momentum: f64 = 0.95,
        /// Number of iterations.
        ns_steps: usize = 5,
        /// Whether the gradient is taken ahead.
        nesterov: bool = true,
        /// Whether embeddings are left to Adam.
        exclude_embeddings: bool = true,
        /// Weight decay of what is left to Adam.
        adam_weight_decay: Option<f64> = Some(0.004),
        /// Scales steps as Adam's are.
        rms_rate: Option<f64> = Some(0.2),
    }
}

impl Optimize for Muon {
    fn common(&self) -> Common {
        Common { weight_decay: Some(0.004), ..Common::new(0.001) }
    }

    fn build(&self, slots: &mut Slots) {
        for variable in 0..slots.trained().len() {
            let sizes = slots.trained()[variable].sizes.clone();
            slots.one("momentum", variable, sizes.clone(), 0.0);
            if self.is_for_adam(&slots.trained()[variable]) {
                slots.one("velocity", variable, sizes, 0.0);
            }
        }
    }

    fn update(&self, at: &Update<'_>) -> Result<Tensor> {
        if self.is_for_adam(at.trained()) {
            let (momentum, velocity) = at.moments(self.adam_beta_1, self.adam_beta_2)?;
            let rate = ops::times(&at.learning_rate, self.adam_lr_ratio)?;
            let at = Update { learning_rate: rate, ..at.clone() };
            return at.adam_step(&momentum, &velocity, [self.adam_beta_1, self.adam_beta_2], self.epsilon);
        }
        let before = ops::times(&at.slot("momentum")?, self.momentum)?;
        let momentum = at.set("momentum", ops::add(&at.gradient, &before)?);
        let ahead = match self.nesterov {
            true => ops::add(&at.gradient, &ops::times(&momentum, self.momentum)?)?,
            false => momentum,
        };
        let step = ops::multiply(&at.learning_rate, &self.orthogonal(&ahead)?)?;
        let longest = at.trained().sizes.iter().copied().max().unwrap_or(0) as f64;
        let scale = self.rms_rate.map_or(1.0, |rate| longest.sqrt() * rate);
        ops::subtract(&at.variable, &ops::times(&step, scale)?)
    }

    fn weight_decay(&self, common: &Common, trained: &Trained) -> Option<f64> {
        if self.is_for_adam(trained) { self.adam_weight_decay } else { common.weight_decay }
    }
}

impl Muon {
    /// Whether a variable is left to Adam. Patterns are taken as plain text.
    fn is_for_adam(&self, trained: &Trained) -> bool {
        trained.sizes.len() != 2
            || self.exclude_embeddings && trained.name.to_lowercase().contains("embedding")
            || self.exclude_layers.iter().any(|pattern| trained.name.contains(pattern))
    }

    /// About the nearest orthogonal matrix.
    fn orthogonal(&self, matrix: &Tensor) -> Result<Tensor> {
        let is_tall = matrix.spec().known_axis(-2)? > matrix.spec().known_axis(-1)?;
        let mut x = if is_tall { ops::swap_last(matrix)? } else { matrix.clone() };
        let norm = ops::sqrt(&ops::sum(&ops::square(&x)?, &[-2, -1], true)?)?;
        x = ops::divide(&x, &ops::plus(&norm, 1e-7)?)?;
        for _ in 0..self.ns_steps {
            let a = ops::matmul(&x, &ops::swap_last(&x)?)?;
            let b = ops::times(&a, self.muon_b)?;
            let b = ops::add(&b, &ops::matmul(&ops::times(&a, self.muon_c)?, &a)?)?;
            x = ops::add(&ops::times(&x, self.muon_a)?, &ops::matmul(&b, &x)?)?;
        }
        if is_tall { ops::swap_last(&x) } else { Ok(x) }
    }
}
