//! Layers told apart by marks in the place of their names, since names repeat.

use std::collections::HashMap;

use kerata_core::Tree;

use crate::walk::Walk;

/// The marks that stand for names.
pub(in crate::era) struct Marks {
    originals: Vec<String>,
}

impl Marks {
    /// Gives every named layer of a config a mark of its own.
    pub(in crate::era) fn set(config: &mut Tree) -> Self {
        let mut marks = Self { originals: Vec::new() };
        marks.mark(config);
        marks
    }

    /// Puts the names back, also where they were put together with others.
    pub(in crate::era) fn clear(&self, tree: &mut Tree) {
        match tree {
            Tree::Text(text) if text.contains(OPEN) => {
                let mut rest = text.as_str();
                let mut out = String::new();
                while let Some((before, after)) = rest.split_once(OPEN) {
                    out.push_str(before);
                    let (number, after) = after.split_once(CLOSE).unwrap_or((after, ""));
                    out.push_str(self.number(number));
                    rest = after;
                }
                out.push_str(rest);
                *text = out;
            }
            Tree::List(items) => items.iter_mut().for_each(|item| self.clear(item)),
            Tree::Object(entries) => entries.values_mut().for_each(|item| self.clear(item)),
            _ => {}
        }
    }

    /// The name that a mark stands for.
    pub(in crate::era) fn original<'a>(&'a self, mark: &'a str) -> &'a str {
        let number = mark.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE));
        number.map_or(mark, |number| self.number(number))
    }

    fn number(&self, number: &str) -> &str {
        let at = number.parse::<usize>().ok();
        at.and_then(|at| self.originals.get(at)).map(String::as_str).unwrap_or_default()
    }

    fn is_mark(name: &str) -> bool {
        let number = name.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    }

    fn mark(&mut self, tree: &mut Tree) {
        let has_class = tree.class_name().is_some_and(|class| !class.contains("Policy"));
        if let Some(name) = tree.get_mut("config").filter(|_| has_class).and_then(|c| c.get_mut("name"))
            && let Tree::Text(text) = name
        {
            let mark = format!("{OPEN}{}{CLOSE}", self.originals.len());
            self.originals.push(std::mem::replace(text, mark));
        }
        match tree {
            Tree::List(items) => items.iter_mut().for_each(|item| self.mark(item)),
            Tree::Object(entries) => entries.values_mut().for_each(|item| self.mark(item)),
            _ => {}
        }
    }
}

// Characters that no name of a layer has.
const OPEN: &str = "\u{1}";
const CLOSE: &str = "\u{2}";

/// Paths of the walk by mark or name.
pub(in crate::era) struct Walked {
    paths: HashMap<String, String>,
    marks: HashMap<String, String>,
}

impl Walked {
    pub(in crate::era) fn of(walk: &Walk) -> Self {
        let mut walked = Self { paths: HashMap::new(), marks: HashMap::new() };
        let named = || walk.objects().iter().filter_map(|object| Some((object, object.name.as_ref()?)));
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (object, name) in named() {
            *counts.entry(name).or_insert(0) += 1;
            walked.paths.entry(name.clone()).or_insert_with(|| object.path.clone());
        }
        // What stands in both directions of a layer has one mark, and belongs to that layer.
        let marks = named().filter(|(_, name)| Marks::is_mark(name) && counts.get(name.as_str()) == Some(&1));
        walked.marks.extend(marks.map(|(object, name)| (object.path.clone(), name.clone())));
        walked
    }

    /// The path of the object of this mark or name.
    pub(in crate::era) fn path(&self, name: &str) -> Option<&str> {
        self.paths.get(name).map(String::as_str)
    }

    /// The innermost marked object at or above a path: its mark, its path, what is left of the path.
    pub(in crate::era) fn owner<'a>(&'a self, path: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
        let mut end = path;
        loop {
            if let Some(mark) = self.marks.get(end) {
                let rest = path.strip_prefix(end)?.trim_start_matches('/');
                return Some((mark, end, rest));
            }
            if end.is_empty() {
                return None;
            }
            end = end.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
}
