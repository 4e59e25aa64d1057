//! `Arguments`: what a layer is called with: tensors with their masks, and plain values, anywhere in lists and objects.

use indexmap::IndexMap;
use kerata_core::graph::Tensor;
use kerata_core::{Result, Tree};

/// A tensor and the mask that says which of its steps count.
#[derive(Clone, Debug)]
pub struct Masked {
    /// The tensor.
    pub tensor: Tensor,
    /// Its mask: bools, `false` for steps that do not count.
    pub mask: Option<Tensor>,
}

impl From<Tensor> for Masked {
    fn from(tensor: Tensor) -> Self {
        Self { tensor, mask: None }
    }
}

/// One argument of a call.
#[derive(Clone, Debug)]
pub enum Argument<T = Masked> {
    /// A tensor.
    Tensor(T),
    /// A value that is no tensor.
    Plain(Tree),
    /// A list or tuple.
    List(Vec<Argument<T>>),
    /// An object.
    Object(IndexMap<String, Argument<T>>),
}

impl<T> Argument<T> {
    /// Its tensors as Keras flattens them: lists in order, objects by sorted key.
    pub fn tensors(&self) -> Vec<&T> {
        let mut out = Vec::new();
        self.flatten(&mut out);
        out
    }

    /// The argument as a plain value, when no tensor is in it.
    pub fn plain(&self) -> Option<Tree> {
        match self {
            Self::Tensor(_) => None,
            Self::Plain(tree) => Some(tree.clone()),
            Self::List(items) => items.iter().map(Self::plain).collect::<Option<_>>().map(Tree::List),
            Self::Object(entries) => entries
                .iter()
                .map(|(key, value)| Some((key.clone(), value.plain()?)))
                .collect::<Option<_>>()
                .map(Tree::Object),
        }
    }

    /// The items, when it is a list of arguments or of plain values.
    pub fn items(&self) -> Option<Vec<Argument<T>>>
    where
        T: Clone,
    {
        match self {
            Self::List(items) => Some(items.clone()),
            Self::Plain(Tree::List(items)) => Some(items.iter().cloned().map(Self::Plain).collect()),
            _ => None,
        }
    }

    /// Whether it stands for no value.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Plain(Tree::Null))
    }

    /// The same structure with other tensors.
    pub fn map<U>(&self, change: &mut impl FnMut(&T) -> Result<U>) -> Result<Argument<U>> {
        Ok(match self {
            Self::Tensor(tensor) => Argument::Tensor(change(tensor)?),
            Self::Plain(tree) => Argument::Plain(tree.clone()),
            Self::List(items) => {
                Argument::List(items.iter().map(|item| item.map(change)).collect::<Result<_>>()?)
            }
            Self::Object(entries) => Argument::Object(
                entries
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), value.map(change)?)))
                    .collect::<Result<_>>()?,
            ),
        })
    }

    fn flatten<'a>(&'a self, out: &mut Vec<&'a T>) {
        match self {
            Self::Tensor(tensor) => out.push(tensor),
            Self::Plain(_) => {}
            Self::List(items) => items.iter().for_each(|item| item.flatten(out)),
            Self::Object(entries) => {
                let mut sorted: Vec<_> = entries.iter().collect();
                sorted.sort_by_key(|(key, _)| key.as_str());
                sorted.into_iter().for_each(|(_, value)| value.flatten(out));
            }
        }
    }
}

/// The arguments of a call.
#[derive(Clone, Debug)]
pub struct Arguments<T = Masked> {
    /// By position.
    pub positional: Vec<Argument<T>>,
    /// By name.
    pub named: IndexMap<String, Argument<T>>,
}

impl<T> Default for Arguments<T> {
    fn default() -> Self {
        Self { positional: Vec::new(), named: IndexMap::new() }
    }
}

impl Arguments {
    /// The tensors as the first argument.
    pub fn tensors(tensors: &[Masked]) -> Self {
        let first = match tensors {
            [one] => Argument::Tensor(one.clone()),
            all => Argument::List(all.iter().cloned().map(Argument::Tensor).collect()),
        };
        Self { positional: vec![first], named: IndexMap::new() }
    }
}

impl<T> Arguments<T> {
    /// The same with one more argument by name.
    #[must_use]
    pub fn with(mut self, name: &str, argument: Argument<T>) -> Self {
        self.named.insert(name.to_owned(), argument);
        self
    }

    /// The argument of a name or, where it has none, of its position.
    pub fn get(&self, name: &str, position: usize) -> Option<&Argument<T>> {
        self.named.get(name).or_else(|| self.positional.get(position)).filter(|argument| !argument.is_none())
    }

    /// All arguments, those by position first.
    pub fn iter(&self) -> impl Iterator<Item = &Argument<T>> {
        self.positional.iter().chain(self.named.values())
    }

    /// The same structure with other tensors.
    pub fn map<U>(&self, mut change: impl FnMut(&T) -> Result<U>) -> Result<Arguments<U>> {
        let positional =
            self.positional.iter().map(|argument| argument.map(&mut change)).collect::<Result<_>>()?;
        let named = self.named.iter().map(|(name, argument)| Ok((name.clone(), argument.map(&mut change)?)));
        Ok(Arguments { positional, named: named.collect::<Result<_>>()? })
    }
}
