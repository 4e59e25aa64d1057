//! `Bidirectional`: a recurrent layer that reads its sequence from both ends.

use crate::layers::prelude::*;

config! {
    /// Reads a sequence from both ends.
    pub struct Bidirectional(
        /// The layer that reads from the beginning.
        layer: AnyLayer,
    ) {
        /// How the two outputs become one: `concat`, `sum`, `ave`, `mul`; both are given when there is none.
        merge_mode: Option<String> = Some("concat".to_owned()),
        /// The layer that reads from the end; a copy of the other one when there is none.
        backward_layer: Option<AnyLayer> = None,
    }
    first [merge_mode, layer, backward_layer]
}

impl Bidirectional {
    /// The layer that reads from the end.
    fn backward(&self) -> Result<AnyLayer> {
        if let Some(layer) = &self.backward_layer {
            return Ok(layer.clone());
        }
        let mut tree = self.layer.write();
        let go_backwards = !self.flag("go_backwards");
        let config = tree.get_mut("config").and_then(Tree::as_object_mut);
        let config = config.ok_or_else(|| Error::internal("a layer without config"))?;
        config.insert("go_backwards".to_owned(), Tree::Bool(go_backwards));
        Ok(AnyLayer::read(&tree, Registry::built_in())?.with_dtype(self.layer.policy().clone()))
    }

    /// A flag of the layer inside.
    fn flag(&self, name: &str) -> bool {
        self.layer.layer().config().get(name).and_then(Tree::as_bool).unwrap_or(false)
    }

    fn merge(&self, forward: &Tensor, backward: &Tensor) -> Result<Vec<Tensor>> {
        let merged = match self.merge_mode.as_deref() {
            None => return Ok(vec![forward.clone(), backward.clone()]),
            Some("concat") => ops::concatenate(&[forward.clone(), backward.clone()], -1)?,
            Some("sum") => ops::add(forward, backward)?,
            Some("mul") => ops::multiply(forward, backward)?,
            Some("ave") => ops::divide(&ops::add(forward, backward)?, &ops::scalar(forward, 2.0)?)?,
            Some(mode) => return Err(Error::unsupported(format!("unknown merge mode `{mode}`"))),
        };
        Ok(vec![merged])
    }
}

impl Layer for Bidirectional {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        // States that are passed along need no variables.
        let sequence = &inputs[..inputs.len().min(1)];
        scope.build("forward_layer", &self.layer, sequence)?;
        scope.build("backward_layer", &self.backward()?, sequence)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let (sequence, states) =
            inputs.split_first().ok_or_else(|| Error::mismatch("expected a sequence, found nothing"))?;
        let states: Vec<Masked> = match scope.argument("initial_state") {
            Some(states) => states.tensors().into_iter().cloned().collect(),
            None => states.iter().cloned().map(Masked::from).collect(),
        };
        let (forward_states, backward_states) = states.split_at(states.len() / 2);
        let sequence = Masked { tensor: sequence.clone(), mask: scope.mask(0).cloned() };
        let run = |attribute: &str, layer: &AnyLayer, states: &[Masked]| {
            let mut arguments = Arguments::tensors(std::slice::from_ref(&sequence));
            if !states.is_empty() {
                let states = states.iter().cloned().map(Argument::Tensor).collect();
                arguments = arguments.with("initial_state", Argument::List(states));
            }
            scope.call_with(attribute, layer, &arguments)
        };
        let forward = run("forward_layer", &self.layer, forward_states)?;
        let backward = run("backward_layer", &self.backward()?, backward_states)?;
        let ([first, forward_states @ ..], [last, backward_states @ ..]) = (&forward[..], &backward[..]) else {
            return Err(Error::internal("a recurrent layer without output"));
        };
        let returns_sequences = self.flag("return_sequences");
        let last = match returns_sequences {
            true => ops::flip(&last.tensor, &[1])?,
            false => last.tensor.clone(),
        };
        let merged = self.merge(&first.tensor, &last)?;
        for output in 0..merged.len() {
            scope.set_mask(output, scope.mask(0).filter(|_| returns_sequences).cloned());
        }
        let states = forward_states.iter().chain(backward_states).map(|state| state.tensor.clone());
        Ok(merged.into_iter().chain(states).collect())
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["sequences", "initial_state", "mask", "training"]
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.layer.layer().check()
    }
}
