//! Save, load, check, convert, run and train Keras models.
#![forbid(unsafe_code)]
