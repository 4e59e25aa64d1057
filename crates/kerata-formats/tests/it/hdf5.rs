//! HDF5 files made by h5py (`fixtures/hdf5/make.py`), read and compared with what h5py reads.

use std::path::PathBuf;
use std::sync::Arc;

use kerata_core::{DType, Data, ErrorKind, Limits, MemorySource, Shape, Source, SourceRef, Tree};
use kerata_formats::containers::hdf5::{Attribute, Attributes, File, Plan, StringKind, Writer};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hdf5")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn expected() -> Tree {
    Tree::parse(&fixture("expected.json"), &Limits::default()).unwrap()
}

/// A source without a slice, as a remote file is.
#[derive(Debug)]
struct Remote(SourceRef);

impl Source for Remote {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> kerata_core::Result<()> {
        self.0.read_at(offset, buffer)
    }
}

fn plain_bytes(data: &Data) -> Vec<u8> {
    match data.as_strings() {
        Some(strings) => strings.iter().flat_map(|text| [text.as_slice(), b"\0"].concat()).collect(),
        None => data.bytes().unwrap().into_owned(),
    }
}

fn check_attributes(place: &str, found: &Attributes, expected: &Tree) {
    let expected = expected.as_object().unwrap();
    let names: Vec<&str> = found.iter().map(|(name, _)| name).collect();
    let mut wanted: Vec<&str> = expected.keys().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(names, wanted, "{place}");
    for (name, value) in found.iter() {
        let want = &expected[name];
        let fits = match value {
            Attribute::Text(text) => want.get("text").and_then(Tree::as_str) == Some(text),
            Attribute::Texts(texts) => want.get("texts").and_then(Tree::as_list).is_some_and(|list| {
                list.iter().map(|item| item.as_str().unwrap()).eq(texts.iter().map(String::as_str))
            }),
            Attribute::Array { shape, .. } => {
                let sizes: Vec<u64> = match want.get("shape").and_then(Tree::as_list) {
                    Some(list) => list.iter().map(|size| size.as_u64().unwrap()).collect(),
                    None => vec![],
                };
                let ints = value.to_ints().map(|ints| ints.into_iter().map(|v| v as f64).collect());
                let numbers: Option<Vec<f64>> = ints.or_else(|| value.to_floats());
                match numbers {
                    Some(numbers) => {
                        let list = want.get("ints").or(want.get("floats")).and_then(Tree::as_list).unwrap();
                        shape.sizes() == Some(sizes)
                            && list.iter().map(|v| v.as_f64().unwrap()).eq(numbers.iter().copied())
                    }
                    // Complex numbers have no number in JSON.
                    None => want.get("unsupported").is_some(),
                }
            }
            Attribute::Empty => want.get("empty").is_some(),
            _ => want.get("unsupported").is_some(),
        };
        assert!(fits, "{place} attribute {name}: {value:?}, expected {want:?}");
    }
}

fn check(name: &str, file: &File, expected: &Tree) {
    let groups = expected.get("groups").and_then(Tree::as_object).unwrap();
    let datasets = expected.get("datasets").and_then(Tree::as_object).unwrap();
    assert_eq!(file.groups.len(), groups.len(), "{name}");
    assert_eq!(file.datasets.len(), datasets.len(), "{name}");
    for (path, attributes) in groups {
        let group = file.group(path).unwrap_or_else(|| panic!("{name} has no group {path}"));
        check_attributes(&format!("{name} {path}"), &group.attributes, attributes);
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below = datasets.keys().filter(|path| path.starts_with(&prefix)).count();
        assert_eq!(file.datasets_below(group).len(), below, "{name} {path}");
    }
    for (path, want) in datasets {
        let place = format!("{name} {path}");
        let dataset = file.dataset(path).unwrap_or_else(|| panic!("{place} is missing"));
        assert_eq!(Some(dataset.dtype.to_string().as_str()), want.get("dtype").unwrap().as_str(), "{place}");
        let shape: Vec<u64> =
            want.get("shape").unwrap().as_list().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
        assert_eq!(dataset.shape.sizes().unwrap(), shape, "{place}");
        let crc = u64::from(crc32fast::hash(&plain_bytes(&dataset.data)));
        assert_eq!(Some(crc), want.get("crc32").unwrap().as_u64(), "{place}");
        check_attributes(&place, &dataset.attributes, want.get("attributes").unwrap());
    }
}

