//! Reading JSON into a [`Tree`]: strict but for Python's `NaN`, `Infinity` and `-Infinity`.

use indexmap::map::Entry;

use super::{Object, Tree};
use crate::{Error, Limits, Result};

/// Reads one JSON document.
pub(super) fn parse(text: &[u8], limits: &Limits) -> Result<Tree> {
    if text.len() as u64 > limits.max_config_bytes {
        return Err(Error::limit(format!(
            "JSON of {} bytes, the limit is {}",
            text.len(),
            limits.max_config_bytes
        )));
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = std::str::from_utf8(text)
        .map_err(|error| Error::corrupt(format!("JSON is not UTF-8 at byte {}", error.valid_up_to())))?;
    let mut parser = Parser { text, position: 0, depth_left: limits.max_json_depth, entries: Vec::new() };
    let tree = parser.value()?;
    parser.skip_space();
    match parser.peek() {
        None => Ok(tree),
        Some(_) => Err(parser.error("more after the end of the JSON document")),
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    depth_left: usize,
    /// Entries of the objects that have not ended, so that each object takes its memory once.
    entries: Vec<(String, Tree)>,
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Result<Tree> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'"') => self.string().map(Tree::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => Err(self.error("the JSON document ends too early")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Tree>) -> Result<Tree> {
        let left = self.depth_left.checked_sub(1);
        self.depth_left = left.ok_or_else(|| Error::limit("JSON is nested too deep"))?;
        self.position += 1;
        let tree = read(self)?;
        self.depth_left += 1;
        Ok(tree)
    }

    fn object(&mut self) -> Result<Tree> {
        let start = self.entries.len();
        if self.take_after_space(b'}') {
            return Ok(Tree::Object(Object::new()));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key"));
            }
            let key = self.string()?;
            if !self.take_after_space(b':') {
                return Err(self.error("expected `:`"));
            }
            let value = self.value()?;
            self.entries.push((key, value));
            if self.take_after_space(b'}') {
                break;
            }
            if !self.take_after_space(b',') {
                return Err(self.error("expected `,` or `}`"));
            }
        }
        let mut object = Object::with_capacity(self.entries.len() - start);
        let mut twice = None;
        for (key, value) in self.entries.drain(start..) {
            match object.entry(key) {
                Entry::Vacant(free) => drop(free.insert(value)),
                Entry::Occupied(taken) => twice = Some(taken.key().clone()),
            }
        }
        match twice {
            None => Ok(Tree::Object(object)),
            Some(key) => Err(self.error(&format!("the key `{key}` stands twice in the object that ends"))),
        }
    }

    fn list(&mut self) -> Result<Tree> {
        let mut items = Vec::new();
        if self.take_after_space(b']') {
            return Ok(Tree::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.take_after_space(b']') {
                items.shrink_to_fit();
                return Ok(Tree::List(items));
            }
            if !self.take_after_space(b',') {
                return Err(self.error("expected `,` or `]`"));
            }
        }
    }

    fn word(&mut self) -> Result<Tree> {
        let (word, tree) = match self.peek() {
            Some(b't') => ("true", Tree::Bool(true)),
            Some(b'f') => ("false", Tree::Bool(false)),
            Some(b'n') => ("null", Tree::Null),
            Some(b'N') => ("NaN", Tree::Float(f64::NAN)),
            _ => ("Infinity", Tree::Float(f64::INFINITY)),
        };
        if !self.rest().starts_with(word) {
            return Err(self.error("not a JSON value"));
        }
        self.position += word.len();
        Ok(tree)
    }

    fn number(&mut self) -> Result<Tree> {
        if self.rest().starts_with("-Infinity") {
            self.position += "-Infinity".len();
            return Ok(Tree::Float(f64::NEG_INFINITY));
        }
        let is_part = |c: u8| matches!(c, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let len = self.rest().bytes().take_while(|c| is_part(*c)).count();
        let token = self.rest().get(..len).unwrap_or_default();
        let tree = if token.contains(['.', 'e', 'E']) {
            is_json_float(token).then(|| token.parse().ok().map(Tree::Float)).flatten()
        } else {
            // Reading 128 bits takes several times as long.
            let int = || token.parse::<i64>().map(i128::from).or_else(|_| token.parse()).ok();
            is_json_int(token).then(int).flatten().map(Tree::Int)
        };
        let tree = tree.ok_or_else(|| self.error("not a JSON number"))?;
        self.position += len;
        Ok(tree)
    }

    fn string(&mut self) -> Result<String> {
        self.position += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let is_special = |c: &u8| matches!(c, b'"' | b'\\' | 0..0x20);
            let plain = rest.as_bytes().iter().position(is_special);
            let (piece, tail) = rest.split_at(plain.unwrap_or(rest.len()));
            out.push_str(piece);
            self.position += piece.len() + 1;
            match tail.as_bytes().first() {
                Some(b'"') => return Ok(out),
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.error("a control character inside a string")),
                None => return Err(self.error("a string has no end")),
            }
        }
    }

    /// The character after a backslash.
    fn escape(&mut self) -> Result<char> {
        let c = self.peek().ok_or_else(|| self.error("a string has no end"))?;
        self.position += 1;
        Ok(match c {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.error("unknown escape in a string")),
        })
    }

    fn unicode_escape(&mut self) -> Result<char> {
        let first = self.hex4()?;
        let code = match first {
            0xd800..=0xdbff if self.rest().starts_with("\\u") => {
                self.position += 2;
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.error("half a surrogate pair in a string"));
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| self.error("half a surrogate pair in a string"))
    }

    fn hex4(&mut self) -> Result<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.error("expected four hexadecimal digits"))?;
        self.position += 4;
        Ok(code)
    }

    fn take_after_space(&mut self, wanted: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(wanted);
        self.position += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn error(&self, message: &str) -> Error {
        Error::corrupt(format!("{message}, at byte {} of the JSON", self.position))
    }
}

