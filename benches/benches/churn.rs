//! One order made and freed.

mod common;

fn main() {
    common::family("churn");
}
