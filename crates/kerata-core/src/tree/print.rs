//! Writing a [`Tree`] as Python's `json.dumps` does.

use super::Tree;

/// One line, `", "` and `": "` between.
pub(super) fn one_line(tree: &Tree) -> String {
    let mut out = String::new();
    Printer { out: &mut out, indent: None }.value(tree, 0);
    out
}

/// One entry a line.
pub(super) fn indented(tree: &Tree, indent: usize) -> String {
    let mut out = String::new();
    Printer { out: &mut out, indent: Some(indent) }.value(tree, 0);
    out
}

struct Printer<'a> {
    out: &'a mut String,
    indent: Option<usize>,
}

impl Printer<'_> {
    fn value(&mut self, tree: &Tree, depth: usize) {
        match tree {
            Tree::Null => self.out.push_str("null"),
            Tree::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Tree::Int(value) => self.out.push_str(&value.to_string()),
            Tree::Float(value) => self.float(*value),
            Tree::Text(text) => self.text(text),
            Tree::List(items) => {
                self.out.push('[');
                for (position, item) in items.iter().enumerate() {
                    self.separate(position, depth + 1);
                    self.value(item, depth + 1);
                }
                self.close(!items.is_empty(), depth, ']');
            }
            Tree::Object(entries) => {
                self.out.push('{');
                for (position, (key, value)) in entries.iter().enumerate() {
                    self.separate(position, depth + 1);
                    self.text(key);
                    self.out.push_str(": ");
                    self.value(value, depth + 1);
                }
                self.close(!entries.is_empty(), depth, '}');
            }
        }
    }

    fn separate(&mut self, position: usize, depth: usize) {
        match self.indent {
            Some(_) => {
                self.out.push_str(if position > 0 { "," } else { "" });
                self.new_line(depth);
            }
            None => self.out.push_str(if position > 0 { ", " } else { "" }),
        }
    }

    fn close(&mut self, has_items: bool, depth: usize, bracket: char) {
        if has_items {
            self.new_line(depth);
        }
        self.out.push(bracket);
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                ' '..='~' => self.out.push(c),
                _ => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        self.out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
            }
        }
        self.out.push('"');
    }

    /// Python's `repr` of a float: shortest digits, an exponent below 1e-4 and from 1e16 on.
    fn float(&mut self, value: f64) {
        if !value.is_finite() {
            let token = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            return self.out.push_str(token);
        }
        let scientific = format!("{value:e}");
        let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` writes an exponent");
        let exponent: i32 = exponent.parse().expect("`{:e}` writes a whole exponent");
        if value != 0.0 && !(-4..16).contains(&exponent) {
            let sign = if exponent < 0 { '-' } else { '+' };
            self.out.push_str(&format!("{mantissa}e{sign}{:02}", exponent.abs()));
        } else {
            let plain = format!("{value}");
            self.out.push_str(&plain);
            self.out.push_str(if plain.contains('.') { "" } else { ".0" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Right-hand sides are what Python 3 prints for `repr(x)`.
    #[test]
    fn floats_print_as_python_repr() {
        let cases = [
            (0.001, "0.001"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e-7, "1e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (0.0010000000474974513, "0.0010000000474974513"),
        ];
        for (value, text) in cases {
            assert_eq!(one_line(&Tree::Float(value)), text);
        }
    }

    #[test]
    fn indented_form_matches_json_dumps_indent_2() {
        let tree = Tree::from([("a", Tree::from(vec![1i64, 2])), ("b", Tree::List(vec![]))]);
        assert_eq!(indented(&tree, 2), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": []\n}");
    }
}
