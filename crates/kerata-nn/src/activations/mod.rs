//! Activations: functions that layers apply to their result.

use std::fmt;
use std::sync::Arc;

use kerata_core::graph::Tensor;
use kerata_core::{Error, Object, Result, Tree};

use crate::config::{Value, serialized};
use crate::layers::{AnyLayer, Arguments, Scope};
use crate::operations;
use crate::registry::Registry;

/// The functions by name, sorted, one line each.
macro_rules! activations {
    ($($name:ident),* $(,)?) => {
        $(
            mod $name;
            pub use $name::$name;
        )*

        /// The built-in functions by name.
        pub(crate) const BUILT_IN: &[(&str, Function)] = &[$((stringify!($name), $name)),*];
    };
}

activations! {
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
}

pub(crate) use softmax::softmax_over;

/// Other names of built-in functions.
const ALIASES: &[(&str, &str)] = &[("hard_swish", "hard_silu"), ("swish", "silu"), ("identity", "linear")];

/// What an activation computes, in ops.
pub type Function = fn(&Tensor) -> Result<Tensor>;

/// The built-in function of a name or class name (`relu`, `ReLU`).
pub(crate) fn built_in(name: &str) -> Option<Function> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| *name);
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

/// The `activation` argument of a layer: a function by name, or a layer. A function that is not known can be kept and
/// written, and fails when it is used.
#[derive(Clone)]
pub struct Activation {
    kind: Kind,
    spelled: Tree,
}

#[derive(Clone)]
enum Kind {
    Function(Function),
    Layer(Arc<AnyLayer>),
    Operation(String),
    Missing(String),
}

impl Activation {
    /// No activation.
    pub fn linear() -> Self {
        Self::from("linear")
    }

    /// A function of one's own, registered under a name (`package>name`).
    pub fn custom(name: &str, function: Function) -> Self {
        let spelled = serialized("builtins", "function", Tree::from(name), Some("function"));
        Self { kind: Kind::Function(function), spelled }
    }

    /// Applies it.
    pub fn call(&self, x: &Tensor) -> Result<Tensor> {
        match &self.kind {
            Kind::Function(function) => function(x),
            Kind::Layer(layer) => {
                let outputs = layer.call_alone(&Scope::alone(x.builder()), std::slice::from_ref(x))?;
                outputs.into_iter().next().ok_or_else(|| Error::internal("an activation without output"))
            }
            Kind::Operation(class) => {
                let arguments = Arguments::tensors(&[x.clone().into()]);
                let outputs = operations::call(class, &Object::new(), x.builder(), &arguments)?;
                outputs.into_iter().next().ok_or_else(|| Error::internal("a function without result"))
            }
            Kind::Missing(name) => Err(missing_function(name)),
        }
    }

    /// Whether it changes nothing.
    pub fn is_linear(&self) -> bool {
        self.spelled.as_str() == Some("linear")
    }

    /// The function that is used and not known.
    pub fn missing(&self) -> Option<&str> {
        match &self.kind {
            Kind::Missing(name) => Some(name),
            _ => None,
        }
    }
}

/// The error of a function whose code is not there.
pub(crate) fn missing_function(name: &str) -> Error {
    Error::unsupported(format!("the function `{name}` is not known")).hint(format!(
        "replace it (`--map '{name}=relu'`), register it in the `Registry`, or save the model with traces"
    ))
}

impl Default for Activation {
    fn default() -> Self {
        Self::linear()
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Activation({})", self.spelled.to_json())
    }
}

impl From<&str> for Activation {
    /// A built-in by its name; any other name is kept and fails when it is used.
    fn from(name: &str) -> Self {
        let kind = built_in(name).map_or_else(|| Kind::Missing(name.to_owned()), Kind::Function);
        Self { kind, spelled: Tree::from(name) }
    }
}

impl Value for Activation {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let named = |name: &str| {
            let kind = match registry.function(name) {
                Some(function) => Kind::Function(function),
                // A function of `keras.ops` is spelled by its name.
                None => match operations::class_of(name) {
                    Some(class) => Kind::Operation(class.to_owned()),
                    None => Kind::Missing(name.to_owned()),
                },
            };
            Ok(Self { kind, spelled: tree.clone() })
        };
        match tree {
            Tree::Null => Ok(Self { spelled: tree.clone(), ..Self::linear() }),
            Tree::Text(name) => named(name),
            _ => match (tree.class_name(), tree.get("config")) {
                (Some("function"), Some(Tree::Text(name))) => named(name),
                (Some("__lambda__" | "Lambda"), _) => named("<lambda>"),
                // A function of a module is spelled as its class: `{"module": "keras.activations", "class_name": "relu"}`.
                (Some(class), _) if registry.function(class).is_some() => named(class),
                (Some(_), _) if registry.has_layer(tree) => {
                    let layer = AnyLayer::read(tree, registry)?;
                    Ok(Self { kind: Kind::Layer(Arc::new(layer)), spelled: tree.clone() })
                }
                (Some(class), config) => {
                    let own = config.and_then(Tree::as_object).and_then(|config: &Object| config.get("name"));
                    named(own.and_then(Tree::as_str).unwrap_or(class))
                }
                // The layers of Keras 3 drop the class of a Python lambda.
                (None, _) if tree.get("value").is_some() => named("<lambda>"),
                (None, _) => Err(crate::config::unexpected("an activation", tree)),
            },
        }
    }

    fn write(&self) -> Tree {
        self.spelled.clone()
    }
}
