//! `require_finite`: whether what a training has left is worth saving.

use kerata_core::{Artifact, DType, Error, Result, ResultExt, Role, Variable};

/// Fails when a weight or a variable of the optimizer holds NaN or infinity, and names the first one.
///
/// The loss of a step is that of the weights before its update, so the last update of a training can leave numbers that no
/// loss has shown.
pub fn require_finite(artifact: &Artifact) -> Result<()> {
    for (path, variable) in artifact.variables.iter() {
        if let Some(mut scan) = Scan::of(variable) {
            variable.data.stream(&mut |block| scan.take(block)).at(|| format!("variable `{path}`"))?;
            scan.check(path)?;
        }
    }
    Ok(())
}

/// Looks through the bytes of a variable, block by block.
pub(crate) struct Scan {
    /// A float is NaN or infinite when all of these bits are set.
    exponent: u64,
    size: usize,
    is_finite: bool,
    /// The start of a number that the next block ends.
    rest: Vec<u8>,
}

impl Scan {
    /// For floats that are learned; whatever else a file holds may be what it is.
    pub fn of(variable: &Variable) -> Option<Self> {
        let (exponent, size) = match variable.dtype {
            DType::Float64 => (0x7ff0_0000_0000_0000, 8),
            DType::Float32 => (0x7f80_0000, 4),
            DType::Float16 => (0x7c00, 2),
            DType::Bfloat16 => (0x7f80, 2),
            _ => return None,
        };
        let is_learned = matches!(variable.role, Role::Weight | Role::Optimizer);
        is_learned.then_some(Self { exponent, size, is_finite: true, rest: Vec::new() })
    }

    /// Takes in the next bytes.
    pub fn take(&mut self, mut block: &[u8]) -> Result<()> {
        if !self.rest.is_empty() {
            let (head, tail) = block.split_at(block.len().min(self.size - self.rest.len()));
            self.rest.extend_from_slice(head);
            block = tail;
            if self.rest.len() == self.size {
                self.is_finite &= all_finite(&self.rest, self.size, self.exponent);
                self.rest.clear();
            }
        }
        let (numbers, tail) = block.split_at(block.len() / self.size * self.size);
        self.is_finite &= all_finite(numbers, self.size, self.exponent);
        self.rest.extend_from_slice(tail);
        Ok(())
    }

    /// Fails when something was not finite.
    pub fn check(&self, path: &str) -> Result<()> {
        if self.is_finite {
            return Ok(());
        }
        Err(Error::mismatch(format!("`{path}` holds NaN or infinity after the last update"))
            .hint("lower the learning rate, clip the gradients, or look for NaN in the samples"))
    }
}

/// Whether no number has all bits of the exponent set. No early end: a plain loop is as fast as memory.
fn all_finite(bytes: &[u8], size: usize, exponent: u64) -> bool {
    fn scan<const SIZE: usize>(bytes: &[u8], is_odd: impl Fn([u8; SIZE]) -> bool) -> bool {
        let (numbers, _) = bytes.as_chunks::<SIZE>();
        !numbers.chunks(4096).any(|part| part.iter().fold(false, |odd, number| odd | is_odd(*number)))
    }
    match size {
        8 => scan(bytes, |number| u64::from_le_bytes(number) & exponent == exponent),
        4 => {
            let exponent = exponent as u32;
            scan(bytes, |number| u32::from_le_bytes(number) & exponent == exponent)
        }
        _ => {
            let exponent = exponent as u16;
            scan(bytes, |number| u16::from_le_bytes(number) & exponent == exponent)
        }
    }
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use kerata_core::{Array, Data};

    use super::*;

    fn check(variable: Variable, role: Role) -> Result<()> {
        let mut artifact = Artifact::new();
        artifact.variables.insert("layers/dense/vars/0", variable.with_role(role)).unwrap();
        require_finite(&artifact)
    }

    #[test]
    fn nan_and_infinity_are_found_in_every_float() {
        for place in [0, 6_999] {
            for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let with =
                    |odd: f64| (0..7000).map(|at| if at == place { odd } else { 1.5 }).collect::<Vec<f64>>();
                for dtype in [DType::Float64, DType::Float32, DType::Float16, DType::Bfloat16] {
                    let variable = |number| {
                        Array::from_vec([7000], with(number))
                            .unwrap()
                            .cast(dtype)
                            .unwrap()
                            .to_variable()
                            .unwrap()
                    };
                    assert!(
                        check(variable(odd), Role::Weight).unwrap_err().message().contains("layers/dense")
                    );
                    assert!(check(variable(odd), Role::Optimizer).is_err());
                    assert!(check(variable(odd), Role::State).is_ok());
                    assert!(check(variable(-2.0), Role::Weight).is_ok());
                }
            }
        }
        let largest = [f16::MAX.to_le_bytes(), f16::MIN_POSITIVE.to_le_bytes()].concat();
        assert!(
            check(Variable::new(DType::Float16, [2], Data::owned(largest)).unwrap(), Role::Weight).is_ok()
        );
        let largest = bf16::MAX.to_le_bytes().to_vec();
        assert!(
            check(Variable::new(DType::Bfloat16, [1], Data::owned(largest)).unwrap(), Role::Weight).is_ok()
        );
        let whole = Variable::new(DType::Uint32, [1], Data::owned(vec![255; 4])).unwrap();
        assert!(check(whole, Role::Weight).is_ok());
    }
}
