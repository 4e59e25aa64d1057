//! Sizes that a graph computes from shapes (`tf.shape(x)[1] - 1`): known ones become numbers, those of the batch are
//! written into the calls that use them.

use kerata_core::graph::TensorSpec;
use kerata_core::{Object, Tree};

use super::{Call, Op, by_name, has_tensor, tensor};

/// The functions that give a shape.
const SHAPES: &[&str] = &["shape", "shape_v2"];

/// What is known of a tensor that is made of shapes.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::era) enum Value {
    Whole(i64),
    Real(f64),
    /// The size of a tensor along an axis, with a number added.
    Size {
        of: Tree,
        axis: usize,
        added: i64,
    },
    List(Vec<Value>),
}

/// The layers of a graph, with the tensors that each takes.
pub(in crate::era) struct Graph<'a> {
    pub layers: &'a [Tree],
    pub inputs: &'a dyn Fn(&str) -> Vec<TensorSpec>,
}

/// Depth of expressions that is followed.
const MAX_DEPTH: usize = 32;

impl Graph<'_> {
    /// The value of a tensor, when shapes alone tell it.
    pub(in crate::era) fn value(&self, tree: &Tree) -> Option<Value> {
        self.evaluate(tree, 0)
    }

    fn evaluate(&self, tree: &Tree, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        let name = match tree {
            Tree::Int(_) => return tree.as_i64().map(Value::Whole),
            Tree::Float(number) => return Some(Value::Real(*number)),
            Tree::List(items) => {
                return items
                    .iter()
                    .map(|item| self.evaluate(item, depth + 1))
                    .collect::<Option<_>>()
                    .map(Value::List);
            }
            _ if tree.class_name() == Some("__numpy__") => {
                return self.evaluate(tree.path(&["config", "value"])?, depth + 1);
            }
            _ => history(tree)?.first()?.as_str()?,
        };
        let layer =
            self.layers.iter().find(|layer| layer.get("name").and_then(Tree::as_str) == Some(name))?;
        let [node] = layer.get("inbound_nodes")?.as_list()? else { return None };
        let args = node.get("args")?.as_list()?;
        let first = args.first()?;
        let config = layer.get("config")?;
        let of = |at: usize| self.evaluate(args.get(at)?, depth + 1);
        match layer.class_name()? {
            "TFOpLambda" => {
                let function = config.get("function")?.as_str()?;
                let function = function.strip_prefix("compat.v1.").unwrap_or(function);
                let inputs = (self.inputs)(name);
                let sizes = inputs.first()?.shape.axes().to_vec();
                if function == "rank" {
                    return Some(Value::Whole(i64::try_from(sizes.len()).ok()?));
                }
                if !SHAPES.contains(&function) {
                    return None;
                }
                let size = |(axis, size): (usize, &Option<u64>)| match size {
                    Some(size) => i64::try_from(*size).ok().map(Value::Whole),
                    None => Some(Value::Size { of: first.clone(), axis, added: 0 }),
                };
                sizes.iter().enumerate().map(size).collect::<Option<_>>().map(Value::List)
            }
            "GetItem" => of(0)?.item(args.get(1)?),
            "Add" => of(0)?.added(&of(1)?, 1),
            "Subtract" => of(0)?.added(&of(1)?, -1),
            "Multiply" => of(0)?.of_numbers(&of(1)?, |a, b| a * b, |a, b| a.checked_mul(b)),
            "FloorDivide" => {
                of(0)?.of_numbers(&of(1)?, |a, b| (a / b).floor(), |a, b| (b > 0).then(|| a.div_euclid(b)))
            }
            "Maximum" => of(0)?.of_numbers(&of(1)?, f64::max, |a, b| Some(a.max(b))),
            "Minimum" => of(0)?.of_numbers(&of(1)?, f64::min, |a, b| Some(a.min(b))),
            "TrueDivide" => Some(Value::Real(of(0)?.number()? / of(1)?.number()?)),
            "Sqrt" => Some(Value::Real(of(0)?.number()?.sqrt())),
            "Rsqrt" => Some(Value::Real(of(0)?.number()?.sqrt().recip())),
            "Cast" => {
                let value = of(0)?;
                let is_float =
                    config.get("dtype").and_then(Tree::as_str).is_some_and(|dtype| dtype.contains("float"));
                if is_float { value.number().map(Value::Real) } else { Some(value) }
            }
            "Identity" | "StopGradient" => of(0),
            "ExpandDims" => Some(Value::List(vec![of(0)?])),
            "Squeeze" => match of(0)? {
                Value::List(items) => items.into_iter().next(),
                other => Some(other),
            },
            "Stack" => of(0),
            "Concatenate" => {
                let Value::List(parts) = of(0)? else { return None };
                let parts = parts.into_iter().map(|part| match part {
                    Value::List(items) => Some(items),
                    _ => None,
                });
                parts.collect::<Option<Vec<_>>>().map(|parts| Value::List(parts.concat()))
            }
            "Prod" => match of(0)? {
                Value::List(items) => {
                    let mut numbers = items.iter().map(|item| match item {
                        Value::Whole(number) => Some(*number),
                        _ => None,
                    });
                    numbers.try_fold(1i64, |product, number| product.checked_mul(number?)).map(Value::Whole)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

impl Value {
    fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            _ => None,
        }
    }

    fn added(&self, other: &Self, sign: i64) -> Option<Self> {
        match (self, other) {
            (Self::Size { of, axis, added }, Self::Whole(number)) => {
                let added = added.checked_add(number.checked_mul(sign)?)?;
                Some(Self::Size { of: of.clone(), axis: *axis, added })
            }
            (Self::Whole(_), Self::Size { .. }) if sign == 1 => other.added(self, 1),
            _ => {
                self.of_numbers(other, |a, b| a + b * sign as f64, |a, b| a.checked_add(b.checked_mul(sign)?))
            }
        }
    }

    fn of_numbers(
        &self,
        other: &Self,
        real: impl Fn(f64, f64) -> f64,
        whole: impl Fn(i64, i64) -> Option<i64>,
    ) -> Option<Self> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => whole(*a, *b).map(Self::Whole),
            (Self::List(items), other) if !matches!(other, Self::List(_)) => {
                let one = |item: &Self| match (item, other) {
                    (Self::Whole(a), Self::Whole(b)) => whole(*a, *b).map(Self::Whole),
                    _ => Some(Self::Real(real(item.number()?, other.number()?))),
                };
                items.iter().map(one).collect::<Option<_>>().map(Self::List)
            }
            _ => Some(Self::Real(real(self.number()?, other.number()?))),
        }
    }

    /// An item or a slice of a shape.
    fn item(&self, key: &Tree) -> Option<Self> {
        let Self::List(items) = self else { return None };
        let key = match key {
            Tree::List(keys) => match keys.as_slice() {
                [only] => only,
                _ => return None,
            },
            key => key,
        };
        let place = |at: i64| usize::try_from(if at < 0 { at + items.len() as i64 } else { at }).ok();
        if let Some(at) = key.as_i64() {
            return items.get(place(at)?).cloned();
        }
        let slice = key.get("config").filter(|_| key.class_name() == Some("__slice__"))?;
        if slice.get("step").is_some_and(|step| !step.is_null() && step.as_i64() != Some(1)) {
            return None;
        }
        let bound = |name: &str, open: usize| match slice.get(name) {
            None | Some(Tree::Null) => Some(open),
            Some(at) => place(at.as_i64()?).map(|at| at.min(items.len())),
        };
        items.get(bound("start", 0)?..bound("stop", items.len())?).map(|part| Self::List(part.to_vec()))
    }

    /// As it stands in a call: numbers, and marks for sizes that are not known.
    pub(in crate::era) fn tree(&self) -> Tree {
        match self {
            Self::Whole(number) => Tree::from(*number),
            Self::Real(number) => Tree::from(*number),
            Self::List(items) => Tree::List(items.iter().map(Self::tree).collect()),
            Self::Size { of, axis, added } => Tree::from([
                ("class_name", Tree::from(SIZE)),
                (
                    "config",
                    Tree::from([
                        ("of", of.clone()),
                        ("axis", Tree::from(*axis)),
                        ("added", Tree::from(*added)),
                    ]),
                ),
            ]),
        }
    }
}

