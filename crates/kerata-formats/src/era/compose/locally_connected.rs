//! `LocallyConnected1D` and `LocallyConnected2D` of Keras 1 and 2: windows of the input, each with a kernel of its own.
//!
//! All three layouts of weights (`implementation`) become the first one: a kernel for each place of the output.

use kerata_core::Tree;

use super::net::{Net, layer};
use super::turn::{Turn, places};
use super::{Composed, Found, Move, Old};
use crate::era::tf::Op;

const ARGUMENTS: &[&str] = &[
    "activation",
    "kernel_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "bias_regularizer",
    "activity_regularizer",
    "kernel_constraint",
    "bias_constraint",
];

pub(super) fn compose(old: &Old<'_>) -> Found {
    old.without_masks()?;
    let layout = Layout::of(old)?;
    let rank = layout.window.len();
    let (filters, channels) = (layout.filters, layout.channels);
    let sizes = |of: &[usize]| of.iter().map(|size| Tree::from(*size)).collect::<Vec<_>>();
    let mut net = Net::of(old.config);
    let known: Vec<Option<u64>> = layout.input.iter().map(|size| size.map(|size| size as u64)).collect();
    let mut shape = vec![None];
    shape.extend(known);
    shape.insert(if layout.is_first { 1 } else { shape.len() }, Some(channels as u64));
    let mut x = net.input(&shape);
    if layout.is_first {
        let order: Vec<usize> = (2..=rank + 1).chain([1]).collect();
        x = net.add("channels_last", layer("Permute", vec![x]).with("dims", Tree::List(sizes(&order))));
    }
    if layout.before.iter().chain(&layout.after).any(|size| *size > 0) {
        let pairs: Vec<Tree> =
            layout.before.iter().zip(&layout.after).map(|(a, b)| Tree::List(sizes(&[*a, *b]))).collect();
        let (class, padding) = match rank {
            1 => ("ZeroPadding1D", pairs.into_iter().next().unwrap_or_default()),
            _ => ("ZeroPadding2D", Tree::List(pairs)),
        };
        x = net.add(
            "padding",
            layer(class, vec![x]).with("padding", padding).with("data_format", "channels_last"),
        );
    }
    // Windows of sequences are those of images that are one wide.
    let as_image = |of: &[usize]| Tree::List(sizes(&[of, &[1][..2 - rank]].concat()));
    if rank == 1 {
        x = net.add("image", Op::numpy("ExpandDims", vec![x]).with("axis", Tree::Int(2)));
    }
    let windows = Op::new("keras.src.ops.image", "ExtractPatches", vec![x])
        .with("size", as_image(&layout.window))
        .with("strides", as_image(&layout.strides))
        .with("dilation_rate", Tree::Int(1))
        .with("padding", "valid")
        .with("data_format", "channels_last");
    x = net.add("windows", windows);
    if rank == 1 {
        x = net.add("sequence", Op::numpy("Squeeze", vec![x]).with("axis", Tree::Int(2)));
    }
    let has_bias = old.flag("use_bias", true);
    let (equation, bias) = if rank == 1 { ("abc,bcd->abd", "bd") } else { ("abcd,bcde->abce", "bce") };
    let output = Tree::List(sizes(&[&layout.output[..], &[filters]].concat()));
    let product = layer("EinsumDense", vec![x])
        .with("equation", equation)
        .with("output_shape", output)
        .with("bias_axes", has_bias.then_some(bias));
    x = net.add("product", product.taking(old.config, ARGUMENTS));
    if layout.is_first {
        let order: Vec<usize> = [rank + 1].into_iter().chain(1..=rank).collect();
        x = net.add("channels_first", layer("Permute", vec![x]).with("dims", Tree::List(sizes(&order))));
    }
    let inner = net.inner("product");
    let mut moves = vec![Move::Variable { from: 0, layer: inner.clone(), to: 0, turn: layout.kernel() }];
    moves.extend(has_bias.then(|| Move::Variable { from: 1, layer: inner, to: 1, turn: layout.bias() }));
    let what = format!("`{}` is written as windows and `EinsumDense`", old.class);
    Ok(Some(Composed { tree: net.finish(&[x]), moves, what }))
}

/// Sizes of a layer, one for each spatial axis.
struct Layout {
    implementation: i64,
    is_first: bool,
    /// Of the input, as far as they are known.
    input: Vec<Option<usize>>,
    output: Vec<usize>,
    window: Vec<usize>,
    strides: Vec<usize>,
    /// Zeros around the input.
    before: Vec<usize>,
    after: Vec<usize>,
    channels: usize,
    filters: usize,
}

