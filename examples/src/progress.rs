//! A progress bar for people at a terminal, nothing for anybody else.
//!
//! It is moved between batches and draws itself 20 times a second at most, without a thread of its
//! own.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};

/// A bar that counts messages.
pub(crate) fn of_messages(messages: u64) -> ProgressBar {
    bar(
        Some(messages),
        "{bar:40} {human_pos} of {human_len} messages",
    )
}

/// A bar that counts the bytes of a file; without an end if the size is not known.
pub(crate) fn of_file(bytes: Option<u64>) -> ProgressBar {
    let template = match bytes {
        Some(_) => "{bar:40} {bytes} of {total_bytes}",
        None => "{spinner} {bytes}",
    };
    bar(bytes, template)
}

fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    let target = match io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    ProgressBar::with_draw_target(length, target).with_style(style)
}
