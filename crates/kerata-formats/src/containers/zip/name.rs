//! Which names a member may have: plain relative ones.

use kerata_core::{Error, Limits, Result};

/// Checks the bytes of a member's name and gives it as text.
pub(super) fn check(bytes: &[u8], limits: &Limits) -> Result<String> {
    if bytes.len() > limits.max_name_bytes {
        return Err(Error::limit(format!(
            "a member name of {} bytes, the limit is {}",
            bytes.len(),
            limits.max_name_bytes
        )));
    }
    let name = std::str::from_utf8(bytes).map_err(|_| Error::corrupt("a member name is not UTF-8"))?;
    match fault(name) {
        None => Ok(name.to_owned()),
        Some(fault) => Err(Error::untrusted(format!("the member name {fault}")).at(name)),
    }
}

/// What is wrong with a name.
fn fault(name: &str) -> Option<&'static str> {
    let parts = name.strip_suffix('/').unwrap_or(name);
    let has_drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if parts.is_empty() {
        Some("is empty")
    } else if name.chars().any(char::is_control) {
        Some("has control characters")
    } else if name.contains('\\') {
        Some("has a backslash")
    } else if name.starts_with('/') || has_drive {
        Some("is absolute")
    } else if parts.split('/').any(|part| part == "..") {
        Some("leaves the archive")
    } else if parts.split('/').any(|part| part.is_empty() || part == ".") {
        Some("has an empty part")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::ErrorKind;

    #[test]
    fn only_plain_relative_names_pass() {
        let limits = Limits::default();
        for name in ["config.json", "assets/a/b.txt", "assets/", "é.txt", "..a", "a..", "...", "C"] {
            assert_eq!(check(name.as_bytes(), &limits).unwrap(), name);
        }
        for name in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a/..",
            "a//b",
            "./a",
            "a/.",
            "C:/x",
            "c:x",
            "a\\b",
            "\\\\host\\x",
            "a\0b",
            "a\nb",
            "a//",
        ] {
            assert_eq!(check(name.as_bytes(), &limits).unwrap_err().kind(), ErrorKind::Untrusted, "{name:?}");
        }
        assert_eq!(check(b"a\xff", &limits).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(check(&[b'a'; 5000], &limits).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }
}
