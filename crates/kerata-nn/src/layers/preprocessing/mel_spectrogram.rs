//! `MelSpectrogram`: how loud a signal is at pitches over time.

use kerata_core::array::Array;

use crate::layers::prelude::*;

config! {
    /// The loudness of a signal at pitches over time: `(batch, pitches, time)`.
    pub struct MelSpectrogram {
        /// Length of a Fourier transform.
        fft_length: usize = 2048,
        /// Distance of windows.
        sequence_stride: usize = 512,
        /// Length of a window; that of the transform when there is none.
        sequence_length: Option<usize> = None,
        /// `hann` or `hamming`.
        window: Option<String> = Some("hann".to_owned()),
        /// Samples in a second.
        sampling_rate: f64 = 16_000.0,
        /// Number of pitches.
        num_mel_bins: usize = 128,
        /// The lowest frequency.
        min_freq: f64 = 20.0,
        /// The highest frequency; half the sampling rate when there is none.
        max_freq: Option<f64> = None,
        /// Whether loudness is in decibels.
        power_to_db: bool = true,
        /// How far below the loudest what is kept may be.
        top_db: f64 = 80.0,
        /// Power of the magnitudes.
        mag_exp: f64 = 2.0,
        /// The least power.
        min_power: f64 = 1e-10,
        /// The power of 0 decibels.
        ref_power: f64 = 1.0,
    }
}

impl MelSpectrogram {
    /// How much each frequency counts for each pitch: triangles on the mel scale.
    fn weights(&self) -> Result<Array> {
        let mel = |hertz: f64| 1127.0 * (1.0 + hertz / 700.0).ln();
        let nyquist = self.sampling_rate / 2.0;
        let bins = self.fft_length / 2 + 1;
        let (low, high) = (mel(self.min_freq), mel(self.max_freq.filter(|&max| max > 0.0).unwrap_or(nyquist)));
        let edge = |at: usize| low + (high - low) * at as f64 / (self.num_mel_bins + 1) as f64;
        let mut weights = Vec::with_capacity(bins * self.num_mel_bins);
        for bin in 0..bins {
            let pitch = mel(nyquist * bin as f64 / (bins.max(2) - 1) as f64);
            for band in 0..self.num_mel_bins {
                let (lower, center, upper) = (edge(band), edge(band + 1), edge(band + 2));
                let rising = (pitch - lower) / (center - lower);
                let falling = (upper - pitch) / (upper - center);
                // The constant part of the signal has no pitch.
                weights.push(if bin == 0 { 0.0 } else { rising.min(falling).max(0.0) as f32 });
            }
        }
        Array::from_f32([bins, self.num_mel_bins], weights)
    }

    fn decibels(&self, power: &Tensor) -> Result<Tensor> {
        let log = |x: &Tensor| ops::times(&ops::log10(&ops::maximum(x, &ops::scalar(x, self.min_power)?)?)?, 10.0);
        let loudness = ops::plus(&log(power)?, -10.0 * self.ref_power.abs().max(self.min_power).log10())?;
        let least = ops::plus(&ops::max(&loudness, &[], false)?, -self.top_db)?;
        ops::maximum(&loudness, &least)
    }
}

impl Layer for MelSpectrogram {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let dtype = if scope.compute_dtype() == DType::Float64 { DType::Float64 } else { DType::Float32 };
        let x = ops::cast(inputs.only()?, dtype)?;
        let length = self.sequence_length.unwrap_or(self.fft_length);
        let window = match self.window.as_deref() {
            Some("hann") => Some(ops::hann_window(length)),
            Some("hamming") => Some(ops::hamming_window(length)),
            Some(other) => return Err(Error::unsupported(format!("window `{other}`"))),
            None => None,
        };
        let waves = ops::stft(&x, length, self.sequence_stride, self.fft_length, window.as_deref(), true)?;
        let size = ops::complex_abs(&waves)?;
        let power = ops::power(&size, &ops::scalar(&size, self.mag_exp)?)?;
        let weights = scope.builder().constant(self.weights()?.cast(dtype)?);
        let mut loudness = ops::matmul(&power, &weights)?;
        if self.power_to_db {
            loudness = self.decibels(&loudness)?;
        }
        Ok(vec![ops::cast(&ops::swap_last(&loudness)?, scope.compute_dtype())?])
    }
}
