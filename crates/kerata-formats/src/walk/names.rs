//! Names in paths: snake case of class names and suffixes of repeated ones.

use std::collections::HashMap;

/// A class name as Keras puts it into paths: `Conv1DTranspose` is `conv1d_transpose`.
pub fn snake_case(class_name: &str) -> String {
    let letters: Vec<char> = class_name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    // First pass: `_` between any letter and a capital with small letters after it; found pieces do not overlap.
    let is_word = |at: usize| {
        let capital = letters.get(at).is_some_and(char::is_ascii_uppercase);
        capital && letters.get(at + 1).is_some_and(char::is_ascii_lowercase)
    };
    let mut words = String::new();
    let mut at = 0;
    while let Some(c) = letters.get(at) {
        words.push(*c);
        at += 1;
        if is_word(at) {
            words.push('_');
            let small = letters.iter().skip(at + 1).take_while(|c| c.is_ascii_lowercase()).count();
            words.extend(letters.iter().skip(at).take(small + 1));
            at += small + 1;
        }
    }
    // Second pass: a small letter before a capital.
    let mut snake = String::new();
    let mut before = ' ';
    for c in words.chars() {
        if before.is_ascii_lowercase() && c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
        before = c;
    }
    snake
}

/// The name of an item inside a list or dictionary: the snake-case class name, with `_1`, `_2`, ... for repeats.
pub fn container_key(class_name: &str, used: &mut HashMap<String, usize>) -> String {
    let name = snake_case(class_name);
    let count = used.entry(name.clone()).and_modify(|count| *count += 1).or_insert(0);
    if *count == 0 { name } else { format!("{name}_{count}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Right-hand sides are what `keras.src.utils.naming.to_snake_case` gives.
    #[test]
    fn class_names_become_keras_snake_case() {
        let cases = [
            ("Conv2D", "conv2d"),
            ("Conv1DTranspose", "conv1d_transpose"),
            ("LSTMCell", "lstm_cell"),
            ("PReLU", "p_re_lu"),
            ("ReLU", "re_lu"),
            ("LeakyReLU", "leaky_re_lu"),
            ("GRU", "gru"),
            ("_Private", "__private"),
            ("UpSampling2D", "up_sampling2d"),
            ("TFSMLayer", "tfsm_layer"),
            ("MyDense", "my_dense"),
            ("BatchNormalization", "batch_normalization"),
            ("ConvLSTM2D", "conv_lstm2d"),
            ("RMSprop", "rm_sprop"),
            ("SimpleRNNCell", "simple_rnn_cell"),
            ("TFDConcat", "tfd_concat"),
            ("StackedRNNCells", "stacked_rnn_cells"),
            ("ScheduleFreeAdamW", "schedule_free_adam_w"),
            ("MLPBlock", "mlp_block"),
            ("ABlockB2C", "a_block_b2c"),
            ("AaBbCc", "aa_bb_cc"),
            ("XYzWv", "x_yz_wv"),
        ];
        for (class, snake) in cases {
            assert_eq!(snake_case(class), snake, "{class}");
        }
    }
}
