//! The dtype policies and quantization configs of quantized layers, spelled as Keras 3.15 does.

use kerata_core::{DType, Object, Result, Tree};
use kerata_nn::Registry;
use kerata_nn::config::{DTypePolicy, Value};

use super::super::layers::config_of;
use super::super::{Activations, Quantization};

/// Number of past maxima that float8 keeps: Keras's default.
pub(super) const AMAX_HISTORY: usize = 1024;
/// Smallest number added to a largest value, so that nothing is divided by zero: Keras's default `epsilon`.
pub(super) const EPSILON: f32 = 1e-7;

/// The policy of a layer; `None` when it is quantized already.
pub(super) fn float_policy(tree: &Tree, name: &str) -> Result<Option<DTypePolicy>> {
    let policy = match tree.path(&["config", "dtype"]) {
        Some(dtype) => DTypePolicy::read(dtype, &Registry::new())?.at_path(name),
        None => DTypePolicy::float32(),
    };
    let is_map = tree.path(&["config", "dtype"]).and_then(Tree::class_name) == Some("DTypePolicyMap");
    Ok((policy.quantization().is_none() && !is_map).then_some(policy))
}

/// Why Keras does not quantize a layer of this policy.
pub(super) fn refusal(policy: &DTypePolicy, quantization: Quantization) -> Option<&'static str> {
    let is_float16 = policy.compute_dtype() == DType::Float16;
    match quantization {
        Quantization::Int8(_) | Quantization::Int4 { .. } if is_float16 => {
            Some("Keras does not quantize layers that compute in float16")
        }
        _ if !policy.variable_dtype().is_float() => Some("it has no float weights"),
        _ => None,
    }
}

/// Gives a layer its quantized policy and config.
pub(super) fn set(tree: &mut Tree, source: &str, quantization: Quantization) -> Result<()> {
    let config = config_of(tree)?;
    config.insert("dtype".to_owned(), policy(source, quantization));
    config.insert("quantization_config".to_owned(), quantization_config(quantization));
    Ok(())
}

/// Gives the layers inside a layer their quantized policy.
pub(super) fn set_map(
    tree: &mut Tree,
    name: &str,
    inner: &[String],
    source: &str,
    quantization: Quantization,
) -> Result<()> {
    // Keys are patterns: the path of a layer may start with the names of models around it.
    let key = |inner: &String| format!("(.*/)?{}", regex_text(&format!("{name}/{inner}")));
    let map: Object = inner.iter().map(|inner| (key(inner), policy(source, quantization))).collect();
    let config = Tree::from([("default_policy", Tree::from(source)), ("policy_map", Tree::Object(map))]);
    let policy = serialized("keras.dtype_policies", "DTypePolicyMap", config);
    config_of(tree)?.insert("dtype".to_owned(), policy);
    Ok(())
}

/// A name as a pattern that fits it alone.
fn regex_text(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if !letter.is_alphanumeric() && !matches!(letter, '_' | '/') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

fn policy(source: &str, quantization: Quantization) -> Tree {
    let (class, mode) = match quantization {
        Quantization::Int8(_) => ("QuantizedDTypePolicy", "int8".to_owned()),
        Quantization::Int4 { block_size } => {
            let block = block_size.map_or_else(|| "-1".to_owned(), |size| size.to_string());
            ("Int4DTypePolicy", format!("int4/{block}"))
        }
        Quantization::Float8 => ("QuantizedFloat8DTypePolicy", "float8".to_owned()),
    };
    let mut config = Object::new();
    config.insert("mode".to_owned(), mode.into());
    config.insert("source_name".to_owned(), source.into());
    if quantization == Quantization::Float8 {
        config.insert("amax_history_length".to_owned(), (AMAX_HISTORY as u64).into());
    }
    serialized("keras.dtype_policies", class, Tree::Object(config))
}

fn quantization_config(quantization: Quantization) -> Tree {
    let quantizer = || {
        let config = Tree::from([
            ("value_range", Tree::List(vec![Tree::from(-127i64), Tree::from(127i64)])),
            ("epsilon", Tree::from(1e-7)),
            ("output_dtype", Tree::from("int8")),
        ]);
        serialized("keras.quantizers", "AbsMaxQuantizer", config)
    };
    let (class, config) = match quantization {
        Quantization::Int8(activations) => {
            let activation = if activations == Activations::Dynamic { quantizer() } else { Tree::Null };
            let config = [("weight_quantizer", Tree::Null), ("activation_quantizer", activation)];
            ("Int8QuantizationConfig", Tree::from(config))
        }
        Quantization::Int4 { block_size } => {
            let block = block_size.map_or(Tree::Null, |size| Tree::from(size as u64));
            let config = [
                ("weight_quantizer", Tree::Null),
                ("activation_quantizer", Tree::Null),
                ("block_size", block),
            ];
            ("Int4QuantizationConfig", Tree::from(config))
        }
        Quantization::Float8 => ("Float8QuantizationConfig", Tree::Object(Object::new())),
    };
    serialized("keras.quantizers", class, config)
}

fn serialized(module: &str, class: &str, config: Tree) -> Tree {
    Tree::from([
        ("module", Tree::from(module)),
        ("class_name", Tree::from(class)),
        ("config", config),
        ("registered_name", Tree::Null),
    ])
}
