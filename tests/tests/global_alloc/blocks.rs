//! Blocks by hand: sizes, alignments, zeros, and what becomes of them when they grow.

use tests::blocks::{Block, Global, sizes};
use tests::{Dice, scaled};

const MIB: usize = 1 << 20;

/// All sizes live at once: no two share a byte.
#[test]
fn every_size() {
    let mut blocks = Vec::new();
    for round in 0..scaled(3, 1) {
        for size in sizes() {
            blocks.push(Block::new(size, 1, size + round));
            blocks.push(Block::new(size, 8, size + round + 1));
        }
        // Holes for the next round.
        let mut n = 0;
        blocks.retain(|_| {
            n += 1;
            n % 3 > 0
        });
    }
    blocks.iter().for_each(Block::assert_intact);
}

#[test]
fn every_alignment() {
    let logs = if cfg!(miri) { [0, 4, 12] } else { [0, 0, 0] };
    let logs: Vec<u32> = if cfg!(miri) {
        logs.into()
    } else {
        (0..=16).chain([21]).collect()
    };
    let mut blocks = Vec::new();
    for align in logs.into_iter().map(|log| 1 << log) {
        for size in [1, 7, 24, 1000, 5000, align, align + 1, 3 * align] {
            for seed in 0..scaled(4, 1) {
                blocks.push(Block::new(size, align, seed + size));
                let zeroed = Block::zeroed_in(Global, size, align, seed);
                blocks.push(zeroed.expect("memory"));
            }
        }
        let dice = Dice::new(align as u64);
        for _ in 0..scaled(20, 2) {
            let n = dice.below(blocks.len());
            let block = &mut blocks[n];
            assert!(block.resize(block.size() / 2 + dice.below(block.size() + 1) + 1));
        }
    }
}

/// A block grows by small steps through all classes, then by large ones, and goes the same way back.
#[test]
fn a_block_grows_to_64_mib_and_shrinks() {
    let most = scaled(64 * MIB, 100_000);
    for align in [1, 16, 64, 4096, 65_536] {
        let mut steps = sizes();
        let mut size = 1_000_000;
        while size < most {
            steps.push(size);
            size += size / 3;
        }
        steps.push(most);
        let back = steps.iter().rev().skip(1).copied();
        let steps: Vec<_> = steps.iter().copied().chain(back).collect();
        let mut block = Block::new(1, align, align);
        for size in steps {
            assert!(block.resize(size), "{size} bytes");
            assert_eq!(block.size(), size);
        }
    }
}

/// From any size to any other.
#[test]
fn blocks_are_resized_at_random() {
    let dice = Dice::new(7);
    let sizes = sizes();
    let size = || {
        let end = sizes[dice.below(sizes.len())];
        if dice.below(2) == 0 {
            end
        } else {
            1 + dice.below(end)
        }
    };
    let mut blocks: Vec<_> = (0..scaled(40, 8))
        .map(|n| Block::new(size(), 1 << dice.below(8), n))
        .collect();
    for n in 0..scaled(6000, 40) {
        let place = dice.below(blocks.len());
        match dice.below(8) {
            0 => blocks[place] = Block::new(size(), 1 << dice.below(8), n),
            _ => assert!(blocks[place].resize(size())),
        }
    }
}

/// Memory that was in use is zeroed, and that which the system just gave is, too.
#[test]
fn zeroed_is_zero_when_used_again() {
    for size in sizes() {
        let count = scaled((200_000 / size).clamp(2, 300), 2);
        for round in 0..3 {
            let dirty: Vec<_> = (0..count).map(|n| Block::new(size, 8, n)).collect();
            drop(dirty);
            let zeroed: Vec<_> = (0..count)
                .map(|n| Block::zeroed_in(Global, size, 8, n + round).expect("memory"))
                .collect();
            zeroed.iter().for_each(Block::assert_intact);
        }
    }
    let mut large = vec![0_u8; scaled(8 * MIB, 100_000)];
    assert!(large.iter().all(|byte| *byte == 0));
    large.fill(1);
    drop(large);
    let again = vec![0_u8; scaled(8 * MIB, 100_000)];
    assert!(again.iter().all(|byte| *byte == 0));
}
