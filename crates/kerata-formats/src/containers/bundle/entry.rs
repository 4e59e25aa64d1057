//! An entry of the index, checked once against the limits.

use kerata_core::{Error, Limits, Result, Shape};

use super::slice_key::Extent;
use crate::containers::proto::tensorflow::tensor_slice_proto::{self, extent::HasLengthHack};
use crate::containers::proto::tensorflow::{BundleEntryProto, TensorSliceProto};

/// What the index says about one tensor or one slice of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// TensorFlow's code of the element type.
    pub code: i32,
    pub shape: Vec<u64>,
    pub shard: u32,
    pub offset: u64,
    pub size: u64,
    /// Masked CRC-32C of the stored bytes.
    pub crc: u32,
    /// The rectangles that the tensor is stored in, when it is cut.
    pub slices: Vec<Vec<Extent>>,
}

impl Entry {
    pub fn new(proto: BundleEntryProto, limits: &Limits) -> Result<Self> {
        let shape = sizes(&proto, limits)?;
        let natural = |value: i64, what: &str| {
            u64::try_from(value).map_err(|_| Error::corrupt(format!("{what} {value} is negative")))
        };
        Ok(Self {
            code: proto.dtype,
            shard: u32::try_from(proto.shard_id)
                .map_err(|_| Error::corrupt(format!("shard {} is negative", proto.shard_id)))?,
            offset: natural(proto.offset, "offset")?,
            size: natural(proto.size, "size")?,
            crc: proto.crc32c,
            slices: proto.slices.iter().map(|slice| extents(slice, &shape)).collect::<Result<_>>()?,
            shape,
        })
    }

    /// Number of elements; the shape is bounded, the product need not be.
    pub fn elements(&self) -> Result<u64> {
        Shape::known(self.shape.iter().copied())
            .elements()
            .ok_or_else(|| Error::limit("a tensor of more than 2^64 elements"))
    }
}

fn sizes(proto: &BundleEntryProto, limits: &Limits) -> Result<Vec<u64>> {
    let Some(shape) = &proto.shape else { return Ok(Vec::new()) };
    if shape.unknown_rank {
        return Err(Error::corrupt("a stored tensor has an unknown rank"));
    }
    if shape.dim.len() > limits.max_rank {
        return Err(Error::limit(format!("{} axes, at most {}", shape.dim.len(), limits.max_rank)));
    }
    let size = |size: i64| match u64::try_from(size) {
        Ok(size) if size > limits.max_dimension => {
            Err(Error::limit(format!("an axis of {size} elements, at most {}", limits.max_dimension)))
        }
        Ok(size) => Ok(size),
        Err(_) => Err(Error::corrupt(format!("an axis of {size} elements"))),
    };
    shape.dim.iter().map(|dim| size(dim.size)).collect()
}

/// Start and length on each axis; an absent length means the whole axis.
fn extents(slice: &TensorSliceProto, shape: &[u64]) -> Result<Vec<Extent>> {
    if slice.extent.len() != shape.len() {
        return Err(Error::corrupt(format!(
            "a slice of {} axes in a tensor of {}",
            slice.extent.len(),
            shape.len()
        )));
    }
    let extent = |(extent, size): (&tensor_slice_proto::Extent, &u64)| {
        let length = extent.has_length_hack.as_ref().map(|HasLengthHack::Length(length)| *length);
        Extent::new(extent.start, length.unwrap_or(-1), *size)
    };
    slice.extent.iter().zip(shape).map(extent).collect()
}
