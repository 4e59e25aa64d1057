//! `einsum`: sums of products, lowered to transposes, reshapes and `matmul`.

use crate::graph::Tensor;
use crate::ops::{self, Size};
use crate::{DType, Error, Result};

/// Sums of products as `numpy.einsum` spells them: `"abc,cd->abd"`, with `...` for leading axes.
pub fn einsum(equation: &str, operands: &[&Tensor]) -> Result<Tensor> {
    let (terms, output) = parse(equation, operands)?;
    let promoted = ops::promote(operands)?;
    // int8 products are added as int32, as Keras does.
    let promoted = promoted
        .into_iter()
        .map(|x| if x.dtype() == DType::Int8 { ops::cast(&x, DType::Int32) } else { Ok(x) })
        .collect::<Result<Vec<_>>>()?;
    let mut left: Vec<Labeled> = Vec::new();
    for (tensor, labels) in promoted.into_iter().zip(terms) {
        left.push(Labeled { tensor, labels }.without_repeats()?);
    }
    left.reverse();
    let mut result = left.pop().ok_or_else(|| Error::usage("einsum without operands"))?;
    while let Some(next) = left.pop() {
        let needed =
            |label: &char| output.contains(label) || left.iter().any(|other| other.labels.contains(label));
        result = result.times(next, &needed)?;
    }
    result.keep(&|label| output.contains(label))?.ordered(&output)
}

/// A tensor with a letter for each axis.
struct Labeled {
    tensor: Tensor,
    labels: Vec<char>,
}

/// The labels of each operand and of the output; the axes of `...` get labels from a private range.
fn parse(equation: &str, operands: &[&Tensor]) -> Result<(Vec<Vec<char>>, Vec<char>)> {
    let bad = |why: &str| Error::usage(format!("einsum equation `{equation}`: {why}"));
    let spaceless: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match spaceless.split_once("->") {
        Some((inputs, output)) => (inputs.to_owned(), Some(output.to_owned())),
        None => (spaceless, None),
    };
    let terms: Vec<&str> = inputs.split(',').collect();
    if terms.len() != operands.len() {
        return Err(bad(&format!("{} terms for {} operands", terms.len(), operands.len())));
    }
    let dots = |count: usize| (0..count).map(|at| char::from_u32(0xE000 + at as u32).unwrap_or('?'));
    let mut most_dots = 0;
    let mut labels = Vec::new();
    for (term, operand) in terms.iter().zip(operands) {
        let named = term.chars().filter(|c| c.is_ascii_alphabetic()).count();
        let hidden =
            operand.rank().checked_sub(named).ok_or_else(|| bad("too many letters for an operand"))?;
        let own = match term.split_once("...") {
            Some((before, after)) => {
                most_dots = most_dots.max(hidden);
                // The last of the hidden axes meet.
                before.chars().chain(dots(64).skip(64 - hidden)).chain(after.chars()).collect::<Vec<char>>()
            }
            None if hidden == 0 => term.chars().collect(),
            None => return Err(bad("too few letters for an operand")),
        };
        if own.len() != operand.rank() {
            return Err(bad("a term may hold letters and one `...`"));
        }
        labels.push(own);
    }
    let hidden: Vec<char> = dots(64).skip(64 - most_dots).collect();
    let output = match output {
        Some(output) => match output.split_once("...") {
            Some((before, after)) => before.chars().chain(hidden).chain(after.chars()).collect(),
            None => output.chars().collect::<Vec<char>>(),
        },
        None => {
            let all: Vec<char> = labels.iter().flatten().copied().collect();
            let mut once: Vec<char> = all
                .iter()
                .copied()
                .filter(|c| c.is_ascii() && all.iter().filter(|other| *other == c).count() == 1)
                .collect();
            once.sort_unstable();
            hidden.into_iter().chain(once).collect()
        }
    };
    let repeats = output.iter().enumerate().any(|(at, label)| output[..at].contains(label));
    if repeats || output.iter().any(|label| !labels.iter().any(|own| own.contains(label))) {
        return Err(bad("the output repeats a letter or has one that no operand has"));
    }
    Ok((labels, output))
}

impl Labeled {
    /// The diagonal of axes with the same label.
    fn without_repeats(mut self) -> Result<Self> {
        while let Some(second) =
            (0..self.labels.len()).find(|&at| self.labels[..at].contains(&self.labels[at]))
        {
            let label = self.labels[second];
            let first = self.labels.iter().position(|&other| other == label).unwrap_or(0);
            let x = &self.tensor;
            let eye = ops::eye(x.builder(), x.size(first), x.size(second), 0, x.dtype())?;
            let sizes =
                (0..x.rank()).map(|at| if at == first || at == second { x.size(at) } else { Size::Known(1) });
            let masked = ops::multiply(x, &ops::reshape(&eye, sizes)?)?;
            self.tensor = ops::sum(&masked, &[second as i64], false)?;
            self.labels.remove(second);
        }
        Ok(self)
    }

