//! Products of matrices, read and written through transposes, with what follows them done while rows are in cache.

use kerata_core::graph::{Graph, Node};
use kerata_core::{Array, DType, Error, Result};

use super::finish::Tail;
use super::fused::slices;
use super::{Kernel, Request};
use crate::cpu::context::Context;
use crate::cpu::kernels::moves::{View, read};
use crate::cpu::kernels::outer::{Lying, outer};
use crate::cpu::kernels::pack::{Panels, Strided};
use crate::cpu::kernels::patches::Rows;
use crate::cpu::kernels::product::{Batch, Finish, Place, batched_product, product, product_once};

/// Whether a program may follow a node: a float product.
pub(super) fn takes(graph: &Graph, node: &Node) -> bool {
    node.inputs.iter().all(|&input| graph.spec(input).is_ok_and(|spec| spec.dtype == DType::Float32))
}

/// The step of a `matmul` of floats.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let [left, right] = &request.inputs[..] else { return None };
    if left.spec.dtype != DType::Float32 || right.spec.dtype != DType::Float32 {
        return None;
    }
    let orders = std::mem::take(&mut request.orders);
    let columns = match orders.get(1).and_then(Option::as_ref) {
        Some(order) => right.spec.size(*order.last()?),
        None => right.spec.size(right.spec.rank().checked_sub(1)?),
    };
    let mut tail = Tail::new(request.epilogue.take());
    let weights =
        right.constant.filter(|array| array.rank() == 2 && orders.get(1).is_none_or(Option::is_none));
    let packed = weights.and_then(|array| {
        let columns = array.shape()[1];
        let scale = tail.absorb(columns);
        let mut panels = Panels::new(request.isa);
        panels.pack_array(array, 0..columns, scale.as_deref()).ok()?;
        Some(panels)
    });
    if packed.is_none() {
        tail.absorb_bias(columns);
    }
    let [left_order, right_order] = <[_; 2]>::try_from(orders).unwrap_or_default();
    let out_order = request.out_order.take();
    Some(Box::new(Matmul { packed, tail, left_order, right_order, out_order }))
}

/// The matrix of the last two axes.
fn strided<'a>(data: &'a [f32], view: &View) -> Strided<'a> {
    let last = view.shape.len() - 1;
    Strided { data, start: view.start, row: view.steps[last - 1], column: view.steps[last] }
}

struct Matmul {
    packed: Option<Panels>,
    tail: Tail,
    /// Transposes of the inputs that are read through, and one of the output that is written through.
    left_order: Option<Vec<usize>>,
    right_order: Option<Vec<usize>>,
    out_order: Option<Vec<usize>>,
}

impl Kernel for Matmul {
    fn name(&self) -> &'static str {
        if self.tail.is_empty() { "matmul" } else { "matmul+" }
    }

    fn reads(&self, input: usize) -> bool {
        // Left rows that a transpose leaves apart are multiplied matrix by matrix.
        input != 1 || self.packed.is_none() || self.left_order.is_some() || self.out_order.is_some()
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [left, right, others @ ..] = inputs else {
            return Err(Error::internal("matmul takes two inputs"));
        };
        let (a, b) = (left.as_f32()?, right.as_f32()?);
        if self.packed.is_none()
            && let Some(made) = self.outer(cx, left, right, others)?
        {
            return Ok(vec![made]);
        }
        let mut a_view = view(left, &self.left_order);
        let b_view = match &self.packed {
            Some(panels) => View::of(&[panels.depth(), panels.columns()]),
            None => view(right, &self.right_order),
        };
        // Rows of one tall matrix are read in one piece each; matrices of a batch are turned one by one.
        let mut moved = Vec::new();
        let last = a_view.shape.len() - 1;
        let is_tall = self.out_order.is_none() && is_one(&b_view);
        let a = if !is_tall || a_view.steps[last] == 1 || a_view.shape[last] == 1 {
            a
        } else {
            moved = cx.pool.take(a_view.len());
            read(cx.workers, a, &a_view, &mut moved);
            a_view = View::of(&a_view.shape);
            &moved[..]
        };
        let shape = output_shape(&a_view.shape, &b_view.shape)?;
        let other_slices = slices(others)?;
        let made_shape = match &self.out_order {
            Some(order) => order.iter().map(|&axis| shape[axis]).collect(),
            None => shape.clone(),
        };
        let output = cx.float(made_shape, |out| {
            self.tail.run(&shape, &other_slices, cx.isa, 0, |finish| {
                self.multiply(cx, (a, &a_view), (b, &b_view), &shape, out, finish);
            });
            Ok(())
        })?;
        cx.pool.give(moved);
        Ok(vec![self.tail.stretch(cx, output, others)?])
    }
}

