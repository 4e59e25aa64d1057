//! `ConvLSTM3D`: an LSTM whose products are convolutions over 3 axes.

use kerata_core::Role;

use super::conv_lstm::{ConvLSTMCell, conv_lstm};
use super::lstm_cell::UnitForgetBias;
use super::recurrence::{ARGUMENTS, Recurrence, state_name};
use crate::layers::convolutional::{Spatial, convolve};
use crate::layers::prelude::*;

conv_lstm! {
    /// An LSTM whose products are convolutions over 3 axes.
    ConvLSTM3D, 3
}
