//! `Originals`: what a file held where its reader gives something else, kept for the way back into the same format.

use indexmap::IndexMap;

use crate::{Role, Variables};

/// The variables of a file as it has them, beside those of the artifact that a reader made of them.
#[derive(Clone, Debug, Default)]
pub struct Originals {
    /// Variables by their address in the file.
    pub variables: Variables,
    /// Objects by their path in the file.
    pub objects: IndexMap<String, Option<String>>,
    /// The artifact's variables as the reader gave them.
    read: Variables,
}

impl Originals {
    /// What a file has, and what its reader made of it.
    pub fn new(variables: Variables, objects: IndexMap<String, Option<String>>, read: Variables) -> Self {
        Self { variables, objects, read }
    }

    /// Whether these are still the variables that the reader gave: the same bytes in the same places, nothing more.
    pub fn are_of(&self, variables: &Variables) -> bool {
        self.read.len() == variables.len()
            && self.read.iter().zip(variables.iter()).all(|((path, read), (other, variable))| {
                path == other && read.dtype == variable.dtype && read.data.is_same(&variable.data)
            })
    }

    /// Forgets the optimizer.
    pub(crate) fn drop_optimizer(&mut self) {
        self.variables.retain(|_, variable| variable.role != Role::Optimizer);
        self.read.retain(|_, variable| variable.role != Role::Optimizer);
        self.objects.retain(|path, _| path != "optimizer" && !path.starts_with("optimizer/"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Data, Variable};

    #[test]
    fn other_bytes_are_noticed() {
        let variable = |byte: u8| Variable::new(DType::Uint8, [1], Data::owned(vec![byte])).unwrap();
        let mut variables = Variables::new();
        variables.insert("vars/0", variable(1)).unwrap();
        let originals = Originals::new(Variables::new(), IndexMap::new(), variables.clone());
        assert!(originals.are_of(&variables));
        variables.get_mut("vars/0").unwrap().data = Data::owned(vec![1]);
        assert!(!originals.are_of(&variables), "equal bytes elsewhere may have been made anew");
        assert!(!originals.are_of(&Variables::new()));
    }
}
