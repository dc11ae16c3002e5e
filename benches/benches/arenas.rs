//! Arenas beside their peers.

mod common;

use benches::arenas::Comparison;

fn main() {
    let mut criterion = common::criterion();
    for comparison in Comparison::ALL {
        common::group(&mut criterion, comparison.name(), comparison.rows());
    }
    criterion.final_summary();
}
