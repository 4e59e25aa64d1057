//! `RandomPerspective`: shows images from another side, in training.

use super::projection::{Sampling, extent, project};
use super::random::{build_seed, chosen, ends, in_training, seed_of};
use crate::layers::prelude::*;

config! {
    /// Shows images from another side, in training.
    pub struct RandomPerspective {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// How many of them.
        factor: Tree = Tree::Float(1.0),
        /// By how much.
        scale: Tree = Tree::Float(1.0),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// The value of `constant` edges.
        fill_value: Tree = Tree::Float(0.0),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for RandomPerspective {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        in_training(scope, inputs, self.data_format, |x| {
            let scale = self.scale.as_f64().ok_or_else(|| Error::corrupt("`scale` is a number"))?;
            let sampling = Sampling {
                fill_mode: "constant",
                fill_value: &self.fill_value,
                interpolation: &self.interpolation,
            };
            let is_chosen = chosen(scope, x, ends(&self.factor, 0.0)?)?;
            let sizes = [x.size(0), 4.into(), 2.into()];
            let change = ops::random_uniform(&seed_of(scope)?, sizes, -0.5 * scale, 0.5 * scale, x.dtype())?;
            let corners = corners(x)?;
            let moved = ops::add(&corners, &ops::multiply(&corners, &change)?)?;
            let factors = homography(&ops::cast(&corners, DType::Float32)?, &ops::cast(&moved, DType::Float32)?)?;
            let seen = project(x, &factors, &sampling)?;
            ops::select(&ops::reshape(&is_chosen, [-1, 1, 1, 1])?, &seen, x)
        })
    }
}

/// The corners of the images, `[1, 4, 2]`, in the order in which rows are written.
fn corners(x: &Tensor) -> Result<Tensor> {
    let last = |axis| ops::cast(&ops::plus(&extent(x, axis)?, -1)?, x.dtype());
    let (right, bottom) = (last(2)?, last(1)?);
    let zero = ops::zeros_like(&right)?;
    let list = [&zero, &zero, &right, &zero, &zero, &bottom, &right, &bottom].map(Tensor::clone);
    ops::reshape(&ops::stack(&list, 0)?, [1, 4, 2])
}

/// The factors of the projection that shows at `end` what lies at `start`: eight equations for each image.
fn homography(start: &Tensor, end: &Tensor) -> Result<[Tensor; 8]> {
    let start = ops::add(start, &ops::zeros_like(end)?)?;
    let at = |points: &Tensor, point, axis| ops::index(&ops::index(points, 1, point)?, 1, axis);
    let mut rows = Vec::new();
    let mut targets = Vec::new();
    for point in 0..4 {
        let (to_x, to_y) = (at(end, point, 0)?, at(end, point, 1)?);
        let (zero, one) = (ops::zeros_like(&to_x)?, ops::ones_like(&to_x)?);
        for axis in 0..2 {
            let from = at(&start, point, axis)?;
            let against = ops::negative(&from)?;
            let line = [to_x.clone(), to_y.clone(), one.clone()];
            let none = [zero.clone(), zero.clone(), zero.clone()];
            let [first, second] = if axis == 0 { [line, none] } else { [none, line] };
            let rest = [ops::multiply(&against, &to_x)?, ops::multiply(&against, &to_y)?];
            let row: Vec<Tensor> = first.into_iter().chain(second).chain(rest).collect();
            rows.push(ops::stack(&row, -1)?);
            targets.push(from);
        }
    }
    let targets = ops::expand_dims(&ops::stack(&targets, -1)?, -1)?;
    let solved = ops::squeeze(&ops::solve(&ops::stack(&rows, 1)?, &targets)?, &[-1])?;
    let factors = (0..8).map(|at| ops::index(&solved, 1, at)).collect::<Result<Vec<_>>>()?;
    factors.try_into().map_err(|_| Error::internal("eight factors"))
}
