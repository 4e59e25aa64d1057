//! The one error type: its kind says what the caller can do, its trail says where.

use std::fmt;

/// A `Result` with kerata's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Longest piece of foreign text (a name from a file) that a message repeats.
const MAX_QUOTED_CHARS: usize = 200;

/// What the caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Wrong arguments or options.
    Usage,
    /// A file, variable, layer or signature that is not there.
    NotFound,
    /// Bytes that break the rules of their format.
    Corrupt,
    /// A feature that is recognised and not supported.
    Unsupported,
    /// Content that would need code or files from outside to be trusted.
    Untrusted,
    /// A bound of [`Limits`](crate::Limits) was passed.
    LimitExceeded,
    /// Two things that should fit do not: shapes, dtypes, counts.
    Mismatch,
    /// The target is there already.
    AlreadyExists,
    /// Somebody else changed the target meanwhile.
    Conflict,
    /// The operating system refused.
    Io,
    /// The user asked for an end.
    Interrupted,
    /// A bug in kerata.
    Internal,
}

impl ErrorKind {
    /// The exit status of the command line.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::NotFound => 10,
            Self::Corrupt => 11,
            Self::Unsupported => 12,
            Self::Untrusted => 13,
            Self::LimitExceeded => 14,
            Self::Mismatch => 15,
            Self::AlreadyExists | Self::Conflict => 16,
            Self::Io | Self::Interrupted => 17,
            Self::Internal => 70,
        }
    }

    /// The word that starts a printed error.
    pub fn label(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::NotFound => "not found",
            Self::Corrupt => "corrupt",
            Self::Unsupported => "unsupported",
            Self::Untrusted => "untrusted",
            Self::LimitExceeded => "limit exceeded",
            Self::Mismatch => "mismatch",
            Self::AlreadyExists => "already exists",
            Self::Conflict => "conflict",
            Self::Io => "io",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal error",
        }
    }
}

/// An error with the place it happened at.
///
/// Prints as the kind and message, then the trail from outside to inside, then a hint:
///
/// ```
/// use kerata_core::Error;
/// let error = Error::corrupt("data offsets overlap").at("model.keras").hint("the file was cut short");
/// assert_eq!(error.to_string(), "corrupt: data offsets overlap\n  at model.keras\n  hint: the file was cut short");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    /// Innermost place first.
    trail: Vec<String>,
    hint: Option<String>,
}

