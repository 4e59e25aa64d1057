//! Functions of `keras.ops` by the class names under which Keras 3 writes them into functional models.
//!
//! One file a family with its table; the arguments of a call are read by [`Call`].

mod activations;
mod alignments;
mod binary;
mod call;
mod creation;
mod factors;
mod filters;
mod folds;
mod image;
mod indexing;
mod integers;
mod linalg;
mod math;
mod measures;
mod nan;
mod nn;
mod products;
mod random;
mod ranges;
mod reductions;
mod refused;
mod resize;
mod shapes;
mod signals;
mod unary;
mod warps;

use kerata_core::graph::{GraphBuilder, Tensor};
use kerata_core::{Error, Object, Result};

use crate::layers::Arguments;
use call::Call;
pub(crate) use image::{hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv};
pub(crate) use resize::{Fit, resize};

/// What a function computes from the arguments of a call.
pub(crate) type Function = fn(&Call<'_>) -> Result<Vec<Tensor>>;

/// Functions by class name.
type Table = &'static [(&'static str, Function)];

/// The tables of all families.
const TABLES: &[Table] = &[
    activations::TABLE,
    alignments::TABLE,
    binary::TABLE,
    creation::TABLE,
    factors::TABLE,
    filters::TABLE,
    folds::TABLE,
    image::TABLE,
    indexing::TABLE,
    integers::TABLE,
    linalg::TABLE,
    math::TABLE,
    measures::TABLE,
    nan::TABLE,
    nn::TABLE,
    products::TABLE,
    ranges::TABLE,
    reductions::TABLE,
    shapes::TABLE,
    signals::TABLE,
    unary::TABLE,
    warps::TABLE,
];

/// All class names, sorted.
pub(crate) fn classes() -> Vec<&'static str> {
    let mut names: Vec<&str> = TABLES.iter().copied().flatten().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

/// The function of a class name.
pub(crate) fn find(class: &str) -> Result<Function> {
    let mut entries = TABLES.iter().copied().flatten();
    let found = entries.find(|(name, _)| *name == class);
    found.map(|(_, function)| *function).ok_or_else(|| {
        let reason = refused::reason(class).unwrap_or("it is not there");
        Error::unsupported(format!("the function `{class}` of `keras.ops`: {reason}"))
    })
}

/// The class of a function that is called by its own name (`sin`).
pub(crate) fn class_of(function: &str) -> Option<&'static str> {
    let mut entries = TABLES.iter().copied().flatten();
    entries.find(|(class, _)| crate::layers::snake_case(class) == function).map(|(class, _)| *class)
}

/// Calls the function of a class name.
pub(crate) fn call(
    class: &str,
    config: &Object,
    builder: &GraphBuilder,
    arguments: &Arguments,
) -> Result<Vec<Tensor>> {
    find(class)?(&Call { config, builder, arguments })
}

/// Calls a function of `keras.random` by its name; the first argument is the seed.
pub(crate) fn draw(
    name: &str,
    config: &Object,
    builder: &GraphBuilder,
    arguments: &Arguments,
) -> Result<Vec<Tensor>> {
    Ok(vec![random::draw(name, &Call { config, builder, arguments })?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_not_there_and_says_why() {
        assert!(refused::REFUSED.is_sorted());
        for (class, reason) in refused::REFUSED {
            let error = find(class).err().map(|error| error.message().to_owned());
            assert!(error.is_some_and(|message| message.contains(class) && message.contains(reason)));
        }
    }

    #[test]
    fn tables_are_sorted_and_name_each_class_once() {
        let mut all: Vec<&str> = Vec::new();
        for table in TABLES {
            let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
            assert!(names.is_sorted(), "{names:?}");
            all.extend(names);
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
