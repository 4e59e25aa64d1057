//! Quantizes `Embedding` and `ReversibleEmbedding`: each vector has its own scale.

use kerata_core::array::Array;
use kerata_core::{Artifact, DType, Error, Result, Tree};

use super::super::Quantization;
use super::matrix;
use super::write::{Layer, int4};

pub(super) fn quantize(layer: &Layer<'_>, artifact: &mut Artifact, tree: &Tree) -> Result<bool> {
    let Some(table) = layer.stored(artifact, 0) else { return Ok(false) };
    let table = Array::from_variable(&table)?.cast(layer.dtype)?;
    let [count, width] = *table.shape() else {
        return Err(Error::corrupt(format!("expected a table of vectors, found shape {:?}", table.shape())));
    };
    // A table is the transpose of a kernel: a vector is a channel.
    let turned = table.transpose(&[1, 0])?;
    let mut written = match layer.quantization {
        Quantization::Int8(_) => {
            let (values, scales) = columns(&turned, count, (-127.0, 127.0), layer)?;
            vec![("embeddings", values.transpose(&[1, 0])?), ("embeddings_scale", scales)]
        }
        Quantization::Int4 { block_size: None } => {
            let (values, scales) = columns(&turned, count, (-8.0, 7.0), layer)?;
            vec![
                ("embeddings", packed(&values.transpose(&[1, 0])?, count, width)?),
                ("embeddings_scale", scales),
            ]
        }
        Quantization::Int4 { block_size: Some(block) } => {
            let floats = turned.cast(DType::Float32)?;
            let grouped = matrix::by_block(floats.as_f32()?, count, block, layer.dtype);
            let groups = [width.div_ceil(block), count];
            let values = Array::from_vec([width, count], grouped.values)?.transpose(&[1, 0])?;
            let group = (0..width).map(|at| (at / block) as f32).collect();
            vec![
                ("embeddings", packed(&values, count, width)?),
                (
                    "embeddings_scale",
                    Array::from_f32(groups, grouped.scales)?.transpose(&[1, 0])?.cast(layer.dtype)?,
                ),
                ("embeddings_zero", Array::from_vec(groups, grouped.zeros)?.transpose(&[1, 0])?),
                ("g_idx", Array::from_f32([width], group)?),
            ]
        }
        Quantization::Float8 => return Ok(false),
    };
    let is_reversible = tree.class_name() == Some("ReversibleEmbedding");
    let is_tied = tree.path(&["config", "tie_weights"]).and_then(Tree::as_bool) != Some(false);
    if is_reversible && !is_tied {
        let reverse =
            layer.stored(artifact, 1).ok_or_else(|| Error::mismatch("the way back has no table"))?;
        let reverse = Array::from_variable(&reverse)?.cast(layer.dtype)?;
        match layer.quantization {
            Quantization::Int8(_) => {
                let (values, scales) = columns(&reverse, count, (-127.0, 127.0), layer)?;
                written.extend([("reverse_embeddings", values), ("reverse_embeddings_scale", scales)]);
            }
            Quantization::Int4 { block_size } => {
                let parts = int4(&reverse, width, count, block_size, layer.dtype)?;
                let [_, scale, more @ ..] = &parts[..] else {
                    return Err(Error::internal("int4 has values and scales"));
                };
                // Here two rows share a byte, and zero points are floats.
                let values = match block_size {
                    None => columns(&reverse, count, (-8.0, 7.0), layer)?.0,
                    Some(block) => {
                        let floats = reverse.cast(DType::Float32)?;
                        let grouped = matrix::by_block(floats.as_f32()?, count, block, layer.dtype);
                        Array::from_vec([width, count], grouped.values)?
                    }
                };
                let packed = packed(&values.transpose(&[1, 0])?, count, width)?.transpose(&[1, 0])?;
                written.extend([("reverse_embeddings", packed), ("reverse_embeddings_scale", scale.clone())]);
                if let Some(zero) = more.first() {
                    written.push(("reverse_embeddings_zero", zero.cast(layer.dtype)?));
                }
            }
            Quantization::Float8 => {}
        }
    }
    layer.replace(artifact, &written)?;
    Ok(true)
}

fn columns(matrix: &Array, count: usize, range: (f32, f32), layer: &Layer<'_>) -> Result<(Array, Array)> {
    let floats = matrix.cast(DType::Float32)?;
    let (values, scales) = matrix::by_column(floats.as_f32()?, count, range, layer.dtype);
    Ok((Array::from_vec(matrix.shape(), values)?, Array::from_f32([count], scales)?.cast(layer.dtype)?))
}

fn packed(values: &Array, rows: usize, columns: usize) -> Result<Array> {
    let packed = matrix::packed(values.as_slice::<i8>()?, columns);
    Array::from_vec([rows, columns.div_ceil(2)], packed)
}