impl Matmul {
    /// The product of a matrix that is read through a transpose with another one, as the gradient of weights is: rows of both
    /// are multiplied where they lie.
    fn outer(&self, cx: &Context, left: &Array, right: &Array, others: &[&Array]) -> Result<Option<Array>> {
        let is_turned = self.left_order.as_deref() == Some(&[1, 0]) && left.rank() == 2 && right.rank() == 2;
        let is_plain = self.right_order.is_none() && self.out_order.is_none();
        if !is_turned || !is_plain || !self.tail.is_empty() || !others.is_empty() {
            return Ok(None);
        }
        let ([count, height], [depth, width]) = (left.shape(), right.shape()) else { return Ok(None) };
        if count != depth {
            return Ok(None);
        }
        let rows = |data, width| Lying { data, start: 0, stride: width, width };
        let (a, b) = (rows(left.as_f32()?, *height), rows(right.as_f32()?, *width));
        let made = cx.float(vec![*height, *width], |out| {
            outer(cx.isa, cx.workers, a, b, *count, out, false);
            Ok(())
        })?;
        Ok(Some(made))
    }

    fn multiply(
        &self,
        cx: &Context,
        (a, a_view): (&[f32], &View),
        (b, b_view): (&[f32], &View),
        shape: &[usize],
        out: &mut [f32],
        finish: Finish,
    ) {
        let rank = shape.len();
        let (depth, columns) = (a_view.shape[a_view.shape.len() - 1], shape[rank - 1]);
        let is_one_right = is_one(b_view);
        let rows = View {
            start: a_view.start,
            shape: a_view.shape[..a_view.shape.len() - 1].to_vec(),
            steps: a_view.steps[..a_view.steps.len() - 1].to_vec(),
        };
        let rows = rows.merged();
        // With one right side for all, the left side is one tall matrix.
        if is_one_right && rows.shape.len() == 1 && self.out_order.is_none() {
            let left = Rows::Matrix { data: a, start: rows.start, stride: rows.steps[0], depth };
            let Some(panels) = &self.packed else {
                let right = strided(b, b_view);
                return product_once(cx.isa, cx.workers, &left, rows.shape[0], (right, columns), out, finish);
            };
            let place = Place { start: 0, stride: columns };
            return product(cx.workers, &left, rows.shape[0], panels, out, place, finish);
        }
        let out_view = match &self.out_order {
            Some(order) => {
                let made: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
                let mut back = vec![0; rank];
                order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
                View::of(&made).transposed(&back)
            }
            None => View::of(shape),
        };
        let batch = Batch {
            left: (a, stretched(a_view, shape)),
            right: (b, stretched(b_view, shape)),
            out: out_view,
        };
        batched_product(cx.isa, cx.workers, &batch, out, finish.bias, finish.clamp, finish.rows);
    }
}

/// Whether a view is one matrix, for all of the other side.
fn is_one(view: &View) -> bool {
    view.shape[..view.shape.len() - 2].iter().all(|&size| size == 1)
}

fn view(array: &Array, order: &Option<Vec<usize>>) -> View {
    let view = View::of(array.shape());
    match order {
        Some(order) => view.transposed(order),
        None => view,
    }
}

/// A side with the batch axes of the output: steps of zero where it is stretched.
fn stretched(view: &View, output: &[usize]) -> View {
    let missing = output.len() - view.shape.len();
    let mut steps = vec![0; missing];
    steps.extend(&view.steps);
    let mut shape = vec![1; missing];
    shape.extend(&view.shape);
    for axis in 0..output.len() - 2 {
        if shape[axis] == 1 {
            steps[axis] = 0;
        }
    }
    View { start: view.start, shape, steps }
}

fn output_shape(left: &[usize], right: &[usize]) -> Result<Vec<usize>> {
    let mismatch = || Error::mismatch(format!("matmul of shapes {left:?} and {right:?}"));
    let ([a @ .., m, depth], [b @ .., inner, columns]) = (left, right) else { return Err(mismatch()) };
    if depth != inner {
        return Err(mismatch());
    }
    let rank = a.len().max(b.len());
    let size =
        |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |own| shape[own]);
    let mut shape = (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (1, size) => Ok(size),
            (size, other) if other == 1 || other == size => Ok(size),
            _ => Err(mismatch()),
        })
        .collect::<Result<Vec<_>>>()?;
    shape.extend([*m, *columns]);
    Ok(shape)
}
