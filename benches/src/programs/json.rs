//! A large document is read into a tree, and written again.

use super::{Outcome, digest, part};
use crate::process::timed;
use crate::work::Random;
use serde_json::Value;
use std::fmt::Write as _;
use std::hint::black_box;

/// Bytes of the document, about.
const BYTES: u64 = 20_000_000;

pub(super) fn run(percent: u32) -> Outcome {
    let document = document(part(BYTES, percent) as usize);
    let mut printed = String::new();
    let (elapsed, _) = timed(|| {
        let mut tree: Value = serde_json::from_str(&document).expect("it is well-formed");
        black_box(&mut tree);
        printed = serde_json::to_string(&tree).expect("a tree can be written");
    });
    Outcome {
        elapsed,
        digest: digest(&printed),
    }
}

/// A list of orders with names, notes and fills, as services send them.
fn document(bytes: usize) -> String {
    // All of it is there before the clock starts, and does not grow.
    let mut text = String::with_capacity(bytes + 4_096);
    let mut random = Random::new();
    text.push('[');
    for id in 0_u64.. {
        if id > 0 {
            text.push(',');
        }
        let price = random.below(1_000_000);
        write!(
            text,
            r#"{{"id":{id},"symbol":"S{}","price":{}.{:02},"live":{},"owner":null,"note":"{}","fills":["#,
            random.below(5_000),
            price / 100,
            price % 100,
            id % 3 == 0,
            &"of no great length, but some are longer than others, \\u00e9\\n"
                [..random.below(53) as usize],
        )
        .expect("strings take all");
        for fill in 0..random.below(6) {
            let comma = if fill > 0 { "," } else { "" };
            let (qty, time) = (random.below(1_000), random.below(u32::MAX));
            write!(
                text,
                r#"{comma}{{"qty":{qty},"time":{time},"by":[{fill},-{qty}e-2]}}"#
            )
            .expect("strings take all");
        }
        text.push_str("]}");
        if text.len() >= bytes {
            break;
        }
    }
    text.push(']');
    text
}
