//! `cell_layer!`: a recurrent layer that makes its cell from its own arguments.

/// Makes a config a layer: a cell of `units` with the named arguments of the layer, called at each step.
macro_rules! cell_layer {
    ($layer:ident of $cell:ident [$($argument:ident),+ $(,)?]) => {
        impl $layer {
            /// The cell that is called at each step.
            // Flags and shares are copied by `clone` like the rest.
            #[allow(clippy::clone_on_copy)]
            fn cell(&self, scope: &Scope) -> AnyLayer {
                let cell = $cell::new(self.units)$(.$argument(self.$argument.clone()))+;
                AnyLayer::new(cell).with_dtype(scope.policy().clone())
            }

            fn recurrence<'a>(&self, cell: &'a AnyLayer) -> Recurrence<'a> {
                Recurrence {
                    cell,
                    return_sequences: self.return_sequences,
                    return_state: self.return_state,
                    go_backwards: self.go_backwards,
                    stateful: self.stateful,
                    zero_output_for_mask: self.zero_output_for_mask,
                    time_major: self.time_major,
                }
            }
        }

        impl Layer for $layer {
            fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
                let cell = self.cell(scope);
                self.recurrence(&cell).build(scope, inputs)
            }

            fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let cell = self.cell(scope);
                self.recurrence(&cell).call(scope, inputs)
            }

            fn arguments(&self) -> &'static [&'static str] {
                ARGUMENTS
            }

            fn supports_masking(&self) -> bool {
                true
            }
        }
    };
}

pub(super) use cell_layer;
