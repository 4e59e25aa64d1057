//! How near numbers are to be to those of Keras and TensorFlow.

use kerata_core::graph::Graph;
use kerata_core::{Array, DType, Error, Result};

/// The narrowest float that a graph computes in.
pub fn narrowest(graph: &Graph) -> DType {
    let dtypes: Vec<DType> =
        graph.nodes.iter().flat_map(|node| node.outputs.iter().map(|spec| spec.dtype)).collect();
    let has = |dtype| dtypes.contains(&dtype).then_some(dtype);
    has(DType::Bfloat16).or_else(|| has(DType::Float16)).unwrap_or(DType::Float32)
}

/// Whether an output is the expected one, of a model whose narrowest floats are these.
pub fn compare(found: &Array, expected: &Array, narrowest: DType) -> Result<()> {
    if found.shape() != expected.shape() {
        let message = format!("expected shape {:?}, found {:?}", expected.shape(), found.shape());
        return Err(Error::mismatch(message));
    }
    if expected.dtype() == DType::String {
        return match found.as_strings()? == expected.as_strings()? {
            true => Ok(()),
            false => Err(Error::mismatch(format!("expected {expected:?}, found {found:?}"))),
        };
    }
    let numbers = expected.to_f64s()?;
    let largest = numbers.iter().filter(|n| n.is_finite()).fold(0.0, |most: f64, n| most.max(n.abs()));
    for (position, (found, expected)) in found.to_f64s()?.into_iter().zip(numbers).enumerate() {
        let is_equal = found == expected
            || found.is_nan() && expected.is_nan()
            || (found - expected).abs() <= tolerance(narrowest, expected, largest);
        if !is_equal {
            let message = format!("element {position}: expected {expected}, found {found}");
            return Err(Error::mismatch(message));
        }
    }
    Ok(())
}

/// How far a number may be from the expected one: what float32 allows, or two units in the last place of narrower floats,
/// of the largest number of the output, from which small ones are what is left over.
fn tolerance(dtype: DType, expected: f64, largest: f64) -> f64 {
    let bits = match dtype {
        DType::Float16 => 10,
        DType::Bfloat16 => 7,
        _ => return 1e-5 + 1e-4 * expected.abs(),
    };
    let exponent = largest.max(f64::MIN_POSITIVE).log2().floor() as i32;
    2.0 * 2f64.powi(exponent - bits)
}
