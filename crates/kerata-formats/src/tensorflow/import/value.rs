//! What flows between the nodes of a TensorFlow graph while it is read.

use std::cell::RefCell;
use std::rc::Rc;

use kerata_core::graph::Tensor;
use kerata_core::ops::{Cast, Negative, Range, Size, Slice, StopGradient, Transpose};
use kerata_core::{Array, DType, Error, Result};

/// Most elements of a tensor whose elements are followed one by one.
const MAX_FOLLOWED: usize = 64;

/// One output of a node.
#[derive(Clone, Debug)]
pub enum Value {
    /// A tensor.
    Tensor(Followed),
    /// The handle of a variable, by its path.
    Variable(String),
    /// A list of tensors of one shape.
    List(List),
    /// A table from keys to values.
    Table(Table),
    /// Characters of text, one text each.
    Characters(Tensor),
    /// The path of an asset, by its name below `assets/`.
    Asset(String),
    /// Something that nothing may look at (the output of an op that does nothing).
    Nothing,
}

/// A table, which an op fills before others look things up.
#[derive(Clone, Debug, Default)]
pub struct Table(Rc<RefCell<Option<(Array, Array)>>>);

impl Table {
    /// Gives the table its keys and values.
    pub fn fill(&self, keys: Array, values: Array) -> Result<()> {
        if keys.len() != values.len() {
            return Err(Error::corrupt(format!("{} keys for {} values", keys.len(), values.len())));
        }
        let count = keys.len();
        let flat = (keys.reshape([count])?, values.reshape([count])?);
        *self.0.borrow_mut() = Some(flat);
        Ok(())
    }

    /// Keys and values.
    pub fn content(&self) -> Result<(Array, Array)> {
        self.0.borrow().clone().ok_or_else(|| Error::unsupported("a lookup table that nothing fills"))
    }
}

/// A tensor, and what is known of its elements when they are sizes.
#[derive(Clone, Debug)]
pub struct Followed {
    pub tensor: Tensor,
    pub elements: Option<Vec<Element>>,
}

/// An element of a small tensor of whole numbers.
#[derive(Clone, Debug)]
pub enum Element {
    /// A number.
    Known(i64),
    /// The size of an axis of a tensor.
    Of(Tensor, usize),
    /// A size without a number.
    Below(Box<Element>, i64),
    /// The number of the present step of a scan.
    Counter,
    /// A last place without the number of the present step: places counted from the end.
    Back(Box<Element>),
    /// A number that is known only when the graph runs, and not below this.
    AtLeast(i64),
    /// A number that is known only when the graph runs.
    Unknown,
}

/// A list of tensors.
#[derive(Clone, Debug)]
pub enum List {
    /// All elements along a new first axis.
    Stacked(Tensor),
    /// Room for so many elements.
    Reserved {
        /// Number of elements.
        length: Element,
        /// Shape of an element as far as it was given.
        shape: Option<Vec<Option<u64>>>,
        dtype: DType,
    },
    /// Inside a scan: a list read element by element, whose present element this is.
    Present { element: Tensor, place: Place },
    /// Inside a scan: a list that is written element by element.
    Written(Written),
}

/// The place of a list that a step of a scan reads or writes.
#[derive(Clone, Debug)]
pub enum Place {
    /// The number of the step.
    Forward(Tensor),
    /// So many places before this last one.
    Backward(Element),
}

/// A list that a scan writes.
#[derive(Clone, Debug)]
pub struct Written {
    /// Where it is written.
    pub place: Place,
    /// What this step has written.
    pub element: Option<Tensor>,
    /// Whether the list has room for one element, which each step replaces.
    pub is_single: bool,
    /// Whether the list has no room yet, so that each step must make some.
    pub is_empty: bool,
}

impl Value {
    /// A tensor of which nothing more is known.
    pub fn of(tensor: Tensor) -> Self {
        let elements = constant_elements(&tensor);
        Self::Tensor(Followed { tensor, elements })
    }

    /// A tensor whose elements are these.
    pub fn with_elements(tensor: Tensor, elements: Vec<Element>) -> Self {
        Self::Tensor(Followed { tensor, elements: Some(elements) })
    }

    /// The tensor.
    pub fn tensor(&self) -> Result<&Tensor> {
        match self {
            Self::Tensor(followed) => Ok(&followed.tensor),
            Self::Variable(path) => {
                Err(Error::unsupported(format!("the handle of variable `{path}` as a tensor")))
            }
            Self::List(_) => Err(Error::unsupported("a tensor list as a tensor")),
            Self::Table(_) => Err(Error::unsupported("a lookup table as a tensor")),
            Self::Asset(name) => Err(Error::untrusted(format!("the path of asset `{name}` as a tensor"))),
            Self::Characters(_) => Err(Error::unsupported("the numbers of characters of text")),
            Self::Nothing => Err(Error::corrupt("the output of an op without outputs")),
        }
    }
}

