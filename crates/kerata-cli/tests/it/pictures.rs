//! `kerata plot`: every model can be drawn, as what its name says.

use std::ffi::OsString;
use std::path::Path;

use crate::kerata::{Outcome, golden, kerata};

fn plot(model: &str, out: &Path, more: &[&str]) -> Outcome {
    let model = golden(&format!("keras-3.15/{model}/model.keras"));
    let mut arguments: Vec<OsString> = vec!["plot".into(), model.into(), out.into()];
    arguments.extend(more.iter().map(OsString::from));
    kerata(&arguments)
}

#[test]
fn a_picture_shows_layers_of_nested_models_with_their_classes() {
    let folder = tempfile::tempdir().unwrap();
    let (open, closed) = (folder.path().join("open.svg"), folder.path().join("closed.svg"));
    assert_eq!(plot("nested_sequential", &open, &[]).status, 0);
    assert_eq!(plot("nested_sequential", &closed, &["--collapse"]).status, 0);
    let text = std::fs::read_to_string(&open).unwrap();
    assert!(text.contains("prefers-color-scheme: dark"));
    assert!(text.contains(">Sequential</text>") && text.contains(">Dense</text>"));
    let boxes = |path: &Path| std::fs::read_to_string(path).unwrap().matches("class=\"box\"").count();
    assert!(boxes(&open) > boxes(&closed));
}

#[test]
fn a_png_is_a_png_and_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let png = folder.path().join("model.png");
    assert_eq!(plot("unet", &png, &["--theme", "dark", "--scale", "1"]).status, 0);
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(plot("unet", &png, &[]).status, 16);
}

#[test]
fn a_name_that_says_no_picture_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.txt");
    assert_eq!(plot("unet", &out, &[]).status, 2);
    assert!(!out.exists());
}
