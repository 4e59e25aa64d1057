//! From SVG to PNG, with two small fonts that come along, so that a picture is the same everywhere.

use std::sync::Arc;

use kerata_core::{Error, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

/// DejaVu Sans, Latin letters alone; see `fonts/LICENSE`.
const REGULAR: &[u8] = include_bytes!("../fonts/sans.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/sans-bold.ttf");
/// Longest side of a picture in pixels: more than programs show.
const MAX_SIDE: f32 = 16_384.0;

/// A PNG of an SVG document, with so many pixels for one.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>> {
    let mut fonts = Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let options =
        Options { fontdb: Arc::new(fonts), font_family: "DejaVu Sans".to_owned(), ..Options::default() };
    let tree = Tree::from_str(svg, &options)
        .map_err(|error| Error::internal(format!("the SVG is unsound: {error}")))?;
    let size = tree.size();
    let longest = size.width().max(size.height());
    if !scale.is_finite() || scale <= 0.0 {
        return Err(Error::usage(format!("`{scale}` is no scale")));
    }
    let scale = scale.min(MAX_SIDE / longest);
    let side = |length: f32| (length * scale).ceil().max(1.0) as u32;
    let mut pixels = Pixmap::new(side(size.width()), side(size.height()))
        .ok_or_else(|| Error::limit("the picture is too large for a PNG").hint("write an SVG"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| Error::internal(format!("the PNG cannot be written: {error}")))
}
