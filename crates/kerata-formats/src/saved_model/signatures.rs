//! What a SavedModel says about its signatures.

use kerata_core::{Object, Tree};

use crate::containers::bundle::dtype_from_tf;
use crate::containers::proto::tensorflow::{MetaGraphDef, TensorInfo, TensorShapeProto};

/// Not a signature: the op that fills tables.
pub(super) const INIT_OP: &str = "__saved_model_init_op";

/// `{name: {"inputs": {name: [dtype, shape]}, "outputs": {...}}}`, all sorted by name.
pub(crate) fn describe(graph: &MetaGraphDef) -> Tree {
    let signatures = graph.signature_def.iter().filter(|(name, _)| *name != INIT_OP);
    let signatures = signatures.map(|(name, signature)| {
        let sides = [("inputs", tensors(&signature.inputs)), ("outputs", tensors(&signature.outputs))];
        (name.clone(), Tree::from(sides))
    });
    Tree::Object(signatures.collect())
}

fn tensors(infos: &std::collections::BTreeMap<String, TensorInfo>) -> Tree {
    let entry = |(name, info): (&String, &TensorInfo)| {
        let dtype = dtype_from_tf(info.dtype).map(|dtype| dtype.name());
        (name.clone(), Tree::List(vec![dtype.into(), info.tensor_shape.as_ref().map_or(Tree::Null, shape)]))
    };
    Tree::Object(infos.iter().map(entry).collect::<Object>())
}

/// The sizes, `null` for unknown ones; `null` for an unknown rank.
fn shape(shape: &TensorShapeProto) -> Tree {
    if shape.unknown_rank {
        return Tree::Null;
    }
    Tree::List(shape.dim.iter().map(|dim| u64::try_from(dim.size).ok().into()).collect())
}
