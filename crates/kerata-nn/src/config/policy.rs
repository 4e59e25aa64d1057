//! `DTypePolicy`: which dtype a layer stores its variables in and which it computes with.

use kerata_core::{DType, Error, Result, Tree};

use super::Value;
use super::value::unexpected;
use crate::Registry;

/// The dtype policy of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct DTypePolicy {
    name: String,
    variable: DType,
    compute: DType,
    quantization: Option<Quantization>,
    /// Policies by layer path, of a `DTypePolicyMap`.
    map: Vec<(String, DTypePolicy)>,
    spelled: Option<Tree>,
}

/// How a policy says that kernels are stored in few bits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quantization {
    /// `int8`, `int4`, `float8`, `gptq` or `awq`.
    pub mode: String,
    /// Bits of a weight, where the mode leaves a choice.
    pub weight_bits: Option<usize>,
    /// Number of weights that share a scale; `None` when a whole channel does.
    pub block_size: Option<usize>,
    /// Number of past maxima that float8 keeps.
    pub amax_history_length: usize,
}

impl DTypePolicy {
    /// The policy of a name: a dtype, `mixed_float16`, `mixed_bfloat16` or `int8_from_float32`.
    pub fn named(name: &str) -> Result<Self> {
        if let Some((mode, source)) = name.split_once("_from_") {
            return Self::quantized(mode, source, 1024);
        }
        let (variable, compute) = match name {
            "mixed_float16" => (DType::Float32, DType::Float16),
            "mixed_bfloat16" => (DType::Float32, DType::Bfloat16),
            _ => {
                let dtype = name.parse()?;
                (dtype, dtype)
            }
        };
        Ok(Self {
            name: name.to_owned(),
            variable,
            compute,
            quantization: None,
            map: Vec::new(),
            spelled: None,
        })
    }

    /// The policy that stores and computes float32.
    pub fn float32() -> Self {
        Self::of(DType::Float32)
    }

    /// The policy that stores and computes one dtype.
    pub fn of(dtype: DType) -> Self {
        Self {
            name: dtype.name().to_owned(),
            variable: dtype,
            compute: dtype,
            quantization: None,
            map: Vec::new(),
            spelled: None,
        }
    }

    /// Keras's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What variables are stored in.
    pub fn variable_dtype(&self) -> DType {
        self.variable
    }

    /// What is computed with.
    pub fn compute_dtype(&self) -> DType {
        self.compute
    }

    /// How kernels are quantized, when they are.
    pub fn quantization(&self) -> Option<&Quantization> {
        self.quantization.as_ref()
    }

    /// The policy of the layer at a path (`my_model/my_dense`), of a map of policies.
    pub fn at_path(&self, path: &str) -> Self {
        // Keras takes an exact key first, then the only key that matches as a pattern from the start.
        let exact = self.map.iter().find(|(key, _)| key == path);
        let found = exact.or_else(|| {
            self.map.iter().find(|(key, _)| path.ends_with(key.as_str()) || path.starts_with(key.as_str()))
        });
        match found {
            Some((_, policy)) => policy.clone(),
            None => Self { map: Vec::new(), spelled: None, ..self.clone() },
        }
    }

    fn quantized(mode: &str, source: &str, amax_history_length: usize) -> Result<Self> {
        let source_policy = Self::named(source)?;
        let mut parts = mode.split('/');
        let kind = parts.next().unwrap_or_default();
        let numbers: Vec<Option<usize>> =
            parts.map(|part| part.parse::<i64>().ok().and_then(|n| usize::try_from(n).ok())).collect();
        let number = |position: usize| numbers.get(position).copied().flatten();
        let (weight_bits, block_size) = match kind {
            "int8" | "float8" => (None, None),
            "int4" => (None, number(0)),
            "gptq" | "awq" => (number(0), number(1)),
            _ => return Err(Error::unsupported(format!("unknown quantization mode `{mode}`"))),
        };
        let quantization =
            Quantization { mode: kind.to_owned(), weight_bits, block_size, amax_history_length };
        Ok(Self {
            name: format!("{mode}_from_{source}"),
            quantization: Some(quantization),
            spelled: None,
            ..source_policy
        })
    }

    fn from_object(class: &str, config: &Tree, registry: &Registry) -> Result<Self> {
        if class == "DTypePolicyMap" {
            let mut policy = match config.get("default_policy") {
                Some(default) if !default.is_null() => Self::read(default, registry)?,
                _ => Self::float32(),
            };
            let entries = config.get("policy_map").and_then(Tree::as_object);
            for (path, entry) in entries.into_iter().flatten() {
                policy.map.push((path.clone(), Self::read(entry, registry)?));
            }
            return Ok(policy);
        }
        if let Some(mode) = config.get("mode").and_then(Tree::as_str) {
            let source = config.get("source_name").and_then(Tree::as_str).unwrap_or("float32");
            let history = config.get("amax_history_length").and_then(Tree::as_u64).unwrap_or(1024);
            return Self::quantized(mode, source, usize::try_from(history).unwrap_or(1024));
        }
        match config.get("name").and_then(Tree::as_str) {
            Some(name) => Self::named(name),
            None => Err(unexpected("a dtype policy", config)),
        }
    }
}

impl Default for DTypePolicy {
    fn default() -> Self {
        Self::float32()
    }
}

impl From<DType> for DTypePolicy {
    fn from(dtype: DType) -> Self {
        Self::of(dtype)
    }
}

impl Value for DTypePolicy {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let policy = match tree {
            Tree::Null => Self::float32(),
            Tree::Text(name) => Self::named(name)?,
            _ => {
                let class = tree.class_name().ok_or_else(|| unexpected("a dtype policy", tree))?;
                Self::from_object(class, tree.require("config")?, registry)?
            }
        };
        Ok(Self { spelled: Some(tree.clone()), ..policy })
    }

    fn write(&self) -> Tree {
        self.spelled.clone().unwrap_or_else(|| {
            let config = Tree::from([("name", Tree::from(self.name.as_str()))]);
            super::serialized("keras", "DTypePolicy", config, None)
        })
    }
}
