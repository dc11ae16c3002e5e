//! How much memory a million orders use: the growth of the process, beside the orders' own bytes.
//! Fails if there is more than 3 % beyond them.

use benches::Order;
use pool::PoolBox;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::process::ExitCode;
use std::{fs, io};

const ORDERS: usize = 1_000_000;
const NET: usize = ORDERS * size_of::<Order>();
const MOST_PERCENT: f64 = 3.0;

fn main() -> io::Result<ExitCode> {
    let mut orders: Vec<PoolBox<Order>> = Vec::with_capacity(ORDERS);
    // The handles' memory is resident before the first reading. Shown to the optimiser, it cannot
    // become memory that was zeroed without being touched.
    black_box(&mut orders);
    orders.spare_capacity_mut().fill_with(MaybeUninit::zeroed);
    black_box(&mut orders);
    // So is what reading takes.
    resident()?;

    let before = resident()?;
    orders.extend((0..ORDERS as u64).map(|n| PoolBox::new(Order::nth(n))));
    let after = resident()?;

    let kept = orders
        .iter()
        .zip(0..)
        .all(|(order, n)| **order == Order::nth(n));
    assert!(kept && orders.len() == ORDERS, "the orders were not kept");
    let growth = after.saturating_sub(before);
    assert!(
        growth >= NET - NET / 100,
        "{growth} bytes cannot hold the orders"
    );
    let over = (growth as f64 / NET as f64 - 1.0) * 100.0;
    println!(
        "{ORDERS} orders of {} bytes: {NET} bytes",
        size_of::<Order>()
    );
    println!("growth of resident memory:   {growth} bytes, {over:+.2} %");
    if over > MOST_PERCENT {
        println!("too much: at most {MOST_PERCENT} % over is allowed");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Bytes of this process that are in memory. The kernel counts them page by page for this file, and
/// keeps no margin as for `VmRSS`.
fn resident() -> io::Result<usize> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup")?;
    let kilobytes = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Rss:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<usize>().ok());
    let unknown = || io::Error::other("no `Rss` in /proc/self/smaps_rollup");
    Ok(kilobytes.ok_or_else(unknown)? * 1024)
}
