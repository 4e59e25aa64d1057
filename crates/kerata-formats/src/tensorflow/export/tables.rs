//! Tables from keys to values: one resource each, made and filled when a model is loaded.

use kerata_core::graph::TensorSpec;
use kerata_core::{Array, Result};
use sha2::{Digest, Sha256};

use super::attributes::{Attribute, dtype, text};
use super::structures::{dict, resource, tuple};
use super::writer::{FunctionWriter, Library};
use crate::containers::proto::tensorflow::DataType;
use crate::containers::proto::tensorflow::SavedConcreteFunction;
use crate::containers::proto::tensorflow::attr_value::Value;

/// A table of the model.
#[derive(Clone, Debug)]
pub struct Table {
    pub keys: Array,
    pub values: Array,
}

/// The functions that make and fill a table.
pub struct Filled {
    pub create: String,
    pub fill: String,
}

impl Table {
    /// A name that no other content has: tables of one name are one table to TensorFlow.
    pub fn name(&self) -> Result<String> {
        let mut hash = Sha256::new();
        for array in [&self.keys, &self.values] {
            hash.update(array.dtype().name());
            match array.to_data().as_strings() {
                Some(strings) => strings.iter().for_each(|text| {
                    hash.update((text.len() as u64).to_le_bytes());
                    hash.update(text);
                }),
                None => hash.update(array.to_data().bytes()?),
            }
        }
        let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("table_{digest}"))
    }

    /// Attributes of the op that makes it.
    pub fn attributes(&self) -> Result<Vec<Attribute>> {
        Ok(vec![
            ("key_dtype", dtype(self.keys.dtype())?),
            ("value_dtype", dtype(self.values.dtype())?),
            ("shared_name", text(&self.name()?)),
            ("use_node_name_sharing", Value::B(true)),
        ])
    }

    /// Attributes of the op that fills it.
    pub fn fill_attributes(&self) -> Result<Vec<Attribute>> {
        Ok(vec![("Tin", dtype(self.keys.dtype())?), ("Tout", dtype(self.values.dtype())?)])
    }

    /// Writes the functions that Python's loader calls.
    pub fn write(&self, library: &mut Library) -> Result<Filled> {
        let create = library.fresh("create_table");
        let mut f = FunctionWriter::new(library);
        f.stateful();
        let handle = f.add("HashTableV2", &[], self.attributes()?);
        f.finish_with_resource(&create, &format!("{handle}:table_handle:0"));

        let fill = library.fresh("fill_table");
        let mut f = FunctionWriter::new(library);
        let table = f.resource("table");
        let (keys, values) = (f.constant(&self.keys)?.name, f.constant(&self.values)?.name);
        let node = f.add("LookupTableImportV2", &[table, keys, values], self.fill_attributes()?);
        f.effect(node);
        let done = f.number(1.0, kerata_core::DType::Int32)?;
        let spec = TensorSpec::new(kerata_core::DType::Int32, kerata_core::Shape::new([]));
        let kind = dtype(kerata_core::DType::Int32)?;
        let done = f.node("Identity", &[done], vec![("T", kind)]);
        f.finish(&fill, &[("output_0".to_owned(), super::writer::Val { name: done, spec })])?;
        Ok(Filled { create, fill })
    }
}

/// What the function that makes a table takes and gives.
pub fn create_signature() -> SavedConcreteFunction {
    SavedConcreteFunction {
        bound_inputs: Vec::new(),
        canonicalized_input_signature: Some(tuple(vec![tuple(Vec::new()), dict([])])),
        output_signature: Some(resource("output_0", DataType::DtResource)),
    }
}

/// What the function that fills a table takes and gives.
pub fn fill_signature(table: i32) -> SavedConcreteFunction {
    let spec = TensorSpec::new(kerata_core::DType::Int32, kerata_core::Shape::new([]));
    SavedConcreteFunction {
        bound_inputs: vec![table],
        canonicalized_input_signature: Some(tuple(vec![tuple(Vec::new()), dict([])])),
        output_signature: Some(super::structures::spec("output_0", &spec)),
    }
}
