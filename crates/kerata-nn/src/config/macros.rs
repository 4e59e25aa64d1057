//! `config!`: declares a config object from its arguments.

/// Declares a config object: required arguments in parentheses, the others with their defaults in braces.
///
/// ```
/// use kerata_nn::config;
/// use kerata_nn::config::Config;
///
/// config! {
///     /// Multiplies by a number.
///     pub struct Scale(
///         /// The number.
///         factor: f64,
///     ) {
///         /// Added afterwards.
///         offset: f64 = 0.0,
///     }
/// }
///
/// let scale = Scale::new(2.0).offset(1.0);
/// assert_eq!(scale.config()["factor"].as_f64(), Some(2.0));
/// ```
///
/// Keys are written in the order of declaration; `first [a, b]` after the braces names those that Keras writes
/// before the others. A second pair of braces, `also { ... }`, holds arguments that are written only when they are not the
/// default: those of older versions of Keras. `as "Name"` after the struct's name gives a class name that is not its Rust name.
#[macro_export]
macro_rules! config {
    (
        $(#[$doc:meta])*
        $vis:vis struct $name:ident $(as $class:literal)? $((
            $($(#[$required_doc:meta])* $required:ident : $required_type:ty),* $(,)?
        ))? {
            $($(#[$optional_doc:meta])* $optional:ident : $optional_type:ty = $default:expr),* $(,)?
        }
        $(also {
            $($(#[$also_doc:meta])* $also:ident : $also_type:ty = $also_default:expr),* $(,)?
        })?
        $(first [$($first:ident),* $(,)?])?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        $vis struct $name {
            $($($(#[$required_doc])* pub $required: $required_type,)*)?
            $($(#[$optional_doc])* pub $optional: $optional_type,)*
            $($($(#[$also_doc])* pub $also: $also_type,)*)?
        }

        impl $name {
            /// The object with these arguments and the defaults of the others.
            #[allow(clippy::new_without_default)]
            pub fn new($($($required: impl $crate::config::Given<$required_type>),*)?) -> Self {
                Self {
                    $($($required: $crate::config::Given::given($required),)*)?
                    $($optional: $default,)*
                    $($($also: $also_default,)*)?
                }
            }

            $(
                $(#[$optional_doc])*
                #[must_use]
                pub fn $optional(mut self, value: impl $crate::config::Given<$optional_type>) -> Self {
                    self.$optional = $crate::config::Given::given(value);
                    self
                }
            )*

            $($(
                $(#[$also_doc])*
                #[must_use]
                pub fn $also(mut self, value: impl $crate::config::Given<$also_type>) -> Self {
                    self.$also = $crate::config::Given::given(value);
                    self
                }
            )*)?
        }

        impl $crate::config::Config for $name {
            fn class_name(&self) -> &str {
                <Self as $crate::config::FromConfig>::CLASS
            }

            fn config(&self) -> $crate::core::Object {
                #[allow(unused_mut)]
                let mut config = $crate::core::Object::new();
                $($(
                    config.insert(
                        stringify!($required).to_owned(),
                        $crate::config::Value::write(&self.$required),
                    );
                )*)?
                $(
                    config.insert(
                        stringify!($optional).to_owned(),
                        $crate::config::Value::write(&self.$optional),
                    );
                )*
                $($({
                    let default: $also_type = $also_default;
                    let value = $crate::config::Value::write(&self.$also);
                    if value != $crate::config::Value::write(&default) {
                        config.insert(stringify!($also).to_owned(), value);
                    }
                })*)?
                $(let config = $crate::config::ordered(config, &[$(stringify!($first)),*]);)?
                config
            }
        }

        impl $crate::config::FromConfig for $name {
            const CLASS: &'static str = $crate::config!(@class $name $($class)?);

            #[allow(unused_variables)]
            fn from_config(
                config: &$crate::core::Object,
                registry: &$crate::Registry,
            ) -> $crate::core::Result<Self> {
                Ok(Self {
                    $($(
                        $required: $crate::config::required(config, stringify!($required), registry)?,
                    )*)?
                    $(
                        $optional: $crate::config::argument(
                            config,
                            stringify!($optional),
                            registry,
                            || $default,
                        )?,
                    )*
                    $($(
                        $also: $crate::config::argument(
                            config,
                            stringify!($also),
                            registry,
                            || $also_default,
                        )?,
                    )*)?
                })
            }
        }
    };
    (@class $name:ident $class:literal) => { $class };
    (@class $name:ident) => { stringify!($name) };
}

/// The classes of a family of config objects, sorted, one line each: `file => Class,`.
macro_rules! family {
    ($object:ty; $($file:ident => $class:ident),* $(,)?) => {
        $(
            mod $file;
            pub use $file::$class;
        )*

        /// The built-in classes by name.
        pub(crate) const BUILT_IN: &[(&str, $crate::config::Constructor<$object>)] = &[
            $((<$class as $crate::config::FromConfig>::CLASS, |config, registry| {
                Ok(std::sync::Arc::new(<$class as $crate::config::FromConfig>::from_config(config, registry)?))
            })),*
        ];
    };
}

pub(crate) use family;
