//! Recurrent layers: a cell that is called step after step.

use super::Layer;
use crate::config::macros::family;

mod cell_layer;
mod conv_lstm;
mod dropout;
mod recurrence;

family! { dyn Layer;
    conv_lstm1d => ConvLSTM1D,
    conv_lstm2d => ConvLSTM2D,
    conv_lstm3d => ConvLSTM3D,
    gru => GRU,
    gru_cell => GRUCell,
    lstm => LSTM,
    lstm_cell => LSTMCell,
    rnn => RNN,
    simple_rnn => SimpleRNN,
    simple_rnn_cell => SimpleRNNCell,
    stacked_rnn_cells => StackedRNNCells,
}
