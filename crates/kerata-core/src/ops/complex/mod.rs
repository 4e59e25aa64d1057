//! Complex numbers and Fourier transforms.

mod stft;

use crate::ops::room;

room! {
    complex => ToComplex { angle, complex, complex_abs, conj };
    fft => Fft { fft, fft2, ifft, ifft2, irfft, rfft };
    imag => ImagPart { imag };
    real => RealPart { real };
}

pub use stft::{extract_sequences, hamming_window, hann_window, stft};
