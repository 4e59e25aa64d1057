//! `LambdaCallback`: functions that are called at moments of a training.

use std::fmt;

use kerata_core::Result;

use super::{Callback, Training};

/// A function of a moment.
type Function<'a> = Box<dyn FnMut(&mut Training<'_>) -> Result<()> + Send + 'a>;

macro_rules! moments {
    ($($(#[$about:meta])* $moment:ident;)*) => {
        /// Functions that are called at moments of a training.
        ///
        /// ```
        /// use kerata::callbacks::LambdaCallback;
        /// let mut losses = Vec::new();
        /// let callback = LambdaCallback::new().on_epoch_end(|training| {
        ///     losses.push(training.metric("loss")?);
        ///     Ok(())
        /// });
        /// ```
        #[derive(Default)]
        pub struct LambdaCallback<'a> {
            $($moment: Option<Function<'a>>,)*
        }

        impl<'a> LambdaCallback<'a> {
            /// No functions.
            pub fn new() -> Self {
                Self::default()
            }

            $(
                $(#[$about])*
                #[must_use]
                pub fn $moment(
                    mut self,
                    function: impl FnMut(&mut Training<'_>) -> Result<()> + Send + 'a,
                ) -> Self {
                    self.$moment = Some(Box::new(function));
                    self
                }
            )*
        }

        impl Callback for LambdaCallback<'_> {
            fn name(&self) -> &str {
                "LambdaCallback"
            }

            $(
                fn $moment(&mut self, training: &mut Training<'_>) -> Result<()> {
                    self.$moment.as_mut().map_or(Ok(()), |function| function(training))
                }
            )*
        }
    };
}

moments! {
    /// Sets what is called before the first epoch.
    on_train_begin;
    /// Sets what is called after the last epoch.
    on_train_end;
    /// Sets what is called before each epoch.
    on_epoch_begin;
    /// Sets what is called after each epoch.
    on_epoch_end;
    /// Sets what is called before each step.
    on_train_batch_begin;
    /// Sets what is called after each step.
    on_train_batch_end;
    /// Sets what is called before each evaluation.
    on_test_begin;
    /// Sets what is called after each evaluation.
    on_test_end;
    /// Sets what is called before each batch of an evaluation.
    on_test_batch_begin;
    /// Sets what is called after each batch of an evaluation.
    on_test_batch_end;
}

impl fmt::Debug for LambdaCallback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LambdaCallback").finish_non_exhaustive()
    }
}
