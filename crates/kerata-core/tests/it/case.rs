//! Reading op cases: what TensorFlow, Keras and numpy make of small inputs (`fixtures/ops`).

use half::{bf16, f16};
use kerata_core::array::{Array, Elements};
use kerata_core::{DType, Limits, Tree};
use num_complex::Complex;

/// One case of an op or a free function.
pub struct Case {
    /// Where it stands: family and position.
    pub place: String,
    /// Name of the op, when it is a case of an op.
    pub op: Option<String>,
    /// Name of the free function, when it is a case of one.
    pub function: Option<String>,
    /// Attributes of the op, or arguments of the function.
    pub arguments: Tree,
    pub inputs: Vec<Array>,
    pub outputs: Vec<Array>,
    /// Largest difference to expected floats, relative to numbers above 1.
    pub tolerance: f64,
    /// Whether the gradient is compared with differences.
    pub gradient: bool,
    /// Whether all sizes must be known before a run.
    pub known: bool,
}

/// All cases of all families.
pub fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/ops");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| family(path)).collect()
}

fn family(path: &std::path::Path) -> Vec<Case> {
    let tree = Tree::parse(&std::fs::read(path).unwrap(), &Limits::default()).unwrap();
    let family = path.file_stem().unwrap().to_string_lossy().into_owned();
    let arrays =
        |case: &Tree, key: &str| case.get(key).unwrap().as_list().unwrap().iter().map(array).collect();
    let text = |case: &Tree, key: &str| case.get(key).map(|name| name.as_str().unwrap().to_owned());
    tree.as_list()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(at, case)| Case {
            place: format!("{family}[{at}]"),
            op: text(case, "op"),
            function: text(case, "function"),
            arguments: case.get("attributes").or(case.get("arguments")).unwrap().clone(),
            inputs: arrays(case, "inputs"),
            outputs: arrays(case, "outputs"),
            tolerance: case.get("tolerance").map_or(2e-6, |value| value.as_f64().unwrap()),
            known: case.get("known").is_some(),
            gradient: case.get("gradient").is_none_or(|value| value.as_bool().unwrap()),
        })
        .collect()
}

fn array(tree: &Tree) -> Array {
    let dtype: DType = tree.get("dtype").unwrap().as_str().unwrap().parse().unwrap();
    let list = |key: &str| tree.get(key).unwrap().as_list().unwrap();
    let shape: Vec<usize> = list("shape").iter().map(|size| size.as_u64().unwrap() as usize).collect();
    let values = list("values");
    let floats = || values.iter().map(|value| value.as_f64().unwrap());
    let whole = || {
        values.iter().map(|value| match value {
            Tree::Int(value) => *value,
            other => i128::from(other.as_bool().unwrap()),
        })
    };
    let pairs = || values.chunks_exact(2).map(|pair| (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap()));
    let elements = match dtype {
        DType::Bool => Elements::Bool(whole().map(|x| x as u8).collect()),
        DType::Int8 => Elements::Int8(whole().map(|x| x as i8).collect()),
        DType::Int16 => Elements::Int16(whole().map(|x| x as i16).collect()),
        DType::Int32 => Elements::Int32(whole().map(|x| x as i32).collect()),
        DType::Int64 => Elements::Int64(whole().map(|x| x as i64).collect()),
        DType::Uint8 => Elements::Uint8(whole().map(|x| x as u8).collect()),
        DType::Uint16 => Elements::Uint16(whole().map(|x| x as u16).collect()),
        DType::Uint32 => Elements::Uint32(whole().map(|x| x as u32).collect()),
        DType::Uint64 => Elements::Uint64(whole().map(|x| x as u64).collect()),
        DType::Float8E4m3fn => Elements::Float8E4m3fn(whole().map(|x| x as u8).collect()),
        DType::Float8E5m2 => Elements::Float8E5m2(whole().map(|x| x as u8).collect()),
        DType::Float16 => Elements::Float16(floats().map(f16::from_f64).collect()),
        DType::Bfloat16 => Elements::Bfloat16(floats().map(bf16::from_f64).collect()),
        DType::Float32 => Elements::Float32(floats().map(|x| x as f32).collect()),
        DType::Float64 => Elements::Float64(floats().collect()),
        DType::Complex64 => {
            Elements::Complex64(pairs().map(|(re, im)| Complex::new(re as f32, im as f32)).collect())
        }
        DType::Complex128 => Elements::Complex128(pairs().map(|(re, im)| Complex::new(re, im)).collect()),
        DType::String => {
            // Latin-1, so that any bytes can be written.
            let bytes = |text: &Tree| text.as_str().unwrap().chars().map(|c| c as u8).collect::<Vec<u8>>();
            return Array::from_strings(shape, values.iter().map(bytes).collect()).unwrap();
        }
        other => panic!("cases of {other}"),
    };
    Array::new(shape, elements).unwrap()
}

/// What differs between two arrays, if anything; the tolerance is relative to numbers above 1. Half types may differ in
/// their last bit.
pub fn difference(found: &Array, expected: &Array, tolerance: f64) -> Option<String> {
    if found.dtype() != expected.dtype() || found.shape() != expected.shape() {
        return Some(format!("found {}, expected {}", found.spec(), expected.spec()));
    }
    if let (Elements::Strings(a), Elements::Strings(b)) = (found.elements(), expected.elements()) {
        return (a != b).then(|| format!("found {found:?}, expected {expected:?}"));
    }
    if let (Elements::Float8E4m3fn(a), Elements::Float8E4m3fn(b))
    | (Elements::Float8E5m2(a), Elements::Float8E5m2(b)) = (found.elements(), expected.elements())
    {
        return (a[..] != b[..]).then(|| format!("found {found:?}, expected {expected:?}"));
    }
    let numbers = |array: &Array| match array.elements() {
        Elements::Complex64(v) => v.iter().flat_map(|c| [f64::from(c.re), f64::from(c.im)]).collect(),
        Elements::Complex128(v) => v.iter().flat_map(|c| [c.re, c.im]).collect(),
        _ => array.to_f64s().unwrap(),
    };
    let tolerance = match expected.dtype() {
        DType::Float16 => tolerance.max(1e-3),
        DType::Bfloat16 => tolerance.max(8e-3),
        DType::Float32 | DType::Float64 | DType::Complex64 | DType::Complex128 => tolerance,
        _ => 0.0,
    };
    let (found, expected) = (numbers(found), numbers(expected));
    let close = |(a, b): (&f64, &f64)| {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * b.abs().max(1.0)
    };
    let at = found.iter().zip(&expected).position(|pair| !close(pair))?;
    Some(format!("element {at}: found {}, expected {}", found[at], expected[at]))
}
