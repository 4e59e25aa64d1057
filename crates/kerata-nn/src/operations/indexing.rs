//! Functions that pick and sort elements.

use kerata_core::array::Array;
use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, Tree, ops};

use super::Table;
use super::call::{Call, one};
use crate::layers::Argument;

pub(super) const TABLE: Table = &[
    ("Argsort", |call| {
        let x = call.first()?;
        match call.config.get("axis") {
            Some(Tree::Null) => one(ops::argsort(&ops::ravel(&x)?, 0)),
            _ => one(ops::argsort(&x, call.or("axis", -1)?)),
        }
    }),
    ("Bincount", |call| {
        let x = call.first()?;
        let x = if x.dtype().is_integer() { x } else { ops::cast(&x, DType::Int32)? };
        let weights = match call.get::<Tree>("weights")? {
            Some(tree) => Some(call.builder.constant(crate::config::array(&tree)?)),
            None => None,
        };
        // Keras makes the result longer for larger numbers; here its length is fixed, and they are left out.
        let size = call.get::<usize>("minlength")?.filter(|&size| size > 0);
        let size = size.ok_or_else(|| Error::unsupported("`bincount` without `minlength`"))?;
        one(ops::bincount(&x, weights.as_ref(), size))
    }),
    ("Digitize", |call| {
        let bins = ops::cast(&call.tensor("bins", 1)?, DType::Float32)?;
        one(ops::searchsorted(&bins, &ops::cast(&call.first()?, DType::Float32)?, true))
    }),
    ("GetItem", get_item),
    ("InTopK", |call| {
        let (targets, predictions) = (call.tensor("targets", 0)?, call.tensor("predictions", 1)?);
        one(ops::in_top_k(&targets, &predictions, call.require("k")?))
    }),
    ("MultiHot", |call| {
        let dtype = call.or("dtype", DType::Float32)?;
        one(ops::multi_hot(&call.first()?, call.require("num_classes")?, dtype))
    }),
    ("OneHot", |call| {
        let (depth, axis) = (call.require("num_classes")?, call.or("axis", -1)?);
        one(ops::one_hot(&call.first()?, depth, axis, call.or("dtype", DType::Float32)?))
    }),
    ("Scatter", |call| {
        let sizes: Vec<i64> = call.require("shape")?;
        one(ops::scatter(&call.tensor("indices", 0)?, &call.tensor("values", 1)?, sizes))
    }),
    ("ScatterUpdate", |call| {
        let (x, places) = (call.tensor("inputs", 0)?, call.tensor("indices", 1)?);
        one(ops::scatter_update(&x, &places, &call.tensor("updates", 2)?))
    }),
    ("SearchSorted", |call| {
        let (sequence, values) = (call.tensor("sorted_sequence", 0)?, call.tensor("values", 1)?);
        let is_right = call.or("side", "left".to_owned())? == "right";
        one(ops::searchsorted(&sequence, &values, is_right))
    }),
    ("Select", |call| {
        let lists = |name, position| {
            let argument = call.arguments.get(name, position);
            call.items(argument.ok_or_else(|| Error::mismatch(format!("the call has no `{name}`")))?)
        };
        let (conditions, choices) = (lists("condlist", 0)?, lists("choicelist", 1)?);
        let mut result = call.tensor("default", 2)?;
        if let Some(first) =
            choices.first().filter(|first| result.rank() == 0 && result.dtype() != first.dtype())
        {
            result = ops::cast(&result, first.dtype())?;
        }
        for (condition, choice) in conditions.iter().zip(&choices).rev() {
            result = ops::select(&ops::cast(condition, DType::Bool)?, choice, &result)?;
        }
        Ok(vec![result])
    }),
    ("Slice", |call| {
        let sizes: Vec<i64> = call.require("shape")?;
        let starts = numbers(&call.tensor("start_indices", 1)?)?;
        let range = |(&start, &size): (&i64, &i64)| ops::Range {
            start: Some(start),
            stop: (size >= 0).then(|| start + size),
            step: 1,
        };
        let ranges: Vec<ops::Range> = starts.iter().zip(&sizes).map(range).collect();
        one(ops::slice(&call.first()?, &ranges))
    }),
    ("SliceUpdate", |call| {
        let (x, updates) = (call.first()?, call.tensor("updates", 2)?);
        let starts = numbers(&call.tensor("start_indices", 1)?)?;
        one(slice_update(&x, &starts, &ops::cast(&updates, x.dtype())?, 0))
    }),
    ("Sort", |call| {
        let x = call.first()?;
        match call.config.get("axis") {
            Some(Tree::Null) => one(ops::sort(&ops::ravel(&x)?, 0)),
            _ => one(ops::sort(&x, call.or("axis", -1)?)),
        }
    }),
    ("Take", |call| one(ops::take(&call.first()?, &call.tensor("indices", 1)?, call.axis()?))),
    ("TakeAlongAxis", |call| {
        let (x, places) = (call.first()?, call.tensor("indices", 1)?);
        match call.axis()? {
            Some(axis) => one(ops::take_along_axis(&x, &places, axis)),
            None => one(ops::take_along_axis(&ops::ravel(&x)?, &ops::ravel(&places)?, 0)),
        }
    }),
    ("TopK", |call| {
        let (values, places) = ops::top_k(&call.first()?, call.require("k")?)?;
        Ok(vec![values, places])
    }),
    ("UnravelIndex", |call| {
        let sizes: Vec<i64> = call.require("shape")?;
        unravel(&call.first()?, &sizes)
    }),
];

