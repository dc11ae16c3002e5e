//! The handles beside their peers.

mod common;

use benches::handles::Comparison;

fn main() {
    let mut criterion = common::criterion();
    for comparison in Comparison::ALL {
        match comparison.obstacle() {
            Some(obstacle) => eprintln!("skipped: {obstacle}"),
            None => common::group(&mut criterion, &comparison.to_string(), comparison.rows()),
        }
    }
    criterion.final_summary();
}