impl Error {
    /// An error of a kind; messages are lower case without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = clean(&message.into(), 4 * MAX_QUOTED_CHARS);
        Self(Box::new(Inner { kind, message, trail: Vec::new(), hint: None }))
    }

    /// [`ErrorKind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// [`ErrorKind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// [`ErrorKind::Corrupt`].
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// [`ErrorKind::Unsupported`].
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// [`ErrorKind::Untrusted`].
    pub fn untrusted(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Untrusted, message)
    }

    /// [`ErrorKind::LimitExceeded`].
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::LimitExceeded, message)
    }

    /// [`ErrorKind::Mismatch`].
    pub fn mismatch(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Mismatch, message)
    }

    /// [`ErrorKind::AlreadyExists`].
    pub fn already_exists(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::AlreadyExists, message)
    }

    /// [`ErrorKind::Interrupted`], in a whole sentence: `interrupted after step 12`.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Interrupted, message)
    }

    /// [`ErrorKind::Internal`]: a state that the code rules out.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// [`ErrorKind::Io`], or the closer kind that the operating system's answer has: `cannot open the file: Permission
    /// denied`.
    pub fn io(doing: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Os;
        let kind = match error.kind() {
            Os::NotFound => ErrorKind::NotFound,
            Os::AlreadyExists => ErrorKind::AlreadyExists,
            Os::UnexpectedEof => ErrorKind::Corrupt,
            _ => ErrorKind::Io,
        };
        let new = Self::new(kind, format!("cannot {doing}: {}", answer(error)));
        match error.kind() {
            Os::NotADirectory => new.hint("a part of the path is a file, no folder"),
            Os::PermissionDenied => new.hint("ask for the right to this file or folder, or take another one"),
            Os::ReadOnlyFilesystem => new.hint("take a folder that can be written to"),
            Os::StorageFull | Os::QuotaExceeded | Os::FileTooLarge => {
                new.hint("make room, or take another folder")
            }
            _ => new,
        }
    }

    /// Adds the place around what the trail has so far (call it on the way out).
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.0.trail.push(clean(&place.into(), MAX_QUOTED_CHARS));
        self
    }

    /// Says the one thing that the reader can do; the innermost hint is kept.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What happened, without place and hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The places from outside to inside.
    pub fn trail(&self) -> impl Iterator<Item = &str> {
        self.0.trail.iter().rev().map(String::as_str)
    }

    /// The one thing to do, if there is one.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What the user asked for is no kind of failure to be named first.
        match self.0.kind {
            ErrorKind::Interrupted => f.write_str(&self.0.message)?,
            kind => write!(f, "{}: {}", kind.label(), self.0.message)?,
        }
        let mut trail = self.trail();
        if let Some(outer) = trail.next() {
            write!(f, "\n  at {outer}")?;
            for place in trail {
                write!(f, " > {place}")?;
            }
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// Adds a place to the error of a `Result`.
pub trait ResultExt<T> {
    /// Adds the place; the closure runs only on failure.
    fn at<P: Into<String>>(self, place: impl FnOnce() -> P) -> Result<T>;
}

impl<T> ResultExt<T> for Result<T> {
    fn at<P: Into<String>>(self, place: impl FnOnce() -> P) -> Result<T> {
        self.map_err(|error| error.at(place()))
    }
}

/// What the operating system answered, in its own words, without the number.
fn answer(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error ").map_or(text.as_str(), |(words, _)| words).to_owned()
}

/// Escapes control and bidirectional characters and cuts long text.
fn clean(text: &str, max_chars: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_chars));
    for (count, c) in text.chars().enumerate() {
        if count == max_chars {
            out.push('…');
            break;
        }
        let is_bidi =
            matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || is_bidi {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trail_reads_from_outside_to_inside() {
        let failed: Result<()> = Err(Error::corrupt("no signature").at("model.weights.h5"));
        let error = failed.at(|| "model.keras").unwrap_err();
        assert_eq!(error.trail().collect::<Vec<_>>(), ["model.keras", "model.weights.h5"]);
        assert_eq!(error.to_string(), "corrupt: no signature\n  at model.keras > model.weights.h5");
    }

    #[test]
    fn foreign_names_are_escaped_and_cut() {
        let error = Error::not_found("x").at(format!("\u{1b}[31m\u{202e}{}", "a".repeat(500)));
        let place = error.trail().next().unwrap().to_owned();
        assert!(place.starts_with("\\u{1b}[31m\\u{202e}aaa"), "{place}");
        assert!(place.ends_with('…') && place.chars().count() < 230);
    }

    #[test]
    fn the_system_and_the_user_are_named_in_plain_words() {
        // The numbers of Linux and macOS: no such file, permission denied, not a directory.
        let refused = |number| Error::io("open the file", &std::io::Error::from_raw_os_error(number));
        assert_eq!(refused(2).to_string(), "not found: cannot open the file: No such file or directory");
        assert!(refused(13).to_string().starts_with("io: cannot open the file: Permission denied\n  hint: "));
        assert_eq!(refused(20).hint_text(), Some("a part of the path is a file, no folder"));
        assert_eq!(Error::interrupted("interrupted after step 12").to_string(), "interrupted after step 12");
    }

    #[test]
    fn innermost_hint_wins() {
        assert_eq!(Error::usage("x").hint("first").hint("second").hint_text(), Some("first"));
    }
}
