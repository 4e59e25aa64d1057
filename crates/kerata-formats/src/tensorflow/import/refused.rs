//! Ops that reach outside the graph: they are never run.

/// Op, and what it does.
const REFUSED: &[(&str, &str)] = &[
    ("EagerPyFunc", "runs Python code"),
    ("FixedLengthRecordReaderV2", "reads files"),
    ("IdentityReaderV2", "reads files"),
    ("InitializeTableFromTextFile", "reads a file"),
    ("LoadLibrary", "loads code"),
    ("MatchingFiles", "lists files"),
    ("MergeV2Checkpoints", "writes files"),
    ("PrintV2", "writes to the log or a file"),
    ("PyFunc", "runs Python code"),
    ("PyFuncStateless", "runs Python code"),
    ("ReadFile", "reads a file"),
    ("ReaderReadV2", "reads files"),
    ("RemoteCall", "calls another machine"),
    ("Restore", "reads files"),
    ("RestoreSlice", "reads files"),
    ("RestoreV2", "reads files"),
    ("Save", "writes files"),
    ("SaveSlices", "writes files"),
    ("SaveV2", "writes files"),
    ("TextLineDataset", "reads files"),
    ("TextLineReaderV2", "reads files"),
    ("TFRecordDataset", "reads files"),
    ("TFRecordReaderV2", "reads files"),
    ("WholeFileReaderV2", "reads files"),
    ("WriteFile", "writes a file"),
];

/// Why an op is refused.
pub fn reason(op: &str) -> Option<&'static str> {
    REFUSED.iter().find(|entry| entry.0 == op).map(|entry| entry.1)
}