/// The numbers of a tensor that is known before the run.
fn numbers(x: &Tensor) -> Result<Vec<i64>> {
    x.constant().ok_or_else(|| Error::unsupported("places that are known only at run time"))?.to_i64s()
}

/// The tensor with a part replaced, axis by axis.
fn slice_update(x: &Tensor, starts: &[i64], updates: &Tensor, axis: usize) -> Result<Tensor> {
    let Some(&start) = starts.get(axis) else { return Ok(updates.clone()) };
    let along = axis as i64;
    let size = updates.spec().known_axis(along)? as i64;
    // Like TensorFlow, a part that would leave the tensor is moved back into it.
    let start = x.spec().size(axis).map_or(start, |own| start.clamp(0, (own as i64 - size).max(0)));
    let part = ops::slice_axis(x, along, ops::Range::new(start, start + size))?;
    let part = slice_update(&part, starts, updates, axis + 1)?;
    let before = ops::slice_axis(x, along, ops::Range::to(start))?;
    let after = ops::slice_axis(x, along, ops::Range::from(start + size))?;
    ops::concatenate(&[before, part, after], along)
}

/// Places in a flat tensor as places along its axes.
fn unravel(flat: &Tensor, sizes: &[i64]) -> Result<Vec<Tensor>> {
    let total: i64 = sizes.iter().product();
    // Negative places count from the end.
    let mut rest = ops::remainder(flat, &ops::scalar(flat, total)?)?;
    let mut out = Vec::new();
    for &size in sizes.iter().rev() {
        let size = ops::scalar(&rest, size)?;
        out.push(ops::remainder(&rest, &size)?);
        rest = ops::floor_divide(&rest, &size)?;
    }
    out.reverse();
    Ok(out)
}

/// One item of `x[...]`.
enum Item {
    At(i64),
    Range(ops::Range),
    New,
    Rest,
    Places(Tensor),
}

/// `x[key]` as Python spells it: places, slices, `None`, `...`, tensors of places.
fn get_item(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.first()?;
    let key = call.arguments.get("key", 1).ok_or_else(|| Error::mismatch("the call has no key"))?;
    let items = match (key, key.items()) {
        (Argument::Plain(tree), _) if tree.class_name() == Some("__tuple__") => {
            let items = tree.path(&["config", "value"]).and_then(Tree::as_list).unwrap_or_default();
            items.iter().cloned().map(Argument::Plain).collect()
        }
        (_, Some(items)) => items,
        _ => vec![key.clone()],
    };
    let mut items = items.iter().map(|item| read_item(call, item)).collect::<Result<Vec<_>>>()?;
    let taken = items.iter().filter(|item| !matches!(item, Item::New | Item::Rest)).count();
    let rest = x
        .rank()
        .checked_sub(taken)
        .ok_or_else(|| Error::mismatch(format!("{taken} places for {}", x.shape())))?;
    if !items.iter().any(|item| matches!(item, Item::Rest)) {
        items.push(Item::Rest);
    }
    let lists = items.iter().filter(|item| matches!(item, Item::Places(places) if places.rank() > 0)).count();
    if lists > 1 {
        return Ok(vec![gathered(&x, items, rest)?]);
    }
    let mut x = x;
    let mut axis = 0i64;
    for item in items {
        match item {
            Item::At(place) => x = ops::index(&x, axis, place)?,
            Item::Range(range) => {
                x = ops::slice_axis(&x, axis, range)?;
                axis += 1;
            }
            Item::New => {
                x = ops::expand_dims(&x, axis)?;
                axis += 1;
            }
            Item::Rest => axis += rest as i64,
            Item::Places(places) => {
                x = ops::take(&x, &places, Some(axis))?;
                axis += places.rank() as i64;
            }
        }
    }
    Ok(vec![x])
}

