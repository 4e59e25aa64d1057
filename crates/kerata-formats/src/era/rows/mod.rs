//! The table: what an older Keras spells otherwise, and what is done about it.

mod classes;
mod keras1;
mod keras2;

use kerata_core::{Object, Tree};

use super::{Era, Work};

/// One rule.
#[derive(Debug)]
#[non_exhaustive]
pub struct Row {
    /// The newest era that it applies to.
    pub until: Era,
    /// Classes that it applies to (names after renaming); empty for all.
    pub classes: &'static [&'static str],
    /// The field that it looks at; empty for rules about the class itself.
    pub field: &'static str,
    /// What is done.
    pub action: Action,
    /// What people are told.
    pub what: &'static str,
    /// An object before and after, as JSON.
    pub example: [&'static str; 2],
}

/// What a rule does.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Action {
    /// The class has another name.
    Class(&'static str),
    /// The field has another name.
    Rename(&'static str),
    /// The field is dropped.
    Drop,
    /// The field is dropped when it has this value (JSON), else it stays and what reads the config refuses it.
    DropIf(&'static str),
    /// The field gets this value (JSON) when it is missing.
    Default(&'static str),
    /// Values of the field have other names.
    Values(&'static [(&'static str, &'static str)]),
    /// The object is rewritten; gives whether it was.
    Rewrite(fn(&mut Object) -> bool),
}

/// Every rule, in the order in which they are applied: classes, Keras 1 fields, Keras 2 fields.
pub static ROWS: &[&[Row]] = &[classes::ROWS, keras1::ROWS, keras2::ROWS];

/// Applies the table to a serialized layer (not to what it holds).
pub(super) fn apply(tree: &mut Tree, work: &mut Work) {
    for row in ROWS.iter().flat_map(|rows| rows.iter()) {
        if work.era <= row.until && applies(row, tree) && act(row, tree) {
            work.note(row.what);
        }
    }
}

fn applies(row: &Row, tree: &Tree) -> bool {
    row.classes.is_empty() || tree.class_name().is_some_and(|class| row.classes.contains(&class))
}

fn act(row: &Row, tree: &mut Tree) -> bool {
    let Some(object) = tree.as_object_mut() else { return false };
    match row.action {
        Action::Class(new) => {
            object.insert("class_name".into(), new.into());
            return true;
        }
        Action::Rewrite(rewrite) => return rewrite(object),
        _ => {}
    }
    let Some(config) = object.get_mut("config").and_then(Tree::as_object_mut) else { return false };
    match row.action {
        Action::Rename(new) => rename(config, row.field, new),
        Action::Drop => config.shift_remove(row.field).is_some(),
        Action::DropIf(value) => {
            let fits = config.get(row.field).is_some_and(|found| *found == json(value));
            fits && config.shift_remove(row.field).is_some()
        }
        Action::Default(value) => {
            let missing = !config.contains_key(row.field);
            if missing {
                config.insert(row.field.into(), json(value));
            }
            missing
        }
        Action::Values(names) => {
            let Some(value) = config.get_mut(row.field) else { return false };
            let new = names.iter().find(|(old, _)| value.as_str() == Some(*old));
            if let Some((_, new)) = new {
                *value = (*new).into();
            }
            new.is_some()
        }
        Action::Class(_) | Action::Rewrite(_) => false,
    }
}

/// Renames a key in its place; an entry under the new name wins.
fn rename(config: &mut Object, old: &str, new: &str) -> bool {
    let Some((at, _, value)) = config.shift_remove_full(old) else { return false };
    if !config.contains_key(new) {
        config.shift_insert(at.min(config.len()), new.into(), value);
    }
    true
}

/// The config of an object whose class the row has found.
fn config(object: &mut Object) -> Option<&mut Object> {
    object.get_mut("config")?.as_object_mut()
}

fn json(text: &str) -> Tree {
    Tree::parse(text.as_bytes(), &kerata_core::Limits::default()).unwrap_or_default()
}

/// The table as it stands in `docs/formats/eras.md`.
pub fn table() -> String {
    let mut out = String::from("| until | class | field | what is done |\n|---|---|---|---|\n");
    for row in ROWS.iter().flat_map(|rows| rows.iter()) {
        let classes = match row.classes {
            [] => "any".to_owned(),
            classes => classes.join(", "),
        };
        let field = if row.field.is_empty() { String::new() } else { format!("`{}`", row.field) };
        out.push_str(&format!("| {} | {classes} | {field} | {} |\n", row.until.name(), row.what));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_table() {
        let page = include_str!("../../../../../docs/formats/eras.md");
        if !page.contains(&table()) {
            panic!("docs/formats/eras.md lacks this table:\n{}", table());
        }
    }

    #[test]
    fn every_row_turns_its_example_into_what_it_says() {
        for row in ROWS.iter().flat_map(|rows| rows.iter()) {
            let mut tree = json(row.example[0]);
            assert!(!tree.is_null(), "{}: the example is JSON", row.what);
            assert!(applies(row, &tree) && act(row, &mut tree), "{}: the row applies", row.what);
            assert_eq!(tree.to_json(), json(row.example[1]).to_json(), "{}", row.what);
        }
    }

    #[test]
    fn rows_of_older_eras_leave_newer_files_alone() {
        for row in ROWS.iter().flat_map(|rows| rows.iter()).filter(|row| row.until < Era::Keras3) {
            let mut tree = json(row.example[0]);
            let before = tree.clone();
            apply(&mut tree, &mut Work::new(Era::Keras3));
            let other = ROWS.iter().flat_map(|rows| rows.iter()).any(|other| {
                other.until == Era::Keras3 && applies(other, &before) && act(other, &mut before.clone())
            });
            assert!(other || tree == before, "{}", row.what);
        }
    }
}
