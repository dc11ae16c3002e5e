//! One thread makes, another frees.

mod common;

fn main() {
    common::family("pipe");
}
