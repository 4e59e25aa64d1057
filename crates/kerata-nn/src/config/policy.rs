//! `DTypePolicy`: which dtype a layer stores its variables in and which it computes with.

use std::sync::Arc;

use kerata_core::{DType, Error, Result, Tree};
use regex::RegexBuilder;

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
    map: Option<Arc<PolicyMap>>,
    spelled: Option<Arc<Tree>>,
}

/// Policies by layer path, and the one of the other layers.
#[derive(Debug, PartialEq)]
struct PolicyMap {
    default: DTypePolicy,
    entries: Vec<(String, DTypePolicy)>,
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
        Ok(Self { name: name.to_owned(), variable, compute, quantization: None, map: None, spelled: None })
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
            map: None,
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

    /// The policy of the layer with a path of names (`model/attention/query`), of a map of policies. Layers inside the
    /// layer look into the same map.
    pub fn at_path(&self, path: &str) -> Self {
        let Some(map) = &self.map else { return self.clone() };
        // Keras's path may start inside the model, so each end of the path is tried, the longest first.
        let starts = std::iter::once(0).chain(path.match_indices('/').map(|(at, _)| at + 1));
        let ends: Vec<&str> = starts.map(|start| &path[start..]).collect();
        let exact = ends.iter().find_map(|end| map.entries.iter().find(|(key, _)| key == end));
        let found = exact.or_else(|| {
            ends.iter().find_map(|end| map.entries.iter().find(|(key, _)| matches_pattern(key, end)))
        });
        let policy = found.map_or(&map.default, |(_, policy)| policy);
        Self { map: self.map.clone(), spelled: self.spelled.clone(), ..policy.clone() }
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
            let default = match config.get("default_policy") {
                Some(default) if !default.is_null() => Self::read(default, registry)?,
                _ => Self::float32(),
            };
            let entries = config.get("policy_map").and_then(Tree::as_object);
            let entries = entries
                .into_iter()
                .flatten()
                .map(|(path, entry)| Ok((path.clone(), Self::read(entry, registry)?)))
                .collect::<Result<_>>()?;
            return Ok(Self {
                map: Some(Arc::new(PolicyMap { default: default.clone(), entries })),
                ..default
            });
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
        Ok(Self { spelled: Some(Arc::new(tree.clone())), ..policy })
    }

    fn write(&self) -> Tree {
        if let Some(spelled) = &self.spelled {
            return Tree::clone(spelled);
        }
        let config = Tree::from([("name", Tree::from(self.name.as_str()))]);
        super::serialized("keras", "DTypePolicy", config, None)
    }
}

/// Most bytes that the program of a pattern may take.
const MAX_PATTERN_BYTES: usize = 1 << 16;

/// Whether a pattern of a map fits a whole path.
fn matches_pattern(pattern: &str, path: &str) -> bool {
    let whole = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(MAX_PATTERN_BYTES).build();
    whole.is_ok_and(|whole| whole.is_match(path))
}

impl Quantization {
    /// 8-bit weights with a scale for each channel.
    pub(crate) fn int8() -> Self {
        Self { mode: "int8".to_owned(), weight_bits: None, block_size: None, amax_history_length: 1024 }
    }
}
