//! Says what a file is that no format claims.

use kerata_core::Error;

use crate::Input;

/// Bytes looked at.
const HEAD_BYTES: u64 = 512;

/// First bytes of well-known things that are not models, what they are, and what to do.
const KNOWN: &[(&[u8], &str, &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "a PNG picture", ""),
    (b"\xff\xd8\xff", "a JPEG picture", ""),
    (b"GIF8", "a GIF picture", ""),
    (b"%PDF-", "a PDF document", ""),
    (b"\x1f\x8b", "gzip data", "unpack it first"),
    (b"BZh", "bzip2 data", "unpack it first"),
    (b"\xfd7zXZ\x00", "xz data", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstandard data", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"\x7fELF", "a program (ELF)", ""),
    (b"\x80\x02", "a Python pickle", "pickles run code when they are loaded and are never read"),
    (b"\x80\x03", "a Python pickle", "pickles run code when they are loaded and are never read"),
    (b"\x80\x04", "a Python pickle", "pickles run code when they are loaded and are never read"),
    (b"\x80\x05", "a Python pickle", "pickles run code when they are loaded and are never read"),
    (b"version https://git-lfs", "a git-lfs pointer", "run `git lfs pull` to get the file itself"),
    (b"\x93NUMPY", "a NumPy array", "models are files of several arrays; .npz holds them"),
    (b"GGUF", "a GGUF model", ""),
    (b"PK\x03\x04", "a zip file without a model inside", ""),
    (b"PK\x05\x06", "an empty zip file", ""),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file without a model inside", ""),
];

/// What to look for instead.
const MODELS: &str =
    "models are `.keras`, `.h5`, `.weights.h5` or `.safetensors` files, and folders of TensorFlow";

/// The error of an input whose content no format knows.
pub(crate) fn unknown(input: &Input) -> Error {
    match input {
        Input::Folder { .. } => Error::unsupported("the folder holds no model that is known").hint(
            "a model folder holds `config.json` and `model.weights.h5`, or `saved_model.pb`, or a checkpoint",
        ),
        Input::Prefix { .. } => Error::not_found("no such file, and no files whose names start like this"),
        Input::File { .. } => match input.head(HEAD_BYTES) {
            Ok(head) => unknown_head(&head),
            Err(error) => error,
        },
    }
}

fn unknown_head(head: &[u8]) -> Error {
    if head.is_empty() {
        return Error::corrupt("the file is empty").hint("its writing or download did not finish");
    }
    if let Some((_, what, hint)) = KNOWN.iter().find(|(start, ..)| head.starts_with(start)) {
        let error = Error::unsupported(format!("this is {what}, not a model"));
        return error.hint(if hint.is_empty() { MODELS } else { hint });
    }
    if head.iter().all(|byte| *byte == 0) {
        return Error::corrupt("the file starts with zeros only")
            .hint("its writing or download did not finish");
    }
    let text = String::from_utf8_lossy(head).trim_start().to_ascii_lowercase();
    if text.starts_with("<!doctype html") || text.starts_with("<html") {
        return Error::unsupported("this is a web page, not a model")
            .hint("a download gave the page about the file; fetch the file itself");
    }
    if text.starts_with("<?xml") || text.starts_with("<svg") {
        return Error::unsupported("this is XML, not a model").hint(MODELS);
    }
    if text.starts_with('{') || text.starts_with('[') {
        return Error::unsupported("this is JSON that describes no model that is known");
    }
    if is_text(head) {
        return Error::unsupported("this is a text file, not a model").hint(MODELS);
    }
    Error::unsupported("the content is of no known format").hint("the file may be cut, damaged or encrypted")
}

fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        // The last character may be cut by the end of what is looked at.
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    valid && head.iter().all(|byte| *byte >= 0x20 || matches!(byte, b'\t' | b'\n' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::ErrorKind;

    fn message(bytes: &[u8]) -> String {
        unknown(&Input::bytes("x.keras", bytes.to_vec())).message().to_owned()
    }

    #[test]
    fn the_message_names_what_the_file_is() {
        assert!(message(b"").contains("empty"));
        assert!(message(b"\x89PNG\r\n\x1a\n....").contains("PNG"));
        assert!(message(b"\n<!DOCTYPE html><html>").contains("web page"));
        assert!(message(b"version https://git-lfs.github.com/spec/v1\n").contains("git-lfs pointer"));
        assert!(message(b"\x80\x04\x95\x10").contains("pickle"));
        assert!(message("héllo world\n".as_bytes()).contains("text"));
        assert!(message(&[0; 64]).contains("zeros"));
        assert!(message(b"{\"a\": 1}").contains("JSON"));
        assert!(message(&[1, 2, 3, 250]).contains("no known format"));
    }

    #[test]
    fn an_empty_file_is_corrupt_and_a_picture_unsupported() {
        assert_eq!(unknown_head(b"").kind(), ErrorKind::Corrupt);
        assert_eq!(unknown_head(b"\x89PNG\r\n\x1a\n").kind(), ErrorKind::Unsupported);
    }
}
