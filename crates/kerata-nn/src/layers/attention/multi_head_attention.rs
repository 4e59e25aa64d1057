//! `MultiHeadAttention`: several attentions side by side, each with its own projections.

use super::heads::{ARGUMENTS, Heads, Projections, letters, mask, specs, tensors};
use crate::layers::prelude::*;

config! {
    /// Several attentions side by side.
    pub struct MultiHeadAttention(
        /// How many.
        num_heads: usize,
        /// Size of a query and key in each.
        key_dim: usize,
    ) {
        /// Size of a value in each; that of a key when there is none.
        value_dim: Option<usize> = None,
        /// The share of the weights that is dropped in training.
        dropout: f64 = 0.0,
        /// Whether the projections have a bias.
        use_bias: bool = true,
        /// Whether the results go through a gate.
        use_gate: bool = false,
        /// Sizes of a result; that of a query when there are none.
        output_shape: Option<Sizes> = None,
        /// The axes that are attended over; all between batch and size when there are none.
        attention_axes: Option<Axes> = None,
        /// How far steps may be apart to see each other.
        sliding_window: Option<usize> = None,
        /// Start values of the kernels.
        kernel_initializer: Initializer = Initializer::glorot_uniform(),
        /// Start values of the biases.
        bias_initializer: Initializer = Initializer::zeros(),
        /// Penalty on the kernels.
        kernel_regularizer: Option<Regularizer> = None,
        /// Penalty on the biases.
        bias_regularizer: Option<Regularizer> = None,
        /// Penalty on the results.
        activity_regularizer: Option<Regularizer> = None,
        /// Where the kernels are brought back to.
        kernel_constraint: Option<Constraint> = None,
        /// Where the biases are brought back to.
        bias_constraint: Option<Constraint> = None,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

/// The layers inside.
struct Parts {
    query: AnyLayer,
    key: AnyLayer,
    value: AnyLayer,
    gate: AnyLayer,
    output: AnyLayer,
}

impl MultiHeadAttention {
    fn value_size(&self) -> usize {
        self.value_dim.filter(|&size| size > 0).unwrap_or(self.key_dim)
    }

    fn parts(&self, query: &TensorSpec, value_rank: usize, key_rank: usize, policy: &DTypePolicy) -> Result<Parts> {
        let projections = Projections {
            use_bias: self.use_bias,
            kernel_initializer: &self.kernel_initializer,
            bias_initializer: &self.bias_initializer,
            kernel_regularizer: &self.kernel_regularizer,
            bias_regularizer: &self.bias_regularizer,
            kernel_constraint: &self.kernel_constraint,
            bias_constraint: &self.bias_constraint,
        };
        let dense = |name: &str, rank: usize, size: usize| {
            let free = letters(0, rank.saturating_sub(1));
            let equation = format!("{free}x,xyz->{free}yz");
            let mut sizes = vec![None; rank.saturating_sub(2)];
            sizes.extend([Some(self.num_heads), Some(size)]);
            projections.dense(name, &equation, &sizes, "yz", policy)
        };
        let sizes = match &self.output_shape {
            Some(sizes) => sizes.list().to_vec(),
            None => vec![query.known_axis(-1)?],
        };
        let free = letters(0, query.rank().saturating_sub(1));
        let made: String = letters(10, sizes.len());
        let equation = format!("{free}yz,yz{made}->{free}{made}");
        let mut all = vec![None; query.rank().saturating_sub(2)];
        all.extend(sizes.iter().copied().map(Some));
        Ok(Parts {
            query: dense("query", query.rank(), self.key_dim).layer(),
            key: dense("key", key_rank, self.key_dim).layer(),
            value: dense("value", value_rank, self.value_size()).layer(),
            gate: dense("gate", query.rank(), self.value_size()).gate(),
            output: projections.dense("attention_output", &equation, &all, &made, policy).layer(),
        })
    }

    /// The equations of scores and results for projected tensors of a rank, and the number of axes attended over.
    fn equations(&self, rank: usize) -> Result<(String, String, usize)> {
        let places: Vec<usize> = match &self.attention_axes {
            Some(axes) => {
                let place = |&axis: &i64| {
                    let place = if axis < 0 { axis + rank as i64 - 1 } else { axis };
                    usize::try_from(place).map_err(|_| Error::corrupt(format!("attention axis {axis}")))
                };
                axes.list().iter().map(place).collect::<Result<_>>()?
            }
            None => (1..rank.saturating_sub(2)).collect(),
        };
        // Letters of the projected query; heads and sizes are the last two.
        let query: Vec<char> = letters(0, rank).chars().collect();
        let letter = |place: usize| query.get(place).copied().ok_or_else(|| Error::corrupt("attention axes"));
        let batch: String = (0..rank.saturating_sub(1)).filter(|place| !places.contains(place)).map(letter).collect::<Result<_>>()?;
        let attended: String = places.iter().map(|&place| letter(place)).collect::<Result<_>>()?;
        let other = |letter: char| if attended.contains(letter) { letter.to_ascii_uppercase() } else { letter };
        let query_text: String = query.iter().collect();
        let key_text: String = query.iter().map(|&letter| other(letter)).collect();
        let scores = format!("{batch}{attended}{}", attended.to_ascii_uppercase());
        Ok((format!("{query_text},{key_text}->{scores}"), format!("{scores},{key_text}->{query_text}"), places.len()))
    }
}

impl Layer for MultiHeadAttention {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let [query, value, key] = specs(scope, inputs)?;
        let policy = scope.policy().clone();
        let parts = self.parts(&query, value.rank(), key.rank(), &policy)?;
        scope.build("query_dense", &parts.query, std::slice::from_ref(&query))?;
        scope.build("key_dense", &parts.key, &[key])?;
        if self.use_gate {
            scope.build("gate_dense", &parts.gate, std::slice::from_ref(&query))?;
        }
        scope.build("value_dense", &parts.value, &[value])?;
        let (scores, combine, axes) = self.equations(query.rank() + 1)?;
        self.heads(&scores, &combine, axes).build(scope)?;
        let mut sizes = query.shape.axes().to_vec();
        sizes.pop();
        sizes.extend([self.num_heads, self.value_size()].map(|size| Some(size as u64)));
        scope.build("output_dense", &parts.output, &[TensorSpec::new(query.dtype, Shape::new(sizes))])
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let [query, value, key] = tensors(scope, inputs)?;
        let parts = self.parts(query.spec(), value.rank(), key.rank(), scope.policy())?;
        let mask = mask(scope, &query, &value, self.sliding_window)?;
        let project = |name: &str, layer: &AnyLayer, x: &Tensor| -> Result<Tensor> {
            Ok(scope.call(name, layer, std::slice::from_ref(x))?.only()?.clone())
        };
        let projected = project("query_dense", &parts.query, &query)?;
        let keys = project("key_dense", &parts.key, &key)?;
        let values = project("value_dense", &parts.value, &value)?;
        let (scores, combine, axes) = self.equations(projected.rank())?;
        let heads = self.heads(&scores, &combine, axes);
        let (mut output, weights) = heads.call(scope, &projected, &keys, &values, mask.as_ref())?;
        if self.use_gate {
            output = ops::multiply(&output, &project("gate_dense", &parts.gate, &query)?)?;
        }
        let output = project("output_dense", &parts.output, &output)?;
        let with_scores = scope.flag("return_attention_scores").unwrap_or(false);
        Ok(if with_scores { vec![output, weights] } else { vec![output] })
    }

    fn arguments(&self) -> &'static [&'static str] {
        ARGUMENTS
    }

    fn supports_masking(&self) -> bool {
        true
    }
}

impl MultiHeadAttention {
    fn heads<'a>(&'a self, scores: &'a str, combine: &'a str, axes: usize) -> Heads<'a> {
        Heads {
            score_equation: scores,
            combine_equation: combine,
            axes,
            size: self.key_dim,
            dropout: self.dropout,
            seed: &self.seed,
        }
    }
}
