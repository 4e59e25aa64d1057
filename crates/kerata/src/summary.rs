//! `summary`: the table of layers, letter for letter as Keras's `model.summary()` prints it.

use kerata_core::{Artifact, Result, Tree};
use kerata_nn::models::{Row, Summary};
use kerata_nn::{Model, Registry};

use crate::text::{memory, thousands};

/// The layers of a model with the sizes of its optimizer, as text and as data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The layers and totals.
    pub summary: Summary,
    /// Number of values of the optimizer's state; `None` when there is none.
    pub optimizer: Option<u64>,
    /// Bytes of the optimizer's state.
    pub optimizer_bytes: u64,
    is_sequential: bool,
    is_unbuilt: bool,
}

impl Report {
    /// Builds the layers of an artifact and looks at them; nothing is run.
    pub fn of(artifact: &Artifact, registry: &Registry, expand_nested: bool) -> Result<Self> {
        let mut summary = Model::from_artifact(artifact, registry)?.summary(expand_nested);
        fill_unbuilt(&mut summary, artifact);
        let is_sequential_class = artifact.config.as_ref().and_then(Tree::class_name) == Some("Sequential");
        if is_sequential_class {
            summary.rows.retain(|row| row.depth > 0 || row.class_name != "InputLayer");
        }
        // Inner optimizers (of loss scaling, of a map of optimizers) are stored a second time as children.
        let state: Vec<_> =
            artifact.optimizer().filter(|(path, _)| path.starts_with("optimizer/vars/")).collect();
        let class =
            artifact.compile_config.as_ref().and_then(|compile| compile.get("optimizer")?.class_name());
        // Iteration and learning rate alone: no step was taken yet, but for plain gradient descent.
        let is_built = state.len() > 2 || class == Some("SGD");
        let state = state.iter().filter(|_| is_built);
        let (count, bytes) =
            state.fold((0, 0), |(count, bytes), (_, v)| (count + v.elements(), bytes + v.data.len()));
        let is_sequential = is_sequential_class || is_chain(&summary.rows);
        // A Sequential of which neither the input nor any variable is known.
        let has_shapes = || summary.rows.iter().any(|row| row.output_shape != "?");
        let is_unbuilt = is_sequential_class && artifact.weights().next().is_none() && !has_shapes();
        let optimizer = (count > 0).then_some(count);
        Ok(Self { summary, optimizer, optimizer_bytes: bytes, is_sequential, is_unbuilt })
    }

    /// The table as Keras prints it, each line ended.
    pub fn text(&self, line_length: Option<usize>) -> String {
        let (default_length, positions, header): (usize, &[f64], &[&str]) = if self.is_sequential {
            (88, &[0.45, 0.80, 1.0], &["Layer (type)", "Output Shape", "Param #"])
        } else {
            (108, &[0.3, 0.56, 0.74, 1.0], &["Layer (type)", "Output Shape", "Param #", "Connected to"])
        };
        let length = line_length.unwrap_or(default_length);
        let widths = column_widths(length, positions);
        let mut out = format!("Model: \"{}\"\n", self.summary.name);
        let rows: Vec<Vec<String>> = self.summary.rows.iter().map(|row| self.cells(row)).collect();
        draw(&mut out, &widths, header, &rows);

        let summary = &self.summary;
        let total = summary.trainable + summary.non_trainable + self.optimizer.unwrap_or(0);
        let total_bytes = summary.trainable_bytes + summary.non_trainable_bytes + self.optimizer_bytes;
        let mut line = |label: &str, count: u64, bytes: u64| {
            out.push_str(&format!(" {label} params: {} ({})\n", thousands(count), memory(bytes)));
        };
        line("Total", total, total_bytes);
        line("Trainable", summary.trainable, summary.trainable_bytes);
        line("Non-trainable", summary.non_trainable, summary.non_trainable_bytes);
        if let Some(count) = self.optimizer {
            line("Optimizer", count, self.optimizer_bytes);
        }
        out
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let prefix = if row.depth > 0 { format!("{}└ ", "   ".repeat(row.depth)) } else { String::new() };
        let name = format!("{prefix}{} ({})", row.name, row.class_name);
        // Keras writes a shape of one axis without the comma here.
        let shape = row.output_shape.replace(",)", ")");
        let unbuilt = if self.is_unbuilt { " (unbuilt)" } else { "" };
        let mut cells = vec![name, shape, format!("{}{unbuilt}", thousands(row.parameters))];
        if !self.is_sequential {
            // Keras knows the connections of the outer model only.
            let connections = if row.depth > 0 { String::new() } else { row.connected_to.join(", ") };
            cells.push(if connections.is_empty() { "-".to_owned() } else { connections });
        }
        cells
    }
}

/// A layer whose code is not there, and those behind it, are not built: their stored variables are counted instead.
fn fill_unbuilt(summary: &mut Summary, artifact: &Artifact) {
    let is_built = summary.rows.iter().any(|row| row.parameters > 0) || artifact.weights().next().is_none();
    if is_built {
        return;
    }
    for row in summary.rows.iter_mut().filter(|row| row.depth == 0) {
        let of_name = |(_, name): &(&String, &Option<String>)| name.as_deref() == Some(&row.name);
        let is_layer = |path: &str| path.strip_prefix("layers/").is_some_and(|rest| !rest.contains('/'));
        let found = artifact.objects.iter().filter(|(path, _)| is_layer(path)).find(of_name);
        let Some((path, _)) = found else { continue };
        let prefix = format!("{path}/");
        for (_, variable) in artifact.weights().filter(|(path, _)| path.starts_with(&prefix)) {
            row.parameters += variable.elements();
            row.bytes += variable.data.len();
        }
    }
    let (trainable, frozen): (Vec<_>, Vec<_>) = artifact
        .weights()
        .map(|(_, variable)| variable)
        .partition(|variable| variable.trainable != Some(false));
    let count = |variables: &[&kerata_core::Variable]| variables.iter().map(|v| v.elements()).sum();
    let bytes = |variables: &[&kerata_core::Variable]| variables.iter().map(|v| v.data.len()).sum();
    (summary.trainable, summary.trainable_bytes) = (count(&trainable), bytes(&trainable));
    (summary.non_trainable, summary.non_trainable_bytes) = (count(&frozen), bytes(&frozen));
}