impl Layout {
    fn of(old: &Old<'_>) -> Result<Self, String> {
        let rank = if old.class == "LocallyConnected1D" { 1 } else { 2 };
        let window = per_axis(old, "kernel_size", rank)?;
        let strides = per_axis(old, "strides", rank)?;
        let is_first = old.text("data_format") == Some("channels_first");
        let is_same = old.text("padding") == Some("same");
        let filters = old.config.get("filters").and_then(Tree::as_u64).ok_or("it has no `filters`")?;
        let filters = usize::try_from(filters).map_err(|_| "too many filters")?;
        let implementation = old.config.get("implementation").and_then(Tree::as_i64).unwrap_or(1);
        let kernel: Vec<usize> =
            old.shape(0)?.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect();
        let spatial = |shape: &[Option<u64>]| -> Vec<Option<usize>> {
            let skipped = if is_first { 2 } else { 1 };
            let sizes = shape.iter().skip(skipped).take(rank);
            sizes.map(|size| size.and_then(|size| usize::try_from(size).ok())).collect()
        };
        let mut input = old.input().map_or(vec![None; rank], |shape| spatial(&shape));
        let mut output: Option<Vec<usize>> = None;
        let count: usize = window.iter().product();
        if implementation == 2 {
            // The kernel has the axes of the input, then those of the output.
            let own = |half: usize| {
                let from = half * (rank + 1) + usize::from(is_first);
                kernel.get(from..from + rank).map(<[usize]>::to_vec).ok_or("its kernel has too few axes")
            };
            input = own(0)?.into_iter().map(Some).collect();
            output = Some(own(1)?);
        }
        if output.is_none()
            && let Ok([sizes @ .., _]) = old.shape(1)
        {
            output = Some(sizes.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect());
        }
        if output.is_none() {
            let sizes = input.iter().zip(&window).zip(&strides).map(|((input, window), stride)| {
                let input = (*input)?;
                Some(if is_same {
                    input.div_ceil(*stride)
                } else {
                    (input + stride).checked_sub(*window)? / stride
                })
            });
            output = sizes.collect();
        }
        if output.is_none() && rank == 1 && implementation == 1 {
            output = kernel.first().map(|count| vec![*count]);
        }
        let output = output.ok_or("the size of its input is not known")?;
        let channels = match (implementation, kernel.as_slice()) {
            (1, [_, width, _]) => width / count.max(1),
            (2, [first, ..]) if is_first => *first,
            (2, sizes) => sizes.get(rank).copied().unwrap_or(0),
            (3, _) => {
                let shape = old.input().ok_or("the size of its input is not known")?;
                let channels = if is_first { shape.get(1) } else { shape.last() };
                let channels = channels.copied().flatten().and_then(|size| usize::try_from(size).ok());
                channels.ok_or("the channels of its input are not known")?
            }
            _ => return Err(format!("`implementation` = {implementation} is not known")),
        };
        if (is_same || implementation == 3) && input.iter().any(Option::is_none) {
            return Err("the size of its input is not known".to_owned());
        }
        let before: Vec<usize> = window.iter().map(|size| if is_same { size / 2 } else { 0 }).collect();
        let axes = input.iter().zip(&output).zip(&window).zip(&strides).zip(&before);
        let after = axes.map(|((((input, output), window), stride), before)| {
            let end = output.saturating_sub(1).saturating_mul(*stride).saturating_add(*window);
            if is_same { end.saturating_sub(input.unwrap_or(0) + before) } else { 0 }
        });
        let after = after.collect();
        let sizes = output.iter().chain(&window).copied().chain([channels, filters]);
        let elements = sizes.fold(1usize, usize::saturating_mul);
        let stored = kernel.iter().copied().fold(1usize, usize::saturating_mul);
        if implementation == 1 && elements != stored || elements / 64 > stored {
            return Err("its kernel does not fit its other arguments".to_owned());
        }
        Ok(Self {
            implementation,
            is_first,
            input,
            output,
            window,
            strides,
            before,
            after,
            channels,
            filters,
        })
    }

