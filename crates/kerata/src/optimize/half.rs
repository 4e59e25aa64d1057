//! Stores float weights in half precision. The dtype policies stay: Keras widens the numbers when it loads them, and
//! computes as before with weights that are rounded once.

use kerata_core::array::Array;
use kerata_core::{Artifact, DType, Error, Result, ResultExt, Role};

use super::Pass;

/// Largest finite float16.
const LARGEST_FLOAT16: f64 = 65504.0;

pub(super) fn run(artifact: &mut Artifact, dtype: DType, pass: &mut Pass) -> Result<()> {
    if !matches!(dtype, DType::Float16 | DType::Bfloat16) {
        return Err(Error::usage(format!("{dtype} is no half precision")).hint("use float16 or bfloat16"));
    }
    let scales = scales_and_partners(artifact);
    for (path, variable) in artifact.variables.iter_mut() {
        let is_wide = matches!(variable.dtype, DType::Float32 | DType::Float64);
        if variable.role != Role::Weight || !is_wide || scales.iter().any(|scale| scale == path) {
            continue;
        }
        let place = || format!("variable `{path}`");
        let values = Array::from_variable(variable).at(place)?;
        if dtype == DType::Float16 {
            let numbers = values.to_f64s().at(place)?;
            if numbers.iter().any(|number| number.is_finite() && number.abs() > LARGEST_FLOAT16) {
                pass.note(format!("`{path}` stays {}: it holds numbers above 65504", variable.dtype));
                continue;
            }
        }
        variable.data = values.cast(dtype).at(place)?.to_data();
        variable.dtype = dtype;
        pass.changed += 1;
    }
    Ok(())
}

/// Float variables beside an integer one of the same object: scales, group numbers and biases of a quantized layer,
/// which are few and carry its precision.
fn scales_and_partners(artifact: &Artifact) -> Vec<String> {
    let owner = |path: &str| path.rsplit_once("/vars/").map(|(owner, _)| owner.to_owned());
    let quantized: std::collections::HashSet<String> = artifact
        .weights()
        .filter(|(_, variable)| matches!(variable.dtype, DType::Int8 | DType::Uint8))
        .filter_map(|(path, _)| owner(path))
        .collect();
    let is_partner = |path: &&str| owner(path).is_some_and(|owner| quantized.contains(&owner));
    artifact.weights().map(|(path, _)| path).filter(is_partner).map(str::to_owned).collect()
}
