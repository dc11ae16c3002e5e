//! Allocators beside each other, two threads where there are several.

mod common;

use benches::allocators::Comparison;

const THREADS: usize = 2;

fn main() {
    let mut criterion = common::criterion();
    for comparison in Comparison::ALL {
        match comparison.obstacle(THREADS) {
            Some(obstacle) => eprintln!("skipped: {obstacle}"),
            None => {
                let rows = comparison.rows(THREADS, |_| true);
                common::group(&mut criterion, &comparison.to_string(), rows);
            }
        }
    }
    criterion.final_summary();
}
