//! Convolutions: as products of patches with packed filters, or channel by channel when depthwise.

use kerata_core::graph::{Graph, Node};
use kerata_core::ops::{Conv, Windows};
use kerata_core::{Array, DType, Error, Result};

use super::finish::Tail;
use super::fused::slices;
use super::{Kernel, Request};
use crate::cpu::context::Context;
use crate::cpu::kernels::depthwise::{Filters, depthwise};
use crate::cpu::kernels::isa::Isa;
use crate::cpu::kernels::memory::Lines;
use crate::cpu::kernels::pack::Panels;
use crate::cpu::kernels::patches::{Rows, Window};
use crate::cpu::kernels::product::{Finish, Place, product};

/// Whether a program may follow a node: a float convolution over at most three axes, in one group or depthwise.
pub(super) fn takes(graph: &Graph, node: &Node) -> bool {
    let Some(conv) = node.op().and_then(|op| op.as_any().downcast_ref::<Conv>()) else { return false };
    let Some(&[x, kernel]) = node.inputs.first_chunk().filter(|_| node.inputs.len() == 2) else {
        return false;
    };
    let (Ok(x), Ok(kernel)) = (graph.spec(x), graph.spec(kernel)) else { return false };
    let Ok(sizes) = kernel.sizes() else { return false };
    x.dtype == DType::Float32
        && x.rank() <= 5
        && (conv.groups == 1 || is_depthwise(conv.groups, Some(&sizes)))
}

/// Whether a kernel of this shape has one channel and one filter in each of these groups.
pub(super) fn is_depthwise(groups: usize, kernel: Option<&[usize]>) -> bool {
    matches!(kernel, Some([.., 1, filters]) if *filters == groups)
}

/// The step of a `conv` of floats.
pub(super) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    let conv = request.op.as_any().downcast_ref::<Conv>()?.clone();
    let [x, kernel] = &request.inputs[..] else { return None };
    if x.spec.dtype != DType::Float32 || x.spec.rank() > 5 {
        return None;
    }
    let sizes = kernel.spec.sizes().ok()?;
    let filters = *sizes.last()?;
    let mut tail = Tail::new(request.epilogue.take());
    let packed = match kernel.constant {
        Some(values) if values.dtype() == DType::Float32 => {
            let scale = tail.absorb(filters);
            let bias = tail.bias();
            Some(Packed::new(request.isa, conv.groups, &sizes, values, scale.as_deref(), bias).ok()?)
        }
        Some(_) => return None,
        None => {
            tail.absorb_bias(Some(filters));
            None
        }
    };
    if tail.has_program() && conv.groups > 1 && !is_depthwise(conv.groups, Some(&sizes)) {
        return None;
    }
    Some(Box::new(Convolution { conv, sizes, packed, tail }))
}

/// A kernel made ready.
enum Packed {
    Products(Vec<Panels>),
    Depthwise(Filters),
}

impl Packed {
    fn new(
        isa: Isa,
        groups: usize,
        sizes: &[usize],
        values: &Array,
        scale: Option<&[f32]>,
        bias: Option<&[f32]>,
    ) -> Result<Packed> {
        let filters = sizes[sizes.len() - 1];
        if is_depthwise(groups, Some(sizes)) && groups > 1 {
            return Ok(Packed::Depthwise(Filters::new(filters, values.as_f32()?, scale, bias)));
        }
        let columns = filters / groups;
        let panels = (0..groups).map(|group| {
            let mut panels = Panels::new(isa);
            let own = group * columns..(group + 1) * columns;
            panels.pack_array(values, own.clone(), scale.map(|scale| &scale[own]))?;
            Ok(panels)
        });
        panels.collect::<Result<_>>().map(Packed::Products)
    }
}

struct Convolution {
    conv: Conv,
    /// Shape of the kernel.
    sizes: Vec<usize>,
    packed: Option<Packed>,
    tail: Tail,
}

impl Kernel for Convolution {
    fn name(&self) -> &'static str {
        match (&self.packed, self.tail.is_empty()) {
            (Some(Packed::Depthwise(_)), true) => "depthwise",
            (Some(Packed::Depthwise(_)), false) => "depthwise+",
            (_, true) => "conv",
            (_, false) => "conv+",
        }
    }

    fn reads(&self, input: usize) -> bool {
        input != 1 || self.packed.is_none()
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let [x, kernel, others @ ..] = inputs else { return Err(Error::internal("conv takes two inputs")) };
        let Conv { strides, padding, dilation, groups } = &self.conv;
        let (taps, filters) = (&self.sizes[..self.sizes.len() - 2], self.sizes[self.sizes.len() - 1]);
        let windows = Windows { sizes: taps, strides, dilation, padding };
        let window = window(&windows, x.shape(), x.shape()[x.rank() - 1] / groups)?;
        let mut shape = vec![window.batch];
        shape.extend(&window.output[3 - taps.len()..]);
        shape.push(filters);
        let fresh;
        let packed = match &self.packed {
            Some(packed) => packed,
            None => {
                fresh = Packed::new(cx.isa, *groups, &self.sizes, kernel, None, self.tail.bias())?;
                &fresh
            }
        };
        let data = x.as_f32()?;
        let other_slices = slices(others)?;
        let output = cx.float(shape.clone(), |out| {
            self.tail.run(&shape, &other_slices, cx.isa, 0, |finish| match packed {
                Packed::Depthwise(filters) => {
                    depthwise(cx.isa, cx.workers, data, &window, filters, out, finish)
                }
                Packed::Products(panels) => products(cx, data, &window, panels, out, finish),
            });
            Ok(())
        })?;
        Ok(vec![self.tail.stretch(cx, output, others)?])
    }
}

/// Runs the products of all groups.
fn products(cx: &Context, data: &[f32], window: &Window, panels: &[Panels], out: &mut [f32], finish: Finish) {
    let filters = panels.iter().map(Panels::columns).sum();
    let zeros = Lines::zeros(window.depth);
    for (group, panels) in panels.iter().enumerate() {
        let place = Place { start: group * panels.columns(), stride: filters };
        let bias = finish.bias.map(|bias| &bias[place.start..]);
        let rows = if window.is_pointwise() && panels.columns() == filters {
            Rows::Matrix { data, start: 0, stride: window.channels, depth: window.depth }
        } else {
            Rows::Patches { data, window, channel: group * window.depth, zeros: &zeros }
        };
        product(cx.workers, &rows, window.rows(), panels, out, place, Finish { bias, ..finish });
    }
}

/// The geometry of windows over `(batch, spatial…, channels)`; missing axes come first, with size one.
pub(super) fn window(windows: &Windows, shape: &[usize], depth: usize) -> Result<Window> {
    let spatial = shape.len().checked_sub(2).filter(|&n| n <= 3 && n == windows.sizes.len());
    let spatial = spatial.ok_or_else(|| Error::mismatch(format!("windows over shape {shape:?}")))?;
    let mut window = Window {
        batch: shape[0],
        input: [1; 3],
        channels: shape[spatial + 1],
        depth,
        kernel: [1; 3],
        strides: [1; 3],
        dilation: [1; 3],
        padding: [0; 3],
        output: [1; 3],
    };
    for axis in 0..spatial {
        let (to, size) = (3 - spatial + axis, shape[axis + 1]);
        window.input[to] = size;
        window.kernel[to] = windows.sizes[axis];
        window.strides[to] = windows.strides[axis];
        window.dilation[to] = windows.dilation[axis];
        window.padding[to] = windows.pads(axis, size)?.0;
        window.output[to] = windows.count(axis, size)?;
    }
    Ok(window)
}
