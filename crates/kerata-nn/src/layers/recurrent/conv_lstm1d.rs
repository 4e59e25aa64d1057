//! `ConvLSTM1D`: an LSTM whose products are convolutions over 1 axes.

use kerata_core::Role;

use super::conv_lstm::{ConvLSTMCell, conv_lstm};
use super::lstm_cell::UnitForgetBias;
use super::recurrence::{ARGUMENTS, Recurrence, state_name};
use crate::layers::convolutional::{Spatial, convolve};
use crate::layers::prelude::*;

conv_lstm! {
    /// An LSTM whose products are convolutions over 1 axes.
    ConvLSTM1D, 1
}
