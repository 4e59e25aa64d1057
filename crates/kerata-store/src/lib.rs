//! Named bytes at rest: storage, atomic publish, mapped files.
