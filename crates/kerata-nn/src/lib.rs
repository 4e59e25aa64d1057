//! The Keras vocabulary: layers, activations, losses, optimizers, composed of ops only.
#![forbid(unsafe_code)]