/// The class of a mark that stands for a size which is not known.
pub(in crate::era) const SIZE: &str = "__size__";

fn history(tensor: &Tree) -> Option<&[Tree]> {
    (tensor.class_name() == Some("__keras_tensor__")).then_some(())?;
    tensor.path(&["config", "keras_history"])?.as_list()
}

/// The tensor, axis and number of a mark.
fn size(tree: &Tree) -> Option<(&Tree, i64, i64)> {
    let config = tree.get("config").filter(|_| tree.class_name() == Some(SIZE))?;
    Some((config.get("of")?, config.get("axis")?.as_i64()?, config.get("added")?.as_i64()?))
}

/// Whether a mark stands anywhere in a value.
pub(in crate::era) fn has_size(value: &Tree) -> bool {
    match value {
        Tree::List(items) => items.iter().any(has_size),
        Tree::Object(entries) => value.class_name() == Some(SIZE) || entries.values().any(has_size),
        _ => false,
    }
}

/// The Keras ops of a function some of whose arguments are sizes; `specs` are those of its tensors.
pub(in crate::era) fn convert(
    function: &str,
    call: &Call,
    specs: &[TensorSpec],
    rank: &dyn Fn(&Tree) -> Option<usize>,
) -> Option<Vec<Op>> {
    let function = function.strip_prefix("compat.v1.").unwrap_or(function);
    match function {
        "broadcast_to" => {
            let x = call.operand(0, "input")?;
            let shape = call.get(1, "shape")?.as_list()?;
            let mut ops = zeros(shape)?;
            ops.push(Op::numpy("Add", vec![x, Op::before()]));
            Some(ops)
        }
        "zeros" | "ones" | "fill" => {
            let shape = call.get(0, if function == "fill" { "dims" } else { "shape" })?.as_list()?;
            let value = match function {
                "zeros" => Tree::Float(0.0),
                "ones" => Tree::Float(1.0),
                _ => call.get(1, "value")?.clone(),
            };
            let mut ops = zeros(shape)?;
            ops.push(Op::numpy("Add", vec![Op::before(), value]));
            Some(ops)
        }
        "tile" => {
            // Copies of what is one long along the axis of the batch.
            let shape = call.get(1, "multiples")?.as_list()?;
            let own = specs.first()?.shape.axes();
            let is_one = shape
                .iter()
                .zip(own)
                .all(|(times, own)| times.as_i64() == Some(1) || (size(times).is_some() && *own == Some(1)));
            if !is_one || shape.len() != own.len() {
                return None;
            }
            let mut ops = zeros(shape)?;
            ops.push(Op::numpy("Add", vec![call.operand(0, "input")?, Op::before()]));
            Some(ops)
        }
        "range" => {
            // Counts the places along an axis.
            let (limit, start) = match (call.get(1, "limit"), call.get(0, "start")) {
                (Some(limit), Some(start)) if !limit.is_null() => (limit, start.as_i64()?),
                (_, limit) => (limit?, 0),
            };
            let (of, axis, added) = size(limit)?;
            let step = call.keyword("delta").and_then(Tree::as_i64).unwrap_or(1);
            if added != 0 || start != 0 || step != 1 {
                return None;
            }
            let rank = rank(of)?;
            let key = (0..rank).map(|at| if at as i64 == axis { slice() } else { Tree::Int(0) }).collect();
            Some(vec![
                Op::numpy("GetItem", vec![of.clone(), Tree::List(key)]),
                Op::numpy("OnesLike", vec![Op::before()]).with("dtype", "int32"),
                Op::numpy("Cumsum", vec![Op::before()]).with("axis", Tree::Int(0)).with("dtype", Tree::Null),
                Op::numpy("Subtract", vec![Op::before(), Tree::Int(1)]),
            ])
        }
        "__operators__.getitem" | "_slice_helper" => {
            let x = call.get(0, "tensor")?;
            let spec = call.get(1, "slice_spec")?;
            let spec = spec.as_list().unwrap_or(std::slice::from_ref(spec));
            let axes: Vec<Tree> =
                spec.iter().enumerate().map(|(axis, one)| closed(one, x, axis)).collect::<Option<_>>()?;
            let mut args = call.args.clone();
            let mut kwargs = call.kwargs.clone();
            match args.get_mut(1) {
                Some(spec) => *spec = Tree::List(axes),
                None => drop(kwargs.insert("slice_spec".into(), Tree::List(axes))),
            }
            by_name(function, &Call { args, kwargs })
        }
        _ => None,
    }
}