/// Whether each layer takes one tensor, that of the layer before it.
fn is_chain(rows: &[Row]) -> bool {
    let mut before: Option<&str> = None;
    for row in rows.iter().filter(|row| row.depth == 0) {
        let sources: Vec<&str> = row.connected_to.iter().filter_map(|text| text.split('[').next()).collect();
        let follows = match (before, sources.as_slice()) {
            (None, []) => true,
            (Some(before), [source]) => before == *source,
            _ => false,
        };
        if !follows {
            return false;
        }
        before = Some(&row.name);
    }
    true
}

/// Inner widths of the columns with a space on either side: what `rich` makes of Keras's shares of a line.
fn column_widths(line_length: usize, positions: &[f64]) -> Vec<usize> {
    const PADDING: usize = 2;
    let mut taken = 0;
    let wanted: Vec<usize> = positions
        .iter()
        .map(|position| {
            let width = ((position * line_length as f64) as usize).saturating_sub(taken);
            taken += width;
            width + PADDING
        })
        .collect();
    // The borders are not part of Keras's shares: every column gives its part of the excess, rounded half to even.
    let room = line_length.saturating_sub(positions.len() + 1);
    let mut excess = wanted.iter().sum::<usize>().saturating_sub(room);
    let mut left = wanted.len();
    wanted
        .into_iter()
        .map(|width| {
            let part = ((excess as f64 / left as f64).round_ties_even() as usize)
                .min(width.saturating_sub(PADDING + 1));
            excess -= part;
            left -= 1;
            width - part
        })
        .collect()
}

fn draw(out: &mut String, widths: &[usize], header: &[&str], rows: &[Vec<String>]) {
    let rule = |left: char, fill: char, middle: char, right: char| {
        let parts: Vec<String> = widths.iter().map(|width| fill.to_string().repeat(*width)).collect();
        format!("{left}{}{right}\n", parts.join(&middle.to_string()))
    };
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    out.push_str(&rule('┏', '━', '┳', '┓'));
    out.push_str(&lines_of(&header, widths, '┃'));
    out.push_str(&rule('┡', '━', '╇', '┩'));
    for (position, row) in rows.iter().enumerate() {
        if position > 0 {
            out.push_str(&rule('├', '─', '┼', '┤'));
        }
        out.push_str(&lines_of(row, widths, '│'));
    }
    out.push_str(&rule('└', '─', '┴', '┘'));
}

/// The lines of one row: cells wrapped to their column, the third column aligned to the right.
fn lines_of(cells: &[String], widths: &[usize], border: char) -> String {
    const RIGHT_ALIGNED: usize = 2;
    let wrapped: Vec<Vec<String>> =
        cells.iter().zip(widths).map(|(cell, width)| wrap(cell, width - 2)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(1);
    let mut out = String::new();
    for line in 0..height {
        out.push(border);
        for (column, (lines, width)) in wrapped.iter().zip(widths).enumerate() {
            let text = lines.get(line).map_or("", String::as_str);
            let padding = " ".repeat((width - 2).saturating_sub(text.chars().count()));
            match column {
                RIGHT_ALIGNED => out.push_str(&format!(" {padding}{text} {border}")),
                _ => out.push_str(&format!(" {text}{padding} {border}")),
            }
        }
        out.push('\n');
    }
    out
}

/// Breaks at spaces; a word longer than a line ends in an ellipsis.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in words(text) {
        let bare = word.trim_end().chars().count();
        if used > 0 && used + bare > width {
            lines.push(String::new());
            used = 0;
        }
        used += word.chars().count();
        lines.last_mut().expect("one line is there").push_str(&word);
    }
    lines.into_iter().map(|line| cut(line.trim_end(), width)).collect()
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Words, each with the spaces around it that come before the next word.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut current = String::new();
    let (mut has_letter, mut has_trailing_space) = (false, false);
    for c in text.chars() {
        if c == ' ' {
            has_trailing_space = has_letter;
        } else {
            if has_trailing_space {
                words.push(std::mem::take(&mut current));
                has_trailing_space = false;
            }
            has_letter = true;
        }
        current.push(c);
    }
    if !current.is_empty() {
        words.push(current);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_100_is_shared_as_keras_does() {
        // The inner widths of a table that Keras printed with `line_length=100`.
        assert_eq!(column_widths(100, &[0.45, 0.80, 1.0]), [44, 33, 19]);
    }

    #[test]
    fn names_wrap_before_the_class() {
        assert_eq!(
            wrap("   └ batch_normalization (BatchNormalization)", 42),
            ["   └ batch_normalization", "(BatchNormalization)"]
        );
        assert_eq!(wrap("abcdefgh (x)", 5), ["abcd…", "(x)"]);
    }
}