/// `x[key]` with several tensors of places, as NumPy and JAX have it: they are broadcast to one shape, single places among
/// them. Its axes stand where the first of them stood, or first when others stand between them.
fn gathered(x: &Tensor, items: Vec<Item>, rest: usize) -> Result<Tensor> {
    let mut x = x.clone();
    let (mut axis, mut places) = (0i64, Vec::new());
    for (number, item) in items.into_iter().enumerate() {
        match item {
            Item::Range(range) => x = ops::slice_axis(&x, axis, range)?,
            Item::New => x = ops::expand_dims(&x, axis)?,
            Item::Rest => {
                axis += rest as i64;
                // One that stands for no axes still stands between others.
                continue;
            }
            Item::At(place) => {
                let place = x.builder().constant(Array::scalar(place));
                places.push((number, axis, place));
            }
            Item::Places(tensor) => places.push((number, axis, ops::cast(&tensor, DType::Int64)?)),
        }
        axis += 1;
    }
    let own: Vec<i64> = places.iter().map(|(_, axis, _)| *axis).collect();
    let first: Vec<i64> = (0..own.len() as i64).collect();
    let is_apart = places.windows(2).any(|pair| matches!(pair, [a, b] if b.0 != a.0 + 1));
    let mut sum = ops::zeros_like(&places[0].2)?;
    for (_, _, tensor) in &places {
        sum = ops::add(&sum, &ops::zeros_like(tensor)?)?;
    }
    let vectors = places.iter().map(|(_, _, tensor)| ops::add(tensor, &sum)).collect::<Result<Vec<_>>>()?;
    let found = ops::gather_nd(&ops::moveaxis(&x, &own, &first)?, &ops::stack(&vectors, -1)?)?;
    if is_apart {
        return Ok(found);
    }
    let made: Vec<i64> = (0..sum.rank() as i64).collect();
    let target: Vec<i64> = made.iter().map(|axis| axis + own[0]).collect();
    ops::moveaxis(&found, &made, &target)
}

fn read_item(call: &Call<'_>, item: &Argument) -> Result<Item> {
    let Argument::Plain(tree) = item else { return call.to_tensor(item).map(Item::Places) };
    match (tree, tree.class_name()) {
        (Tree::Null, _) => Ok(Item::New),
        (Tree::Int(place), _) => {
            let place = i64::try_from(*place).map_err(|_| Error::corrupt(format!("place {place}")))?;
            Ok(Item::At(place))
        }
        (Tree::Text(text), _) if text == "..." || text == "Ellipsis" => Ok(Item::Rest),
        (_, Some("__ellipsis__")) => Ok(Item::Rest),
        (_, Some("__slice__")) => {
            let bound = |key| tree.path(&["config", key]).and_then(Tree::as_i64);
            Ok(Item::Range(ops::Range {
                start: bound("start"),
                stop: bound("stop"),
                step: bound("step").unwrap_or(1),
            }))
        }
        _ => {
            let array: Array = crate::config::array(tree)?;
            match array.dtype().is_integer() {
                true => Ok(Item::Places(call.builder.constant(array))),
                false => Err(Error::unsupported(format!("a place {}", tree.to_json()))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kerata_core::Limits;
    use kerata_core::graph::GraphBuilder;

    use super::*;
    use crate::layers::Arguments;

    /// The element at `[a, b, c]` of the tensor is `100 a + 10 b + c`.
    fn item(key: &str) -> (Vec<usize>, Vec<i32>) {
        let builder = GraphBuilder::new("items");
        let values: Vec<i32> = (0..24).map(|at| 100 * (at / 12) + 10 * (at / 4 % 3) + at % 4).collect();
        let x = builder.constant(Array::from_vec([2, 3, 4], values).unwrap());
        let key = Argument::Plain(Tree::parse(key.as_bytes(), &Limits::default()).unwrap());
        let mut arguments = Arguments::tensors(&[x.into()]);
        arguments.positional.push(key);
        let call = Call { config: &Default::default(), builder: &builder, arguments: &arguments };
        let found = get_item(&call).unwrap();
        let graph = builder.finish(&[("item", &found[0])]).unwrap();
        let found = graph.evaluate(&[], &|_: &str| unreachable!("no variables")).unwrap().0.remove(0);
        (found.shape().to_vec(), found.to_i64s().unwrap().into_iter().map(|value| value as i32).collect())
    }

    const ALL: &str = r#"{"class_name": "__slice__", "config": {"start": null, "stop": null, "step": null}}"#;

    #[test]
    fn several_lists_of_places_are_paired() {
        assert_eq!(item("[[0, 1], [2, 0]]"), (vec![2, 4], vec![20, 21, 22, 23, 100, 101, 102, 103]));
        assert_eq!(item("[[[0], [1]], [2, 0], 3]"), (vec![2, 2], vec![23, 3, 123, 103]));
        let (shape, values) = item(&format!("[{ALL}, [1, 2], [3, -4]]"));
        assert_eq!((shape, values), (vec![2, 2], vec![13, 20, 113, 120]));
    }

    #[test]
    fn lists_with_others_between_them_come_first() {
        let (shape, values) = item(&format!("[[1, 0], {ALL}, [0, 3]]"));
        assert_eq!((shape, values), (vec![2, 3], vec![100, 110, 120, 3, 13, 23]));
    }
}
