//! Layers that prepare data: numbers, categories, text, signals.

use super::Layer;
use crate::config::macros::family;

mod encode;

family! { dyn Layer;
    category_encoding => CategoryEncoding,
    discretization => Discretization,
    mel_spectrogram => MelSpectrogram,
    normalization => Normalization,
    rescaling => Rescaling,
    stft_spectrogram => STFTSpectrogram,
}