#[test]
fn every_file_reads_as_h5py_reads_it() {
    for (name, want) in expected().as_object().unwrap() {
        if want.get("groups").is_none() {
            continue;
        }
        let source = MemorySource::shared(fixture(name));
        let remote: SourceRef = Arc::new(Remote(source.clone()));
        for source in [source, remote] {
            let file =
                File::open(&source, &Limits::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
            check(name, &file, want);
        }
    }
}

#[test]
fn hundreds_of_links_are_listed_in_name_order() {
    let mut seen = 0;
    for (name, want) in expected().as_object().unwrap() {
        let Some(count) = want.get("listed").and_then(Tree::as_u64) else { continue };
        seen += 1;
        let file = File::open(&MemorySource::shared(fixture(name)), &Limits::default()).unwrap();
        let below = file.datasets_below(file.group("many").unwrap());
        let paths: Vec<&str> = below.keys().map(String::as_str).collect();
        assert_eq!(paths.len() as u64, count, "{name}");
        let crc = crc32fast::hash(paths.join("\n").as_bytes());
        assert_eq!(Some(u64::from(crc)), want.get("crc32").unwrap().as_u64(), "{name}");
    }
    assert_eq!(seen, 2);
}

#[test]
fn what_leads_out_of_the_file_is_refused_by_kind() {
    let mut seen = 0;
    for (name, want) in expected().as_object().unwrap() {
        let Some(kind) = want.get("refused").and_then(Tree::as_str) else { continue };
        seen += 1;
        let source = MemorySource::shared(fixture(name));
        let error = match File::open(&source, &Limits::default()) {
            Err(error) => error,
            Ok(_) => panic!("{name} was read"),
        };
        assert_eq!(error.kind().label(), kind, "{name}: {error}");
        let lenient = File::open_lenient(&source, &Limits::default()).unwrap();
        assert!(!lenient.notes.is_empty(), "{name}");
    }
    assert!(seen > 10);
}

#[test]
fn tensors_of_a_mapped_file_are_borrowed() {
    let source = MemorySource::shared(fixture("keras.h5"));
    let file = File::open(&source, &Limits::default()).unwrap();
    let kernel = file.dataset("/layers/dense/vars/0").unwrap();
    assert!(kernel.data.as_range().is_some() && kernel.data.as_slice().is_some());
    assert_eq!(file.group("layers/dense/vars").unwrap().attributes.text("name"), Some("dense"));
}

#[test]
fn a_file_cut_anywhere_says_so_or_lists_what_is_whole() {
    let whole = fixture("keras.h5");
    for len in (0..whole.len()).step_by(97) {
        let source = MemorySource::shared(whole[..len].to_vec());
        let error = File::open(&source, &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "cut at {len}: {error}");
        if let Ok(file) = File::open_lenient(&source, &Limits::default()) {
            assert!(!file.notes.is_empty(), "cut at {len}");
        }
    }
}

#[test]
fn creation_order_is_kept_where_the_file_has_it() {
    let source = MemorySource::shared(fixture("links_tracked.h5"));
    let file = File::open(&source, &Limits::default()).unwrap();
    let mut tracked: Vec<_> =
        file.groups.iter().filter_map(|(path, group)| Some((group.creation_order?, path.as_str()))).collect();
    tracked.sort_unstable();
    let names: Vec<&str> = tracked.into_iter().map(|(_, path)| path).collect();
    assert_eq!(names, ["zeta", "alpha", "10", "2", "mid dle"]);
}

/// Everything of a file that the writer can hold, written again.
fn rewrite(file: &File) -> Plan {
    let mut writer = Writer::new();
    let mut attributes = Vec::new();
    for (path, group) in &file.groups {
        writer.group(path).unwrap();
        attributes.push((path, &group.attributes));
    }
    for (path, dataset) in &file.datasets {
        writer.dataset(path, dataset.dtype, &dataset.shape, dataset.data.clone()).unwrap();
        attributes.push((path, &dataset.attributes));
    }
    for (path, attributes) in attributes {
        for (name, value) in attributes.iter() {
            if !matches!(value, Attribute::Unsupported(_)) {
                writer.attribute(path, name, value.clone()).unwrap();
            }
        }
    }
    writer.plan().unwrap()
}

#[test]
fn what_h5py_wrote_is_the_same_after_it_was_written_again() {
    for (name, want) in expected().as_object().unwrap() {
        if want.get("groups").is_none() {
            continue;
        }
        let file = File::open(&MemorySource::shared(fixture(name)), &Limits::default()).unwrap();
        let plan = rewrite(&file);
        let mut bytes = Vec::new();
        plan.write(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, plan.len());
        let again = File::open(&MemorySource::shared(bytes), &Limits::default()).unwrap();
        let mut want = want.clone();
        // The one value that is not written: a reference.
        if let Some(Tree::Object(attributes)) = want.get_mut("groups").and_then(|g| g.get_mut("attributes")) {
            assert!(attributes.shift_remove("reference").is_some());
        }
        check(name, &again, &want);
    }
}

#[test]
fn thousands_of_links_are_read_back() {
    for count in [0, 8, 9, 256, 257, 5000, 20_000] {
        let mut writer = Writer::new();
        for number in 0..count {
            let bytes = u64::to_le_bytes(number).to_vec();
            writer
                .dataset(&format!("g/{number}"), DType::Uint64, &Shape::scalar(), Data::owned(bytes))
                .unwrap();
        }
        let mut bytes = Vec::new();
        writer.plan().unwrap().write(&mut bytes).unwrap();
        let file = File::open(&MemorySource::shared(bytes), &Limits::default()).unwrap();
        assert_eq!(file.datasets.len() as u64, count);
        for (path, dataset) in &file.datasets {
            let number: u64 = path.trim_start_matches("g/").parse().unwrap();
            assert_eq!(*dataset.data.bytes().unwrap(), number.to_le_bytes());
            let (_, offset, _) = dataset.data.as_range().unwrap();
            assert_eq!(offset % 64, 0);
        }
    }
}

#[test]
fn the_writer_refuses_what_hdf5_cannot_hold() {
    let mut writer = Writer::new();
    let mut kind = |path: &str, shape: Shape, bytes: usize| {
        let made = writer.dataset(path, DType::Float32, &shape, Data::owned(vec![0; bytes]));
        made.map(drop).unwrap_err().kind()
    };
    assert_eq!(kind("short", Shape::known([2]), 7), ErrorKind::Mismatch);
    assert_eq!(kind("a//b", Shape::known([1]), 4), ErrorKind::Usage);
    assert_eq!(kind("..", Shape::known([1]), 4), ErrorKind::Usage);
    assert_eq!(kind("", Shape::known([1]), 4), ErrorKind::Usage);
    writer.dataset("data", DType::Float32, &Shape::scalar(), Data::owned([0; 4])).unwrap();
    let below = writer.group("data/below").map(drop).unwrap_err();
    assert_eq!(below.kind(), ErrorKind::AlreadyExists);
    let missing = writer.attribute("nowhere", "a", "b").map(drop).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let texts = vec!["x".repeat(100); 700];
    writer.attribute_as("", "too_large", texts, StringKind::FixedAscii).unwrap();
    let error = writer.plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
}

/// `cargo test --release -p kerata-formats --test it opening_times -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, for release builds"]
fn opening_times() {
    let mut writer = Writer::new();
    let mut add = |path: String| {
        writer.dataset(&path, DType::Float32, &Shape::known([4]), Data::owned([0; 16])).map(drop).unwrap();
    };
    for layer in 0..1_000 {
        (0..3).for_each(|variable| add(format!("layers/dense_{layer}/vars/{variable}")));
    }
    add("optimizer/vars/0".to_owned());
    add("optimizer/vars/1".to_owned());
    for layer in 0..1_000 {
        writer.attribute(&format!("layers/dense_{layer}/vars"), "name", "dense").unwrap();
    }
    let mut flat = Writer::new();
    (0..10_000).for_each(|number| drop(flat.group(&format!("g/{number}"))));
    for (what, writer) in [("3,002 datasets in 2,005 groups", writer), ("10,000 groups", flat)] {
        let mut bytes = Vec::new();
        let start = std::time::Instant::now();
        writer.plan().unwrap().write(&mut bytes).unwrap();
        let written = start.elapsed();
        let source = MemorySource::shared(bytes);
        let mut times: Vec<_> = (0..30)
            .map(|_| {
                let start = std::time::Instant::now();
                let file = File::open(&source, &Limits::default()).unwrap();
                let took = start.elapsed();
                assert!(file.groups.len() > 2_000);
                took
            })
            .collect();
        times.sort();
        println!(
            "{what}: {} bytes, write {written:?}, open {:?} (fastest of 30, median {:?})",
            source.len(),
            times[0],
            times[15]
        );
        // What is promised for 10,000 groups.
        assert!(times[0] < std::time::Duration::from_millis(200), "{what}: {:?}", times[0]);
    }
}

fn h5_below(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            h5_below(&path, found);
        } else if path.extension().is_some_and(|end| end == "h5") {
            found.push(path);
        }
    }
}

#[test]
fn every_golden_h5_of_keras_opens_whole() {
    let mut paths = Vec::new();
    h5_below(&folder().join("../golden"), &mut paths);
    assert!(paths.len() > 50);
    for path in paths {
        let source = MemorySource::shared(std::fs::read(&path).unwrap());
        let file =
            File::open(&source, &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(file.notes.is_empty(), "{}", path.display());
        assert!(!file.groups.is_empty(), "{}", path.display());
        for dataset in file.datasets.values() {
            let size = dataset.dtype.size().unwrap() as u64;
            let bytes = dataset.data.bytes().unwrap().len() as u64;
            assert_eq!(dataset.shape.elements().unwrap() * size, bytes, "{}", path.display());
        }
    }
}