/// Ops that give the size of a tensor along an axis as a number: ones along it, summed.
pub(in crate::era) fn counted(mark: &Tree, rank: &dyn Fn(&Tree) -> Option<usize>) -> Option<Vec<Op>> {
    let (of, axis, added) = size(mark)?;
    let rank = rank(of)?;
    let key = (0..rank).map(|at| if at as i64 == axis { slice() } else { Tree::Int(0) }).collect();
    let mut ops = vec![
        Op::numpy("GetItem", vec![of.clone(), Tree::List(key)]),
        Op::numpy("OnesLike", vec![Op::before()]).with("dtype", "int32"),
        Op::numpy("Sum", vec![Op::before()]).with("axis", Tree::Null).with("keepdims", false),
    ];
    if added != 0 {
        ops.push(Op::numpy("Add", vec![Op::before(), Tree::from(added)]));
    }
    Some(ops)
}

/// Zeros of a shape whose only unknown size, the first, is that of a tensor's first axis.
fn zeros(shape: &[Tree]) -> Option<Vec<Op>> {
    let (first, rest) = shape.split_first()?;
    let (of, 0, 0) = size(first)? else { return None };
    let rest: Vec<i64> = rest.iter().map(Tree::as_i64).collect::<Option<_>>()?;
    let ones = std::iter::once(-1).chain(rest.iter().map(|_| 1)).collect::<Vec<i64>>();
    let times = std::iter::once(1).chain(rest).collect::<Vec<i64>>();
    Some(vec![
        // One column of it, whatever its rank: all other axes are summed away after being made zero.
        Op::numpy("ZerosLike", vec![of.clone()]).with("dtype", "float32"),
        Op::new("keras.layers", "Flatten", vec![Op::before()]),
        Op::numpy("GetItem", vec![Op::before(), Tree::List(vec![slice(), Tree::Int(0)])]),
        Op::numpy("Reshape", vec![Op::before()]).with("newshape", ones),
        Op::numpy("Tile", vec![Op::before()]).with("repeats", times),
    ])
}

