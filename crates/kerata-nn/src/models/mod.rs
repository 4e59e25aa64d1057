//! Models: layers in a row ([`Sequential`]), layers in a graph ([`Functional`]), and [`Model`], which holds either with
//! its variables.

mod explore;
mod feature_space;
mod functional;
mod model;
mod nodes;
mod recorded;
mod sequential;
mod summary;
mod symbol;
mod traces;
mod values;

pub use explore::{Seen, explore};
pub use feature_space::FeatureSpace;
pub use functional::Functional;
pub use model::{Model, Port};
pub use nodes::{Member, Reference};
pub use recorded::RecordedTraces;
pub use sequential::Sequential;
pub use summary::{Row, Summary};
pub use symbol::{On, Shared, Symbol, Symbols, input};
pub use traces::ModelTraces;
pub use values::Values;

use kerata_core::Result;
use kerata_core::graph::TensorSpec;

use crate::config::{Constructor, FromConfig};
use crate::layers::{AnyLayer, Argument, Layer, Scope};

/// The built-in classes by name.
pub(crate) const BUILT_IN: &[(&str, Constructor<dyn Layer>)] = &[
    ("FeatureSpace", |config, registry| {
        Ok(std::sync::Arc::new(FeatureSpace::from_config(config, registry)?))
    }),
    ("Functional", |config, registry| Ok(std::sync::Arc::new(Functional::from_config(config, registry)?))),
    ("Sequential", |config, registry| Ok(std::sync::Arc::new(Sequential::from_config(config, registry)?))),
];

/// A layer that is made of other layers and knows what goes in and out.
pub trait Network: Layer {
    /// The layers inside, in Keras's order.
    fn members(&self) -> Vec<&AnyLayer>;

    /// The attribute of each layer inside (`layers/dense_1`); none for functions of `keras.ops`.
    fn attributes(&self) -> Vec<Option<String>>;

    /// What goes in: the structure, with a port for each tensor. Fails while it is not known.
    fn inputs(&self) -> Result<Argument<Port>>;

    /// The names of the layers that the results come from, in the structure of the results.
    fn outputs(&self) -> Argument<String>;

    /// For each layer inside, the layers whose results it takes, as Keras's summary shows them.
    fn connections(&self) -> Vec<Vec<String>>;

    /// Builds the layers one after the other and tells the tensors of each; goes on behind layers that fail.
    fn explore(&self, scope: &mut Scope, inputs: &[TensorSpec], see: &mut dyn FnMut(&AnyLayer, Seen));
}

/// The attributes of layers in a list, as Keras names them: by class, numbered.
pub(crate) fn list_attributes<'a>(
    list: &str,
    classes: impl Iterator<Item = Option<&'a str>>,
) -> Vec<Option<String>> {
    let mut counts: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    let mut name = |class: &str| {
        // Keras names places after the Python class, which once is not the name of its export.
        let class = if class == "GroupQueryAttention" { "GroupedQueryAttention" } else { class };
        let name = crate::layers::snake_case(class);
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        match *count {
            1 => format!("{list}/{name}"),
            count => format!("{list}/{name}_{}", count - 1),
        }
    };
    classes.map(|class| class.map(&mut name)).collect()
}
