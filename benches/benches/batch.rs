//! Many orders made, then all freed.

mod common;

fn main() {
    common::family("batch");
}