    /// From the old kernel to one of (output..., window and channels, filters).
    fn kernel(&self) -> Turn {
        let outs: usize = self.output.iter().product();
        let count: usize = self.window.iter().product();
        let (channels, filters) = (self.channels, self.filters);
        let mut shape: Vec<u64> = self.output.iter().map(|size| *size as u64).collect();
        shape.extend([(count * channels) as u64, filters as u64]);
        if self.implementation == 1 && !self.is_first {
            return Turn::Shape(shape);
        }
        let order = (self.implementation == 3).then(|| self.listed());
        let mut picks = Vec::with_capacity(outs * count * channels * filters);
        for output in places(&self.output) {
            for at in places(&self.window) {
                for channel in 0..channels {
                    for filter in 0..filters {
                        picks.push(match &order {
                            None if self.implementation == 1 => {
                                let row = channel * count + flat(&at, &self.window);
                                Some(
                                    (flat(&output, &self.output) * count * channels + row) * filters + filter,
                                )
                            }
                            None => self.input_of(&output, &at).map(|input| {
                                let (row, column) =
                                    (self.side(&input, channel, true), self.side(&output, filter, false));
                                row * outs * filters + column
                            }),
                            Some(order) => self.input_of(&output, &at).and_then(|input| {
                                let (row, column) =
                                    (self.side(&input, channel, true), self.side(&output, filter, false));
                                order.get(&(column, row)).copied()
                            }),
                        });
                    }
                }
            }
        }
        Turn::Pick(shape, picks)
    }

    /// A bias of a layer with channels first is meant as (filters, output...), whatever shape it is stored in.
    fn bias(&self) -> Turn {
        let mut shape: Vec<u64> = self.output.iter().map(|size| *size as u64).collect();
        shape.push(self.filters as u64);
        if !self.is_first {
            return Turn::Shape(shape);
        }
        let outs: usize = self.output.iter().product();
        let picks = (0..outs).flat_map(|at| (0..self.filters).map(move |filter| Some(filter * outs + at)));
        Turn::Pick(shape, picks.collect())
    }

    /// The place in the input of a place in a window; `None` beyond its edges.
    fn input_of(&self, output: &[usize], at: &[usize]) -> Option<Vec<usize>> {
        let axes = output.iter().zip(at).zip(&self.strides).zip(&self.before).zip(&self.input);
        axes.map(|((((output, at), stride), before), size)| {
            let place = (output * stride + at).checked_sub(*before)?;
            (place < (*size)?).then_some(place)
        })
        .collect()
    }

    /// The flat place of an element and a channel on one side of the kernel.
    fn side(&self, at: &[usize], channel: usize, is_input: bool) -> usize {
        let sizes: Vec<usize> = match is_input {
            true => self.input.iter().map(|size| size.unwrap_or(0)).collect(),
            false => self.output.clone(),
        };
        let width = if is_input { self.channels } else { self.filters };
        let elements: usize = sizes.iter().product();
        if self.is_first { channel * elements + flat(at, &sizes) } else { flat(at, &sizes) * width + channel }
    }

    /// The third layout is the list of the weights between elements that meet, sorted by output, then input.
    fn listed(&self) -> std::collections::BTreeMap<(usize, usize), usize> {
        let mut pairs = std::collections::BTreeSet::new();
        for output in places(&self.output) {
            for at in places(&self.window) {
                let Some(input) = self.input_of(&output, &at) else { continue };
                for channel in 0..self.channels {
                    for filter in 0..self.filters {
                        pairs.insert((self.side(&output, filter, false), self.side(&input, channel, true)));
                    }
                }
            }
        }
        pairs.into_iter().enumerate().map(|(at, pair)| (pair, at)).collect()
    }
}

fn flat(at: &[usize], sizes: &[usize]) -> usize {
    at.iter().zip(sizes).fold(0, |flat, (at, size)| flat * size + at)
}

/// Whole numbers of an argument, one for each spatial axis.
fn per_axis(old: &Old<'_>, key: &str, rank: usize) -> Result<Vec<usize>, String> {
    let size =
        |tree: &Tree| tree.as_u64().and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
    let sizes = match old.config.get(key) {
        None if key == "strides" => Some(vec![1; rank]),
        Some(Tree::List(items)) => items.iter().map(size).collect(),
        Some(one) => size(one).map(|size| vec![size; rank]),
        None => None,
    };
    let sizes: Option<Vec<usize>> = sizes;
    sizes.filter(|sizes| sizes.len() == rank).ok_or_else(|| format!("its `{key}` is not {rank} sizes"))
}
