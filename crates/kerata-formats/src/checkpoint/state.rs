//! The file `checkpoint`: which checkpoint of a folder is the newest, in protocol buffer text format.

use kerata_core::{Error, Result};

/// Name of the file.
pub(crate) const STATE_FILE: &str = "checkpoint";

/// Prefix of the newest checkpoint as the file spells it.
pub(crate) fn newest(text: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(text)
        .map_err(|_| Error::corrupt("the state of a checkpoint folder is not text"))?;
    for line in text.lines() {
        if let Some(value) = line.trim().strip_prefix("model_checkpoint_path:") {
            return unquote(value.trim());
        }
    }
    Err(Error::corrupt("the state of a checkpoint folder names no checkpoint"))
}

/// Whether bytes start like such a file.
pub(crate) fn is_state(head: &[u8]) -> bool {
    head.starts_with(b"model_checkpoint_path:") || head.starts_with(b"all_model_checkpoint_paths:")
}

fn unquote(value: &str) -> Result<String> {
    let broken = || Error::corrupt("the state of a checkpoint folder has a malformed string");
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(broken)?;
    let inner = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).ok_or_else(broken)?;
    let mut bytes = Vec::new();
    let mut rest = inner.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next().ok_or_else(broken)? {
            b'n' => bytes.push(b'\n'),
            b't' => bytes.push(b'\t'),
            b'r' => bytes.push(b'\r'),
            digit @ b'0'..=b'7' => {
                let mut value = u32::from(digit - b'0');
                while let Some(next @ b'0'..=b'7') = rest.peek().copied() {
                    value = value.wrapping_mul(8) + u32::from(next - b'0');
                    rest.next();
                }
                bytes.push(u8::try_from(value).map_err(|_| broken())?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| broken())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_named() {
        let text = b"model_checkpoint_path: \"ckpt-3\"\nall_model_checkpoint_paths: \"ckpt-2\"\n";
        assert_eq!(newest(text).unwrap(), "ckpt-3");
        assert_eq!(newest(b"model_checkpoint_path: \"m\\303\\244\"").unwrap(), "mä");
        assert_eq!(newest(br#"model_checkpoint_path: "a \"b\"""#).unwrap(), "a \"b\"");
        assert!(newest(b"model_checkpoint_path: ckpt").is_err());
        assert!(newest(b"").is_err());
    }
}
