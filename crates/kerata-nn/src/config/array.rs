//! Arrays in configs: numbers and nested lists of them, bare or as Keras serializes NumPy arrays and tensors.

use kerata_core::array::Array;
use kerata_core::{DType, Error, Result, Tree};

use super::Value;
use super::value::unexpected;
use crate::Registry;

/// The array that a tree stands for: `__numpy__` and `__tensor__` objects have a dtype, bare whole numbers are int32, other
/// numbers float32, as Keras takes them.
pub fn array(tree: &Tree) -> Result<Array> {
    if let (Some("__numpy__" | "__tensor__"), Some(config)) = (tree.class_name(), tree.get("config")) {
        let dtype = match config.get("dtype") {
            Some(name) => Some(DType::read(name, Registry::built_in())?),
            None => None,
        };
        return nested(config.require("value")?, dtype);
    }
    nested(tree, None)
}

fn nested(tree: &Tree, dtype: Option<DType>) -> Result<Array> {
    let mut sizes = Vec::new();
    let mut level = tree.as_list();
    while let Some(items) = level {
        sizes.push(items.len());
        level = items.first().and_then(Tree::as_list);
    }
    let mut leaves = Vec::new();
    flatten(tree, 0, sizes.len(), &mut leaves)?;
    if leaves.iter().any(|leaf| leaf.as_str().is_some()) {
        let text = |leaf: &&Tree| {
            leaf.as_str().map(|text| text.as_bytes().to_vec()).ok_or_else(|| unexpected("text", leaf))
        };
        return Array::from_strings(sizes, leaves.iter().map(text).collect::<Result<_>>()?);
    }
    if leaves.iter().all(|leaf| leaf.as_bool().is_some()) && !leaves.is_empty() {
        let bools = leaves.iter().filter_map(|leaf| leaf.as_bool()).collect();
        let array = Array::from_bools(sizes, bools)?;
        return dtype.map_or(Ok(array.clone()), |dtype| array.cast(dtype));
    }
    let whole: Option<Vec<i64>> = leaves.iter().map(|leaf| leaf.as_i64()).collect();
    match whole.filter(|_| !leaves.is_empty()) {
        Some(whole) => Array::from_vec(sizes, whole)?.cast(dtype.unwrap_or(DType::Int32)),
        None => {
            let read = |leaf: &&Tree| f64::read(leaf, Registry::built_in());
            let floats = leaves.iter().map(read).collect::<Result<Vec<f64>>>()?;
            Array::from_vec(sizes, floats)?.cast(dtype.unwrap_or(DType::Float32))
        }
    }
}

fn flatten<'a>(tree: &'a Tree, depth: usize, rank: usize, into: &mut Vec<&'a Tree>) -> Result<()> {
    match tree.as_list() {
        Some(items) if depth < rank => items.iter().try_for_each(|item| flatten(item, depth + 1, rank, into)),
        None if depth == rank => {
            into.push(tree);
            Ok(())
        }
        _ => Err(Error::corrupt("a nested list is not an array: its items are of different depth")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Array> {
        array(&Tree::parse(json.as_bytes(), &kerata_core::Limits::default()).unwrap())
    }

    #[test]
    fn lists_become_arrays() {
        let whole = read("[[1, 2, 3], [4, 5, 6]]").unwrap();
        assert_eq!((whole.shape(), whole.dtype()), (&[2, 3][..], DType::Int32));
        assert_eq!(read("[1, 2.5]").unwrap().as_f32().unwrap(), [1.0, 2.5]);
        assert_eq!(read("true").unwrap().dtype(), DType::Bool);
        assert!(read("[[1], 2]").is_err());
        assert!(read("[[1, 2], [3]]").is_err());
    }

    #[test]
    fn serialized_arrays_keep_their_dtype() {
        let json = r#"{"class_name": "__numpy__", "config": {"value": [1, 0], "dtype": "float64"}}"#;
        assert_eq!(read(json).unwrap().dtype(), DType::Float64);
    }
}
