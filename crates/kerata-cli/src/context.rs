//! `Context`: what every command is given: the terminal, progress, and the wish to stop.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What every command is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// Whether the answer is JSON.
    pub json: bool,
    /// Set when the user pressed Ctrl-C: long work ends at the next block and cleans up behind itself.
    pub stop: Arc<AtomicBool>,
}

impl Context {
    /// A context that listens to Ctrl-C; a second one ends the process at once.
    pub fn new(json: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        // Without a handler Ctrl-C ends the process as usual: nothing is lost but tidiness.
        let _ = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(17);
            }
        });
        Self { json, stop }
    }

    /// A bar for work on so many bytes: on a terminal only, and only when the work is worth one.
    pub fn progress(&self, what: &str, total_bytes: u64) -> ProgressBar {
        const WORTH_A_BAR_BYTES: u64 = 64 << 20;
        if self.json || total_bytes < WORTH_A_BAR_BYTES || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style =
            ProgressStyle::with_template("{msg} {bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
                .expect("the template is fixed");
        let bar = ProgressBar::with_draw_target(Some(total_bytes), ProgressDrawTarget::stderr());
        bar.with_style(style).with_message(what.to_owned())
    }
}
