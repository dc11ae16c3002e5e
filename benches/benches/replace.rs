//! Random replacement among many that are live.

mod common;

fn main() {
    common::family("replace");
}
