//! Layers that prepare data: numbers, categories, text, signals.

use super::Layer;
use crate::config::macros::family;

mod encode;
mod vocabulary;

family! { dyn Layer;
    category_encoding => CategoryEncoding,
    discretization => Discretization,
    hashed_crossing => HashedCrossing,
    hashing => Hashing,
    integer_lookup => IntegerLookup,
    mel_spectrogram => MelSpectrogram,
    normalization => Normalization,
    rescaling => Rescaling,
    stft_spectrogram => STFTSpectrogram,
    string_lookup => StringLookup,
    text_vectorization => TextVectorization,
    tfd_concat => TFDConcat,
    tfd_identity => TFDIdentity,
}
