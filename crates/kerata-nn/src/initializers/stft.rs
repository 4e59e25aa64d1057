//! `STFT`: the kernel of a short-time Fourier transform.

use std::f64::consts::PI;

use kerata_core::array::Array;
use kerata_core::graph::Tensor;
use kerata_core::{Error, Result};

use super::{Initialize, Start};
use crate::config;

config! {
    /// Cosines or sines of each frequency, under a window.
    pub struct STFT {
        /// `real` (cosines) or `imag` (sines).
        side: String = "real".to_owned(),
        /// Name of the window: `hann`, `hamming`, `blackman`, `bartlett`, or none.
        window: Option<String> = Some("hann".to_owned()),
        /// Whether the window is periodic instead of symmetric.
        periodic: bool = false,
        /// What the window is divided by: `density` or `spectrum`, or nothing.
        scaling: Option<String> = Some("density".to_owned()),
    }
}

impl Initialize for STFT {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        let [length, 1, bins] = variable.shape[..] else {
            return Err(Error::mismatch(format!("expected (length, 1, bins), found {:?}", variable.shape)));
        };
        let window = self.window.as_deref().map(|name| window(name, length, self.periodic)).transpose()?;
        let scale = match (&window, self.scaling.as_deref()) {
            (Some(window), Some("density")) => window.iter().map(|w| w * w).sum::<f64>().sqrt(),
            (Some(window), Some("spectrum")) => window.iter().map(|w| w.abs()).sum(),
            _ => 1.0,
        };
        let period = (2 * bins.saturating_sub(1)).max(1) as f64;
        let mut values = Vec::with_capacity(length * bins);
        for time in 0..length {
            let weight = window.as_ref().and_then(|window| window.get(time)).map_or(1.0, |w| w / scale);
            for bin in 0..bins {
                let angle = -2.0 * PI * time as f64 * bin as f64 / period;
                values.push(weight * if self.side == "imag" { angle.sin() } else { angle.cos() });
            }
        }
        Ok(variable.builder.constant(Array::from_vec([length, 1, bins], values)?.cast(variable.dtype)?))
    }
}

/// A window of a length, as `scipy.signal.get_window` makes it.
pub(crate) fn window(name: &str, length: usize, periodic: bool) -> Result<Vec<f64>> {
    let coefficients: &[f64] = match name {
        "hann" | "hanning" => &[0.5, 0.5],
        "hamming" => &[0.54, 0.46],
        "blackman" => &[0.42, 0.5, 0.08],
        "bartlett" | "triang" | "rectangular" | "boxcar" | "ones" => &[],
        _ => return Err(Error::unsupported(format!("unknown window `{name}`"))),
    };
    let last = if periodic { length } else { length.saturating_sub(1) }.max(1) as f64;
    let at = |position: usize| {
        let x = position as f64 / last;
        match name {
            "bartlett" => 1.0 - (2.0 * x - 1.0).abs(),
            "triang" => 1.0 - (2.0 * (position as f64 + 1.0) / (length as f64 + 1.0) - 1.0).abs(),
            _ if coefficients.is_empty() => 1.0,
            _ => coefficients
                .iter()
                .enumerate()
                .map(|(k, c)| if k % 2 == 0 { 1.0 } else { -1.0 } * c * (2.0 * PI * k as f64 * x).cos())
                .sum(),
        }
    };
    Ok(if length == 1 { vec![1.0] } else { (0..length).map(at).collect() })
}