fn is_json_int(token: &str) -> bool {
    let digits = token.strip_prefix('-').unwrap_or(token);
    let starts_well = digits == "0" || !digits.starts_with('0');
    !digits.is_empty() && starts_well && digits.bytes().all(|c| c.is_ascii_digit())
}

fn is_json_float(token: &str) -> bool {
    let (mantissa, exponent) = match token.find(['e', 'E']) {
        Some(at) => (&token[..at], Some(&token[at + 1..])),
        None => (token, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    is_json_int(whole)
        && fraction.is_none_or(all_digits)
        && exponent.is_none_or(|part| all_digits(part.strip_prefix(['+', '-']).unwrap_or(part)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn read(text: &str) -> Result<Tree> {
        parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn python_tokens_and_numbers_keep_their_kind() {
        let text = r#"{"b": [1, 1.0, -0.0, 1e-07, NaN, Infinity, -Infinity], "a": null, "big": 18446744073709551615}"#;
        assert_eq!(read(text).unwrap().to_json(), text);
    }

    #[test]
    fn escapes_come_back_as_python_writes_them() {
        let text = r#""caf\u00e9 \ud83d\ude00 \n\"\\\u001f""#;
        let tree = read(text).unwrap();
        assert_eq!(tree.as_str(), Some("café 😀 \n\"\\\u{1f}"));
        assert_eq!(tree.to_json(), text);
    }

    #[test]
    fn what_is_not_json_is_corrupt() {
        let bad = [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            ".5",
            "-",
            "+1",
            "1e",
            "nan",
            "\"\\ud800\"",
            "\"\\x\"",
            "{\"a\":1,\"a\":2}",
            "[1] 2",
            "\"a\nb\"",
            "tru",
        ];
        for text in bad {
            assert_eq!(read(text).unwrap_err().kind(), ErrorKind::Corrupt, "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_named() {
        let error = read(r#"{"a": {"x": 1}, "b": 2, "a": 3}"#).unwrap_err().to_string();
        assert!(error.contains("`a` stands twice"), "{error}");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(100_000);
        assert_eq!(read(&deep).unwrap_err().kind(), ErrorKind::LimitExceeded);
        let fine = format!("{}1{}", "[".repeat(128), "]".repeat(128));
        assert!(read(&fine).is_ok());
    }
}