/// `:`.
fn slice() -> Tree {
    let config = Tree::from([("start", Tree::Null), ("stop", Tree::Null), ("step", Tree::Null)]);
    Tree::from([("class_name", Tree::from("__slice__")), ("config", config)])
}

/// A slice whose bounds are counted from the end of the axis that it cuts.
fn closed(one: &Tree, x: &Tree, axis: usize) -> Option<Tree> {
    if !has_tensor(one) && !has_size(one) {
        return Some(one.clone());
    }
    let entries = one.as_object()?;
    let mut closed = Object::new();
    for (key, bound) in entries {
        let value = match size(bound) {
            None if has_tensor(bound) => return None,
            None => bound.clone(),
            Some((of, on, added)) if history(of) == history(x) && usize::try_from(on) == Ok(axis) => {
                match added {
                    0 if key == "stop" => Tree::Null,
                    added if added < 0 => Tree::from(added),
                    _ => return None,
                }
            }
            Some(_) => return None,
        };
        closed.insert(key.clone(), value);
    }
    Some(Tree::Object(closed))
}

/// The entries of a layer that is written as several ops, the last under its name.
pub(in crate::era) fn entries(ops: Vec<Op>, name: &str) -> Vec<Tree> {
    let last = ops.len().saturating_sub(1);
    let name_of = |at: usize| if at == last { name.to_owned() } else { format!("{name}_part{at}") };
    let names: Vec<String> = (0..=last).map(name_of).collect();
    let entry = |(at, op): (usize, Op)| op.entry(&name_of(at), names.get(..at).unwrap_or_default());
    ops.into_iter().enumerate().map(entry).collect()
}

/// A tensor by the name of its layer.
pub(in crate::era) fn named(name: &str) -> Tree {
    tensor(name)
}
