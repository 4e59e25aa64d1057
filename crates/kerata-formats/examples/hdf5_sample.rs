//! Writes an HDF5 file with every dtype, every kind of attribute and groups of 0 to 5,000 links.
//!
//! `cargo run -p kerata-formats --example hdf5_sample OUT.h5`; `tests/python/test_hdf5_writer.py` reads it with h5py.

use kerata_core::{DType, Data, Error, Result, Shape};
use kerata_formats::containers::hdf5::{Attribute, Plan, StringKind, Writer};

/// Sizes around the limits of nodes: 8 entries of a symbol table node, 32 children of a tree node.
const LINKS: [u64; 12] = [0, 1, 7, 8, 9, 63, 64, 255, 256, 257, 1200, 5000];

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).ok_or_else(|| Error::usage("which file is to be written?"))?;
    let mut file = Vec::new();
    sample()?.write(&mut file)?;
    std::fs::write(path, file).map_err(|error| Error::io("write the sample", &error))
}

fn sample() -> Result<Plan> {
    let mut writer = Writer::new();
    for count in LINKS {
        let group = format!("links/{count}");
        writer.group(&group)?;
        for number in 0..count {
            writer.group(&format!("{group}/{number}"))?;
        }
    }
    numbers(&mut writer)?;
    attributes(&mut writer)?;
    writer.plan()
}

/// Each holds 0, 1, 2, 3, 4, 5 in two rows, as far as its type can.
fn numbers(writer: &mut Writer) -> Result<()> {
    let shape = Shape::known([2, 3]);
    macro_rules! each {
        ($($name:ident: $type:ty),*) => {$({
            let bytes: Vec<u8> = (0..6u8).flat_map(|v| (v as $type).to_le_bytes()).collect();
            let dtype = DType::$name;
            writer.dataset(&format!("numbers/{dtype}"), dtype, &shape, Data::owned(bytes))?;
        })*};
    }
    each!(Int8: i8, Int16: i16, Int32: i32, Int64: i64, Uint8: u8, Uint16: u16, Uint32: u32, Uint64: u64);
    each!(Float32: f32, Float64: f64);
    // The halves and brain floats of 0 to 5.
    let halves = [0u16, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500];
    let brains = [0u16, 0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0];
    let bytes = |words: [u16; 6]| Data::owned(words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>());
    writer.dataset("numbers/float16", DType::Float16, &shape, bytes(halves))?;
    writer.dataset("numbers/bfloat16", DType::Bfloat16, &shape, bytes(brains))?;
    writer.dataset("numbers/bool", DType::Bool, &shape, Data::owned([0, 1, 0, 1, 0, 1]))?;
    writer.dataset("numbers/opaque3", DType::Opaque(3), &Shape::known([2]), Data::owned(*b"abcdef"))?;
    let complex: Vec<u8> = (0..4u8).flat_map(|v| f32::from(v).to_le_bytes()).collect();
    writer.dataset("numbers/complex64", DType::Complex64, &Shape::known([2]), Data::owned(complex))?;
    let complex: Vec<u8> = (0..4u8).flat_map(|v| f64::from(v).to_le_bytes()).collect();
    writer.dataset("numbers/complex128", DType::Complex128, &Shape::known([2]), Data::owned(complex))?;
    let texts = ["one", "", "zwei ä"].map(|text| text.as_bytes().to_vec()).to_vec();
    writer.dataset("numbers/string", DType::String, &Shape::known([3]), Data::strings(texts))?;
    writer.dataset("numbers/scalar", DType::Float64, &Shape::scalar(), Data::owned(2.5f64.to_le_bytes()))?;
    writer.dataset("numbers/empty", DType::Float32, &Shape::known([0, 3]), Data::owned([]))?;
    let large: Vec<u8> = (0..2_000_000u32).flat_map(u32::to_le_bytes).collect();
    writer.dataset("numbers/large", DType::Uint32, &Shape::known([2_000_000]), Data::owned(large))?;
    Ok(())
}

fn attributes(writer: &mut Writer) -> Result<()> {
    let owned = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
    let many: Vec<String> = (0..1000).map(|number| format!("layer_{number}")).collect();
    writer.group("attributes")?;
    writer.attribute("attributes", "text", "café")?;
    writer.attribute("attributes", "nothing", "")?;
    writer.attribute("attributes", "long", "x".repeat(700_000).as_str())?;
    writer.attribute("attributes", "texts", owned(&["a", "", "bcd", "ü"]))?;
    writer.attribute("attributes", "many", many.clone())?;
    writer.attribute_as("attributes", "ascii", "bytes", StringKind::VariableAscii)?;
    writer.attribute_as("attributes", "ascii_texts", owned(&["a", "bc"]), StringKind::VariableAscii)?;
    writer.attribute_as("attributes", "fixed", "fixed", StringKind::FixedAscii)?;
    writer.attribute_as("attributes", "fixed_texts", many, StringKind::FixedAscii)?;
    writer.attribute("attributes", "int", Attribute::int(-3))?;
    writer.attribute("attributes", "float", Attribute::float(1.5))?;
    writer.attribute("attributes", "empty_list", Attribute::empty_list())?;
    writer.attribute("attributes", "null", Attribute::Empty)?;
    writer.attribute("attributes", "opaque", Attribute::Bytes(vec![1, 0, 2]))?;
    let array =
        |dtype, bytes: &[u8]| Attribute::Array { dtype, shape: Shape::known([2]), bytes: bytes.to_vec() };
    writer.attribute("attributes", "flags", array(DType::Bool, &[1, 0]))?;
    writer.attribute("attributes", "bytes", array(DType::Uint8, &[7, 8]))?;
    writer.attribute("", "root", "value")?;
    writer.attribute("numbers/int8", "of_dataset", "yes")?;
    Ok(())
}
