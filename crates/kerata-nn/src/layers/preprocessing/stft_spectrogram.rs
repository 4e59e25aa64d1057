//! `STFTSpectrogram`: short Fourier transforms of a signal, as a convolution.

use crate::initializers::STFT;
use crate::layers::convolutional::convolve;
use crate::layers::prelude::*;

config! {
    /// Short Fourier transforms of a signal, whose kernels can be trained.
    pub struct STFTSpectrogram {
        /// `log`, `magnitude`, `psd`, `real`, `imag`, `angle` or `stft`.
        mode: String = "log".to_owned(),
        /// Length of a window.
        frame_length: usize = 256,
        /// Distance of windows; half their length when there is none.
        frame_step: Option<usize> = None,
        /// Length of a transform; that of a window when there is none.
        fft_length: Option<usize> = None,
        /// `hann`, `hamming`, ...
        window: Option<String> = Some("hann".to_owned()),
        /// Whether the window is one of a periodic signal.
        periodic: bool = false,
        /// `density` or `spectrum`.
        scaling: Option<String> = Some("density".to_owned()),
        /// What lies around the signal.
        padding: Padding = Padding::Valid,
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// Whether channels get an axis of their own.
        expand_dims: bool = false,
    }
}

impl STFTSpectrogram {
    fn frequencies(&self) -> usize {
        self.fft_length.unwrap_or(self.frame_length) / 2 + 1
    }

    fn initializer(&self, side: &str) -> Initializer {
        let (window, scaling) = (self.window.clone(), self.scaling.clone());
        STFT::new().side(side).window(window).scaling(scaling).periodic(self.periodic).into()
    }

    /// Each channel through a kernel: `(batch, channels, frequencies, time)`.
    fn transformed(&self, x: &Tensor, kernel: &Tensor) -> Result<Tensor> {
        let x = match self.data_format {
            DataFormat::ChannelsLast => ops::transpose(x, &[0, 2, 1])?,
            DataFormat::ChannelsFirst => x.clone(),
        };
        let (channels, length) = (x.spec().known_axis(1)?, x.size(2));
        let signals = ops::reshape(&x, [ops::Size::Infer, length, ops::Size::Known(1)])?;
        let step = self.frame_step.unwrap_or(self.frame_length / 2);
        let waves = convolve(&signals, &ops::cast(kernel, x.dtype())?, &[step], self.padding, &[1])?;
        let waves = ops::transpose(&waves, &[0, 2, 1])?;
        let (frequencies, time) = (waves.size(1), waves.size(2));
        ops::reshape(&waves, [ops::Size::Infer, ops::Size::from(channels), frequencies, time])
    }

    /// The result with its axes where the layer has them.
    fn arranged(&self, x: &Tensor) -> Result<Tensor> {
        if self.expand_dims {
            return match self.data_format {
                DataFormat::ChannelsLast => ops::transpose(x, &[0, 3, 2, 1]),
                DataFormat::ChannelsFirst => ops::transpose(x, &[0, 1, 3, 2]),
            };
        }
        let width = x.spec().known_axis(1)? * x.spec().known_axis(2)?;
        let joined = ops::reshape(x, [ops::Size::Infer, ops::Size::from(width), x.size(3)])?;
        match self.data_format {
            DataFormat::ChannelsLast => ops::transpose(&joined, &[0, 2, 1]),
            DataFormat::ChannelsFirst => Ok(joined),
        }
    }
}

impl Layer for STFTSpectrogram {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        let shape = [self.frame_length, 1, self.frequencies()];
        if self.mode != "imag" {
            scope.variable("real_kernel", shape, &self.initializer("real"))?;
        }
        if self.mode != "real" {
            scope.variable("imag_kernel", shape, &self.initializer("imag"))?;
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let real = || self.transformed(x, &scope.get("real_kernel")?);
        let imaginary = || self.transformed(x, &scope.get("imag_kernel")?);
        let power = || ops::add(&ops::square(&real()?)?, &ops::square(&imaginary()?)?);
        let floor = |x: &Tensor| ops::maximum(x, &ops::scalar(x, 1e-7)?);
        let result = match self.mode.as_str() {
            "real" => real()?,
            "imag" => imaginary()?,
            "angle" => ops::arctan2(&imaginary()?, &real()?)?,
            "stft" => ops::concatenate(&[real()?, imaginary()?], 2)?,
            "psd" => {
                // All frequencies but the first and last stand for their negatives too.
                let power = power()?;
                let inner = ops::slice_axis(&power, 2, ops::Range::new(1, -1))?;
                let widths = [(0, 0), (0, 0), (1, 1), (0, 0)];
                ops::add(&power, &ops::pad(&inner, &widths, ops::PadMode::Constant, 0.0)?)?
            }
            "magnitude" => ops::sqrt(&floor(&power()?)?)?,
            "log" => ops::log(&floor(&ops::sqrt(&floor(&power()?)?)?)?)?,
            other => return Err(Error::unsupported(format!("mode `{other}`"))),
        };
        Ok(vec![self.arranged(&result)?])
    }
}