    /// Sums over the axes whose labels are not needed.
    fn keep(self, needed: &dyn Fn(&char) -> bool) -> Result<Self> {
        let gone: Vec<i64> =
            (0..self.labels.len()).filter(|&at| !needed(&self.labels[at])).map(|at| at as i64).collect();
        if gone.is_empty() {
            return Ok(self);
        }
        let tensor = ops::sum(&self.tensor, &gone, false)?;
        Ok(Self { tensor, labels: self.labels.into_iter().filter(|label| needed(label)).collect() })
    }

    /// The axes in the order of labels.
    fn ordered(&self, labels: &[char]) -> Result<Tensor> {
        let order: Option<Vec<i64>> = labels
            .iter()
            .map(|label| self.labels.iter().position(|own| own == label).map(|at| at as i64))
            .collect();
        ops::transpose(&self.tensor, &order.ok_or_else(|| Error::internal("einsum label"))?)
    }

    fn size(&self, label: char) -> Size {
        self.labels.iter().position(|&own| own == label).map_or(Size::Known(1), |at| self.tensor.size(at))
    }

    /// The sizes of some axes joined into one.
    fn joined(&self, labels: &[char]) -> Size {
        let sizes: Vec<Size> = labels.iter().map(|&label| self.size(label)).collect();
        match &sizes[..] {
            [one] => one.clone(),
            _ => sizes
                .iter()
                .try_fold(1u64, |product, size| match size {
                    Size::Known(size) => product.checked_mul(*size),
                    _ => None,
                })
                .map_or(Size::Infer, Size::Known),
        }
    }

    /// The product with another operand, summed over what only they need.
    fn times(self, other: Self, needed: &dyn Fn(&char) -> bool) -> Result<Self> {
        let a = {
            let also = |label: &char| needed(label) || other.labels.contains(label);
            self.keep(&also)?
        };
        let b = {
            let also = |label: &char| needed(label) || a.labels.contains(label);
            other.keep(&also)?
        };
        let shared: Vec<char> = a.labels.iter().copied().filter(|label| b.labels.contains(label)).collect();
        let (batch, inner): (Vec<char>, Vec<char>) = shared.iter().partition(|label| needed(label));
        let rows: Vec<char> = a.labels.iter().copied().filter(|label| !shared.contains(label)).collect();
        let columns: Vec<char> = b.labels.iter().copied().filter(|label| !shared.contains(label)).collect();
        let labels = [&batch[..], &rows[..], &columns[..]].concat();
        if inner.is_empty() {
            let place =
                |own: &Self, order: Vec<char>| {
                    ops::reshape(
                        &own.ordered(&order)?,
                        labels.iter().map(|label| {
                            if order.contains(label) { own.size(*label) } else { Size::Known(1) }
                        }),
                    )
                };
            let left = place(&a, [&batch[..], &rows[..]].concat())?;
            let right = place(&b, [&batch[..], &columns[..]].concat())?;
            return Ok(Self { tensor: ops::multiply(&left, &right)?, labels });
        }
        let sizes_of =
            |own: &Self, order: &[char]| order.iter().map(|&label| own.size(label)).collect::<Vec<_>>();
        // Without batch axes, matmul takes the rows as they are.
        let left = a.ordered(&[&batch[..], &rows[..], &inner[..]].concat())?;
        let mut sizes = sizes_of(&a, &batch);
        if batch.is_empty() && !rows.is_empty() {
            sizes.extend(sizes_of(&a, &rows));
        } else {
            sizes.push(a.joined(&rows));
        }
        sizes.push(a.joined(&inner));
        let left = ops::reshape(&left, sizes)?;
        let right = b.ordered(&[&batch[..], &inner[..], &columns[..]].concat())?;
        let mut sizes = sizes_of(&b, &batch);
        sizes.extend([b.joined(&inner), b.joined(&columns)]);
        let product = ops::matmul(&left, &ops::reshape(&right, sizes)?)?;
        let sizes =
            labels.iter().map(|&label| if a.labels.contains(&label) { a.size(label) } else { b.size(label) });
        Ok(Self { tensor: ops::reshape(&product, sizes)?, labels })
    }
}

/// The sums of products over axes of two tensors, as `numpy.tensordot`.
pub fn tensordot(a: &Tensor, b: &Tensor, a_axes: &[i64], b_axes: &[i64]) -> Result<Tensor> {
    let letters =
        |count: usize, start: u8| (0..count).map(|at| char::from(start + at as u8)).collect::<Vec<char>>();
    if a.rank() + b.rank() > 26 || a_axes.len() != b_axes.len() {
        return Err(Error::usage(format!("tensordot over {} and {} axes", a_axes.len(), b_axes.len())));
    }
    let a_labels = letters(a.rank(), b'a');
    let mut b_labels = letters(b.rank(), b'a' + a.rank() as u8);
    let mut output: Vec<char> = a_labels.iter().chain(&b_labels).copied().collect();
    for (&at, &bt) in a_axes.iter().zip(b_axes) {
        let (at, bt) = (a.spec().axis(at)?, b.spec().axis(bt)?);
        let gone = b_labels[bt];
        b_labels[bt] = a_labels[at];
        output.retain(|&label| label != a_labels[at] && label != gone);
    }
    let text = |labels: &[char]| labels.iter().collect::<String>();
    einsum(&format!("{},{}->{}", text(&a_labels), text(&b_labels), text(&output)), &[a, b])
}
