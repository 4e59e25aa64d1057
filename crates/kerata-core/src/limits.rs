//! Bounds that readers obey: what a file may claim, and how much memory its reading may take.

/// Bounds of one open call; see `docs/design` and `SECURITY.md` for the reasons behind the defaults.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of `config.json`, of an HDF5 attribute, of a safetensors header.
    pub max_config_bytes: u64,
    /// Bytes of `metadata.json`.
    pub max_metadata_bytes: u64,
    /// Members of a zip file.
    pub max_zip_members: usize,
    /// Bytes of one name (zip member, HDF5 link, tensor).
    pub max_name_bytes: usize,
    /// Inflated bytes of a whole archive or dataset per stored byte.
    pub max_expansion: u64,
    /// Inflated bytes of one member per stored byte.
    pub max_member_expansion: u64,
    /// Layers of a model.
    pub max_layers: usize,
    /// Tensors of a file.
    pub max_tensors: usize,
    /// Axes of a tensor.
    pub max_rank: usize,
    /// Size of one axis.
    pub max_dimension: u64,
    /// Nesting of JSON.
    pub max_json_depth: usize,
    /// Nesting of models, HDF5 groups and protobuf messages.
    pub max_depth: usize,
    /// Files of a sharded index.
    pub max_shards: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_config_bytes: 64 << 20,
            max_metadata_bytes: 1 << 20,
            max_zip_members: 65_536,
            max_name_bytes: 4_096,
            max_expansion: 200,
            max_member_expansion: 1_000,
            max_layers: 1_000_000,
            max_tensors: 1_000_000,
            max_rank: 32,
            max_dimension: 1 << 40,
            max_json_depth: 128,
            max_depth: 64,
            max_shards: 10_000,
        }
    }
}
