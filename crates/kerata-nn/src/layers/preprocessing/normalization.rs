//! `Normalization`: numbers with a mean of zero and a variance of one.

use crate::config::array;
use crate::layers::prelude::*;

config! {
    /// Subtracts a mean and divides by the root of a variance, both learned from data or given.
    pub struct Normalization {
        /// The axes that have a mean and variance for each place; none for one of all.
        axis: Option<Axes> = Some(Axes::One(-1)),
        /// Whether the way back is taken.
        invert: bool = false,
        /// The mean, when it is given.
        mean: Tree = Tree::Null,
        /// The variance, when it is given.
        variance: Tree = Tree::Null,
    }
}

impl Normalization {
    /// The kept axes in order.
    fn kept(&self, input: &TensorSpec) -> Result<Vec<usize>> {
        let axes = self.axis.as_ref().map(Axes::list).unwrap_or_default();
        let mut kept = axes.iter().map(|&axis| input.axis(axis)).collect::<Result<Vec<_>>>()?;
        kept.sort_unstable();
        Ok(kept)
    }

    /// A given mean or variance beside the input: its axes are the last of the kept ones.
    fn given(&self, scope: &Scope, tree: &Tree, input: &Tensor) -> Result<Tensor> {
        let array = array(tree)?.cast(scope.compute_dtype())?;
        let kept = self.kept(input.spec())?;
        let mut sizes = vec![1; input.rank()];
        for (&axis, &size) in kept.iter().rev().zip(array.shape().iter().rev()) {
            sizes[axis] = size;
        }
        Ok(scope.builder().constant(array.reshape(sizes)?))
    }

    /// A stored mean or variance beside the input.
    fn stored(&self, scope: &Scope, name: &str, input: &Tensor) -> Result<Tensor> {
        let kept = self.kept(input.spec())?;
        let sizes = (0..input.rank()).map(|axis| if kept.contains(&axis) { input.size(axis) } else { ops::Size::Known(1) });
        ops::reshape(&ops::cast(&scope.get(name)?, scope.compute_dtype())?, sizes)
    }
}

impl Layer for Normalization {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        if !self.mean.is_null() {
            return Ok(());
        }
        let input = inputs.only()?;
        let shape = self.kept(input)?.into_iter().map(|axis| input.known_axis(axis as i64)).collect::<Result<Vec<_>>>()?;
        scope.variable("mean", &shape, &Initializer::zeros())?.frozen();
        scope.variable("variance", &shape, &Initializer::ones())?.frozen();
        scope.variable("count", [], &Initializer::zeros())?.frozen().dtype(DType::Int64);
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = ops::cast(inputs.only()?, scope.compute_dtype())?;
        let (mean, variance) = if self.mean.is_null() {
            (self.stored(scope, "mean", &x)?, self.stored(scope, "variance", &x)?)
        } else {
            (self.given(scope, &self.mean, &x)?, self.given(scope, &self.variance, &x)?)
        };
        let deviation = ops::sqrt(&variance)?;
        let deviation = ops::maximum(&deviation, &ops::scalar(&deviation, 1e-7)?)?;
        Ok(vec![match self.invert {
            true => ops::add(&mean, &ops::multiply(&x, &deviation)?)?,
            false => ops::divide(&ops::subtract(&x, &mean)?, &deviation)?,
        }])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