impl Element {
    /// The number.
    pub fn known(&self) -> Option<i64> {
        match self {
            Self::Known(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is neither a number nor the size of an axis.
    pub fn is_open(&self) -> bool {
        !matches!(self, Self::Known(_) | Self::Of(..))
    }

    /// Whether both are surely the same number.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => a == b,
            (Self::Of(a, i), Self::Of(b, j)) => i == j && a.is(b),
            (Self::Below(a, i), Self::Below(b, j)) => i == j && a.is_same(b),
            _ => false,
        }
    }

    /// The size, as `reshape` and the like take it.
    pub fn size(&self) -> Size {
        match self {
            Self::Known(value) => (*value).into(),
            Self::Of(tensor, axis) => tensor.size(*axis),
            _ => Size::Infer,
        }
    }

    /// The size of an axis.
    pub fn of_axis(tensor: &Tensor, axis: usize) -> Self {
        match tensor.spec().size(axis) {
            Some(size) => Self::Known(size as i64),
            None => {
                let (tensor, axis) = origin(tensor, axis);
                Self::Of(tensor, axis)
            }
        }
    }

    /// A function of two numbers.
    pub fn combine(&self, other: &Self, f: impl Fn(i64, i64) -> Option<i64>) -> Self {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => f(*a, *b).map_or(Self::Unknown, Self::Known),
            _ => Self::Unknown,
        }
    }

    /// The product.
    pub fn times(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Known(1), other) => other.clone(),
            (this, Self::Known(1)) => this.clone(),
            _ => self.combine(other, i64::checked_mul),
        }
    }

    /// The larger one.
    pub fn larger(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => Self::Known(*a.max(b)),
            (Self::Known(a), _) | (_, Self::Known(a)) => Self::AtLeast(*a),
            _ => Self::Unknown,
        }
    }

    /// The smaller one.
    pub fn smaller(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => Self::Known(*a.min(b)),
            (Self::Known(a), Self::AtLeast(b)) | (Self::AtLeast(b), Self::Known(a)) if a <= b => {
                Self::Known(*a)
            }
            _ => Self::Unknown,
        }
    }

    /// The difference.
    pub fn minus(&self, other: &Self) -> Self {
        match (self, other) {
            (this, Self::Known(0)) => this.clone(),
            (Self::Of(..), Self::Known(less)) => Self::Below(Box::new(self.clone()), *less),
            (Self::Below(size, less), Self::Known(more)) => match less.checked_add(*more) {
                Some(less) => Self::Below(size.clone(), less),
                None => Self::Unknown,
            },
            (Self::Back(last), Self::Known(_)) => Self::Back(Box::new(last.minus(other))),
            (Self::Known(_) | Self::Of(..) | Self::Below(..), Self::Counter) => {
                Self::Back(Box::new(self.clone()))
            }
            _ => self.combine(other, i64::checked_sub),
        }
    }

    /// The sum.
    pub fn plus(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Known(0), other) => other.clone(),
            (this, Self::Known(0)) => this.clone(),
            _ => self.combine(other, i64::checked_add),
        }
    }
}

/// The tensor and axis that an axis has its size from: ops that only move or map elements are looked through.
fn origin(tensor: &Tensor, axis: usize) -> (Tensor, usize) {
    let (mut tensor, mut axis) = (tensor.clone(), axis);
    for _ in 0..MAX_FOLLOWED {
        let Ok((node, inputs)) = tensor.builder().producer(&tensor) else { break };
        let (Some(op), [input]) = (node.op(), inputs.as_slice()) else { break };
        let op = op.as_any();
        if let Some(transpose) = op.downcast_ref::<Transpose>() {
            let Some(from) = transpose.order.get(axis) else { break };
            axis = *from;
        } else if let Some(slice) = op.downcast_ref::<Slice>() {
            if !matches!(slice.ranges.get(axis), Some(&(Range::ALL | Range::REVERSED))) {
                break;
            }
        } else if !(op.is::<Cast>() || op.is::<Negative>() || op.is::<StopGradient>()) {
            break;
        }
        tensor = input.clone();
    }
    (tensor, axis)
}

/// The elements of a small constant of whole numbers.
fn constant_elements(tensor: &Tensor) -> Option<Vec<Element>> {
    if !tensor.dtype().is_integer() || tensor.rank() > 1 {
        return None;
    }
    let array = tensor.constant().filter(|array| array.len() <= MAX_FOLLOWED)?;
    Some(array.to_i64s().ok()?.into_iter().map(Element::Known).collect())
}

/// A constant of whole numbers, when all elements are known: a scalar for rank 0, else a vector.
pub fn folded(elements: &[Element], dtype: DType, rank: usize) -> Option<Array> {
    let numbers: Vec<i64> = elements.iter().map(Element::known).collect::<Option<_>>()?;
    let array = Array::vector(numbers).cast(dtype).ok()?;
    if rank == 0 { array.reshape(Vec::new()).ok() } else { Some(array) }
}
