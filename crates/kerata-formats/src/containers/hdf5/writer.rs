//! `Writer`: groups, datasets and attributes, gathered and then laid out in one go.

use std::collections::{BTreeMap, HashMap};

use kerata_core::{DType, Data, Error, Result, ResultExt, Shape};

use super::attribute::Attribute;
use super::encode::{StringKind, known_sizes, needs_name};
use super::plan::Plan;
use crate::Compression;

/// Gathers the content of an HDF5 file.
///
/// The file that comes out is what libhdf5 1.8 writes (superblock 0, object headers 1, symbol tables, contiguous data)
/// and every HDF5 library reads. The same calls give the same bytes.
///
/// ```
/// use kerata_core::{DType, Data, Shape};
/// use kerata_formats::containers::hdf5::Writer;
///
/// let mut writer = Writer::new();
/// writer.dataset("layers/dense/vars/0", DType::Float32, &Shape::known([2]), Data::owned([0; 8]))?;
/// writer.attribute("layers/dense/vars", "name", "dense")?;
/// let plan = writer.plan()?;
/// let mut file = Vec::new();
/// plan.write(&mut file)?;
/// assert_eq!(file.len() as u64, plan.len());
/// # Ok::<(), kerata_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    /// The root first, parents before children.
    objects: Vec<Object>,
    positions: HashMap<String, usize>,
    compression: Compression,
}

#[derive(Debug)]
pub(super) struct Object {
    pub path: String,
    pub content: Content,
    pub attributes: Vec<(String, Attribute, StringKind)>,
}

#[derive(Debug)]
pub(super) enum Content {
    /// Children in byte order of their names, by number.
    Group(BTreeMap<String, usize>),
    Dataset {
        dtype: DType,
        sizes: Vec<u64>,
        data: Data,
    },
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// A file with an empty root group.
    pub fn new() -> Self {
        let root =
            Object { path: String::new(), content: Content::Group(BTreeMap::new()), attributes: Vec::new() };
        Self {
            objects: vec![root],
            positions: HashMap::from([(String::new(), 0)]),
            compression: Compression::None,
        }
    }

    /// Sets how datasets are compressed where that makes them smaller. Such files need HDF5 1.10 or later, and their
    /// datasets cannot be used where they lie.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Makes a group and the groups above it; those that are there already stay.
    pub fn group(&mut self, path: &str) -> Result<&mut Self> {
        self.group_position(path.trim_matches('/')).at(|| format!("`{path}`"))?;
        Ok(self)
    }

    /// Adds a dataset, making the groups above it. Strings are given as [`Data::strings`].
    ///
    /// Elements that HDF5 has no type for (bfloat16, float8, int4) are stored opaque, with an attribute `dtype` that
    /// names them.
    pub fn dataset(&mut self, path: &str, dtype: DType, shape: &Shape, data: Data) -> Result<&mut Self> {
        self.add_dataset(path.trim_matches('/'), dtype, shape, data).at(|| format!("`{path}`"))?;
        Ok(self)
    }

    /// Adds an attribute to a group or dataset that is there; strings are variable-length UTF-8.
    pub fn attribute(&mut self, path: &str, name: &str, value: impl Into<Attribute>) -> Result<&mut Self> {
        self.attribute_as(path, name, value, StringKind::default())
    }

    /// Adds an attribute whose strings are stored in this way.
    pub fn attribute_as(
        &mut self,
        path: &str,
        name: &str,
        value: impl Into<Attribute>,
        strings: StringKind,
    ) -> Result<&mut Self> {
        let position = self.positions.get(path.trim_matches('/'));
        let object = position.and_then(|position| self.objects.get_mut(*position));
        let object = object.ok_or_else(|| Error::not_found("no group or dataset").at(format!("`{path}`")))?;
        if name.is_empty() || name.contains('\0') {
            return Err(Error::usage(format!("`{name}` is no attribute name")).at(format!("`{path}`")));
        }
        if object.attributes.iter().any(|attribute| attribute.0 == name) {
            return Err(Error::already_exists(format!("attribute `{name}`")).at(format!("`{path}`")));
        }
        object.attributes.push((name.to_owned(), value.into(), strings));
        Ok(self)
    }

    /// Lays the file out.
    pub fn plan(&self) -> Result<Plan> {
        Plan::new(&self.objects, self.compression)
    }

    fn add_dataset(&mut self, path: &str, dtype: DType, shape: &Shape, data: Data) -> Result<()> {
        let sizes = known_sizes(shape)?;
        let elements = shape.elements().ok_or_else(|| Error::limit("more than 2^64 elements"))?;
        match (dtype.size(), data.as_strings()) {
            (None, Some(strings)) if strings.len() as u64 == elements => {
                if strings.iter().any(|text| text.contains(&0)) {
                    return Err(Error::unsupported("a NUL inside a variable-length string"));
                }
            }
            (Some(size), None) if size > 0 && elements.checked_mul(size as u64) == Some(data.len()) => {}
            _ => return Err(Error::mismatch(format!("{} bytes for {dtype} of shape {shape}", data.len()))),
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.group_position(parent)?;
        self.add(parent, path, name, Content::Dataset { dtype, sizes, data })?;
        if needs_name(dtype) {
            self.attribute(path, "dtype", dtype.name())?;
        }
        Ok(())
    }

    fn group_position(&mut self, path: &str) -> Result<usize> {
        if let Some(position) = self.positions.get(path) {
            return match self.objects.get(*position).map(|object| &object.content) {
                Some(Content::Group(_)) => Ok(*position),
                _ => Err(Error::already_exists("a dataset where a group is wanted")),
            };
        }
        let mut parent = 0;
        let mut end = 0;
        for name in path.split('/') {
            end += name.len();
            let part = path.get(..end).unwrap_or(path);
            parent = match self.positions.get(part) {
                Some(position) => *position,
                None => self.add(parent, part, name, Content::Group(BTreeMap::new()))?,
            };
            end += 1;
        }
        Ok(parent)
    }

    fn add(&mut self, parent: usize, path: &str, name: &str, content: Content) -> Result<usize> {
        if name.is_empty() || name == "." || name == ".." || name.contains('\0') {
            return Err(Error::usage(format!("`{name}` is no link name")));
        }
        if self.positions.contains_key(path) {
            return Err(Error::already_exists("a group or dataset of this path"));
        }
        let position = self.objects.len();
        match self.objects.get_mut(parent).map(|object| &mut object.content) {
            Some(Content::Group(children)) => children.insert(name.to_owned(), position),
            _ => return Err(Error::already_exists("a dataset where a group is wanted")),
        };
        self.objects.push(Object { path: path.to_owned(), content, attributes: Vec::new() });
        self.positions.insert(path.to_owned(), position);
        Ok(position)
    }
}
