//! Recurrent layers and their cells.

use crate::walk::facts::{Child, Class, Facts, Own, Part, named};

/// The family.
pub(super) const CLASSES: &[Class] = &[
    Class::holds("Bidirectional", |facts| {
        let forward = facts.part("layer").map(|layer| renamed(layer, "forward_"));
        let backward = match facts.part("backward_layer") {
            Some(layer) => Some(layer),
            None => facts.part("layer").map(|layer| renamed(layer, "backward_")),
        };
        let forward = forward.map(|layer| Child::one("forward_layer", layer));
        forward.into_iter().chain(backward.map(|layer| Child::one("backward_layer", layer))).collect()
    }),
    Class::holds("ConvLSTM1D", |facts| cell(facts, "ConvLSTMCell", "conv_lstm_cell")),
    Class::holds("ConvLSTM2D", |facts| cell(facts, "ConvLSTMCell", "conv_lstm_cell")),
    Class::holds("ConvLSTM3D", |facts| cell(facts, "ConvLSTMCell", "conv_lstm_cell")),
    Class::own("ConvLSTMCell", cell_variables),
    Class::holds("GRU", |facts| cell(facts, "GRUCell", "gru_cell")),
    Class::own("GRUCell", cell_variables),
    Class::holds("LSTM", |facts| cell(facts, "LSTMCell", "lstm_cell")),
    Class::own("LSTMCell", cell_variables),
    Class::holds("RNN", |facts| {
        let listed = facts.get("cell").is_some_and(|cell| cell.as_list().is_some());
        if listed {
            let cells = Part::implied("StackedRNNCells", "stacked_rnn_cells").configured_as(facts);
            return vec![Child::one("cell", cells)];
        }
        facts.part("cell").map(|cell| Child::one("cell", cell)).into_iter().collect()
    }),
    Class::holds("SimpleRNN", |facts| cell(facts, "SimpleRNNCell", "simple_rnn_cell")),
    Class::own("SimpleRNNCell", cell_variables),
    Class::holds("StackedRNNCells", |facts| {
        let cells = facts.parts("cells");
        vec![Child::list("cells", if cells.is_empty() { facts.parts("cell") } else { cells })]
    }),
];

fn cell_variables(facts: &Facts<'_>) -> Vec<Own> {
    named(&[("kernel", true), ("recurrent_kernel", true), ("bias", facts.flag("use_bias", true))])
}

/// The cell of a layer that makes its own.
fn cell<'a>(facts: &Facts<'a>, class: &str, name: &str) -> Vec<Child<'a>> {
    // Activations that are layers are attributes of the layer too, and `activation` comes before `cell`.
    let part = Part::implied(class, name).configured_as(facts);
    vec![Child::one("cell", part)]
}

/// Keras 3 writes the prefix into the config; older configs lack it.
fn renamed<'a>(mut layer: Part<'a>, prefix: &str) -> Part<'a> {
    let name = layer.name.take().unwrap_or_default();
    let bare = name.strip_prefix("forward_").or_else(|| name.strip_prefix("backward_")).unwrap_or(&name);
    layer.name = Some(format!("{prefix}{bare}"));
    layer
}
