//! The last chapter: `report.html`, one file that opens offline, in light and dark.

mod chart;

use std::fmt::Write as _;
use std::time::Instant;

use kerata_core::{Result, Sink};

use super::small;
use super::story::{Story, Told, time};
use chart::Line;

const PAGE: &str = include_str!("page.html");

pub fn tell(story: &mut Story) -> Result<()> {
    story.chapter("The report");
    let path = story.path("report.html");
    let start = Instant::now();
    let page = page(story)?;
    kerata::save_with(&path, true, |sink: &mut dyn Sink| sink.write(page.as_bytes()))?;
    story.step_with("open report.html", start, &path, "curves, sizes, the model as a picture");
    Ok(())
}

fn page(story: &Story) -> Result<String> {
    let history = &story.history;
    let line = |name: &'static str, label: &'static str| Line { label, values: history.get(name) };
    let loss = chart::lines("Loss", &[line("loss", "training"), line("val_loss", "validation")]);
    let accuracy = chart::lines("Accuracy", &[line("accuracy", "training"), line("val_accuracy", "validation")]);
    let graph = kerata::plot(&story.model.to_artifact(), &kerata::PlotOptions::new())?;
    let chapters: String = story.chapters.iter().enumerate().map(|(at, told)| chapter(at + 1, told)).collect();
    let values = [
        ("{{accuracy}}", format!("{:.2}&thinsp;%", 100.0 * story.accuracy(&story.expected)?)),
        ("{{parameters}}", kerata::text::thousands(story.model.count_params())),
        ("{{epochs}}", history.epochs().to_string()),
        ("{{version}}", env!("CARGO_PKG_VERSION").to_owned()),
        ("{{loss}}", loss),
        ("{{curve}}", accuracy),
        ("{{sizes}}", chart::bars(&story.forms)),
        ("{{forms}}", forms(story)),
        ("{{graph}}", data_url(&graph)),
        ("{{chapters}}", chapters),
    ];
    Ok(values.iter().fold(PAGE.to_owned(), |page, (mark, value)| page.replace(mark, value)))
}

fn forms(story: &Story) -> String {
    let whole = story.forms.first().map_or(0, |form| form.bytes);
    let mut out = String::new();
    for form in &story.forms {
        let cells = small::row(form, whole);
        let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
        let _ = writeln!(out, "<tr>{cells}</tr>");
    }
    out
}

fn chapter(number: usize, told: &Told) -> String {
    let mut out = format!("<section class=\"chapter\"><h3><span>{number}</span>{}</h3>\n", escaped(told.title));
    for step in &told.steps {
        let _ = writeln!(out, "<pre>{}</pre>", escaped(step.how));
        let left = step.left.as_ref().map_or_else(String::new, |(path, bytes)| {
            format!("<code>{}</code> {} · ", escaped(&path.display().to_string()), kerata::text::memory(*bytes))
        });
        let found = if step.found.is_empty() { String::new() } else { format!(" · {}", escaped(&step.found)) };
        let _ = writeln!(out, "<p>{left}{}{found}</p>", time(step.seconds));
    }
    out.push_str("</section>\n");
    out
}

/// A picture in a URL, so that its styles and those of the page keep apart.
fn data_url(svg: &str) -> String {
    let mut url = "data:image/svg+xml,".to_owned();
    for c in svg.chars() {
        match c {
            '"' | '#' | '%' | '<' | '>' | '&' | '\'' => {
                let _ = write!(url, "%{:02X}", u32::from(c));
            }
            c => url.push(c),
        }
    }
    url
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
