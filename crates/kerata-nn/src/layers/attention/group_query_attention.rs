//! `GroupQueryAttention`: attention whose heads share keys and values in groups.

use super::heads::{ARGUMENTS, Heads, Projections, mask, specs, tensors};
use crate::layers::prelude::*;

config! {
    /// Attention whose heads share keys and values in groups.
    pub struct GroupQueryAttention(
        /// Size of a query, key and value in each head.
        head_dim: usize,
        /// Number of heads.
        num_query_heads: usize,
        /// Number of groups.
        num_key_value_heads: usize,
    ) {
        /// Whether the projections have a bias.
        use_bias: bool = true,
        /// Whether the results go through a gate.
        use_gate: bool = false,
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
        /// The share of the weights that is dropped in training.
        dropout: f64 = 0.0,
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

impl GroupQueryAttention {
    fn parts(&self, query: &TensorSpec, policy: &DTypePolicy) -> Result<Parts> {
        let projections = Projections {
            use_bias: self.use_bias,
            kernel_initializer: &self.kernel_initializer,
            bias_initializer: &self.bias_initializer,
            kernel_regularizer: &self.kernel_regularizer,
            bias_regularizer: &self.bias_regularizer,
            kernel_constraint: &self.kernel_constraint,
            bias_constraint: &self.bias_constraint,
        };
        let of_query = [None, Some(self.num_query_heads), Some(self.head_dim)];
        let of_group = [None, Some(self.num_key_value_heads), Some(self.head_dim)];
        let width = query.known_axis(-1)?;
        let result = [None, Some(width)];
        Ok(Parts {
            query: projections.dense("query", "bqm,muh->bquh", &of_query, "uh", policy).layer(),
            key: projections.dense("key", "bkm,mvh->bkvh", &of_group, "vh", policy).layer(),
            value: projections.dense("value", "bkm,mvh->bkvh", &of_group, "vh", policy).layer(),
            gate: projections.dense("gate", "bqm,muh->bquh", &of_query, "uh", policy).gate(),
            output: projections.dense("attention_output", "bquh,uhm->bqm", &result, "m", policy).layer(),
        })
    }

    fn heads(&self) -> Heads<'_> {
        Heads {
            score_equation: "bquh,bkuh->buqk",
            combine_equation: "buqk,bkuh->bquh",
            axes: 1,
            size: self.head_dim,
            dropout: self.dropout,
            seed: &self.seed,
        }
    }
}

impl Layer for GroupQueryAttention {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        if self.num_key_value_heads == 0 || !self.num_query_heads.is_multiple_of(self.num_key_value_heads) {
            let message = format!("{} heads do not fall into {} groups", self.num_query_heads, self.num_key_value_heads);
            return Err(Error::mismatch(message));
        }
        let [query, value, key] = specs(scope, inputs)?;
        let policy = scope.policy().clone();
        let parts = self.parts(&query, &policy)?;
        scope.build("_query_dense", &parts.query, std::slice::from_ref(&query))?;
        scope.build("_key_dense", &parts.key, &[key])?;
        if self.use_gate {
            scope.build("_gate_dense", &parts.gate, std::slice::from_ref(&query))?;
        }
        scope.build("_value_dense", &parts.value, &[value])?;
        self.heads().build(scope)?;
        let sizes = [None, None, Some(self.num_query_heads as u64), Some(self.head_dim as u64)];
        scope.build("_output_dense", &parts.output, &[TensorSpec::new(query.dtype, Shape::new(sizes))])
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let [query, value, key] = tensors(scope, inputs)?;
        let parts = self.parts(query.spec(), scope.policy())?;
        let mask = mask(scope, &query, &value, self.sliding_window)?;
        let project = |name: &str, layer: &AnyLayer, x: &Tensor| -> Result<Tensor> {
            Ok(scope.call(name, layer, std::slice::from_ref(x))?.only()?.clone())
        };
        let repeats = self.num_query_heads.checked_div(self.num_key_value_heads).unwrap_or(1);
        let projected = project("_query_dense", &parts.query, &query)?;
        let keys = ops::repeat(&project("_key_dense", &parts.key, &key)?, repeats, 2)?;
        let values = ops::repeat(&project("_value_dense", &parts.value, &value)?, repeats, 2)?;
        let (mut output, weights) = self.heads().call(scope, &projected, &keys, &values, mask.as_ref())?;
        if self.use_gate {
            output = ops::multiply(&output, &project("_gate_dense", &parts.gate, &query)?)?;
        }
        let output = project("_output_dense", &parts.output, &output)?;
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
