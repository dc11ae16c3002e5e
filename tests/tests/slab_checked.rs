//! The feature `checked`: what is misused ends the program with a message that says what, where and whose. Each misuse
//! is a process of its own. (`--features pool/checked`; without it there is nothing to see.)

#![cfg(all(unix, not(miri)))]
#![allow(unsafe_code)]

use pool::SlabAlloc;
use std::alloc::{GlobalAlloc, Layout};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;
use tests::slab_traces::is_checked;

/// Set in the process that is to do it.
const ROLE: &str = "POOL_TEST_MISUSE";

/// Runs `misuse` in a process of its own, which has to end with a message that has all of `words` in it, and the address
/// that the process says first.
fn is_fatal(test: &str, words: &[&str], misuse: impl FnOnce(&SlabAlloc)) {
    if !is_checked() {
        eprintln!("skipped: the feature `checked` is off");
        return;
    }
    if std::env::var_os(ROLE).is_some() {
        misuse(&SlabAlloc::new());
        // Nothing runs any more that could end it.
        std::process::exit(0);
    }
    let output = Command::new(std::env::current_exe().expect("a test's own path"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, test)
        .output()
        .expect("the test runs again");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.signal(),
        Some(libc::SIGABRT),
        "{test}: {said}"
    );
    let announced = said.lines().find_map(|line| line.strip_prefix("it is "));
    let address = announced.expect("an address").to_owned();
    let message = said.lines().find(|line| line.starts_with("pool::"));
    let message = message.unwrap_or_else(|| panic!("{test}: no message: {said}"));
    for word in words.iter().chain([&address.as_str()]) {
        assert!(message.contains(word), "{test}: no `{word}`: {message}");
    }
}

/// A block for a layout, the address of which is said.
fn get(alloc: &SlabAlloc, layout: Layout) -> NonNull<u8> {
    let block = alloc.allocate(layout.size(), layout.align());
    said(block.expect("there is memory").cast())
}

fn said(block: NonNull<u8>) -> NonNull<u8> {
    let text = format!("it is {:#x}\n", block.addr());
    std::io::stderr()
        .write_all(text.as_bytes())
        .expect("a place for messages");
    block
}

fn put(alloc: &SlabAlloc, block: NonNull<u8>, layout: Layout) {
    // SAFETY: it is not safe, and meant to be seen.
    unsafe { alloc.deallocate(block, layout) };
}

fn set(block: NonNull<u8>, at: usize) {
    // SAFETY: within what the allocator has, if not within the block.
    let byte = unsafe { block.add(at) };
    // SAFETY: as above.
    unsafe { byte.write(1) };
}

const fn layout(size: usize) -> Layout {
    match Layout::from_size_align(size, 4) {
        Ok(layout) => layout,
        Err(_) => panic!("not a layout"),
    }
}

/// Has a class of 112 bytes.
const SOME: Layout = layout(100);
const LARGE: Layout = layout(100_000);

#[test]
fn a_double_free() {
    is_fatal(
        "a_double_free",
        &["double free", "112", "slab_checked.rs"],
        |alloc| {
            let block = get(alloc, SOME);
            put(alloc, block, SOME);
            put(alloc, block, SOME);
        },
    );
}

#[test]
fn a_double_free_names_the_lines() {
    // Those of the allocation, and of the first free.
    let (taken, freed) = (line!() + 6, line!() + 9);
    let words = [
        format!("slab_checked.rs:{taken}:"),
        format!("slab_checked.rs:{freed}:"),
    ];
    let misuse = |alloc: &SlabAlloc| {
        let block = alloc.allocate(100, 4).expect("memory");
        said(block.cast());
        // SAFETY: allocated with this layout.
        unsafe { alloc.deallocate(block.cast(), SOME) };
        put(alloc, block.cast(), SOME);
    };
    let words = words.each_ref().map(String::as_str);
    is_fatal("a_double_free_names_the_lines", &words, misuse);
}

#[test]
fn a_double_free_after_others() {
    is_fatal(
        "a_double_free_after_others",
        &["double free", "112"],
        |alloc| {
            // Beyond what a cache and the depot keep.
            let others: Vec<_> = (0..3000)
                .map(|_| alloc.allocate(100, 4).expect("memory").cast())
                .collect();
            let block = get(alloc, SOME);
            put(alloc, block, SOME);
            others.into_iter().for_each(|other| put(alloc, other, SOME));
            put(alloc, block, SOME);
        },
    );
}

#[test]
fn a_double_free_by_two_threads() {
    is_fatal(
        "a_double_free_by_two_threads",
        &["double free", "slab_checked.rs"],
        |alloc| {
            let block = get(alloc, SOME);
            let shared = AtomicPtr::new(block.as_ptr());
            thread::scope(|scope| {
                let free = || {
                    let block = NonNull::new(shared.load(Ordering::Relaxed));
                    put(alloc, block.expect("a block"), SOME);
                };
                scope.spawn(free).join().expect("the first is right");
            });
            put(alloc, block, SOME);
        },
    );
}

#[test]
fn a_double_free_of_a_large_block() {
    // Nothing is known of one that is gone.
    is_fatal("a_double_free_of_a_large_block", &["foreign"], |alloc| {
        let block = get(alloc, LARGE);
        put(alloc, block, LARGE);
        put(alloc, block, LARGE);
    });
}

#[test]
fn a_double_free_by_the_global_face() {
    is_fatal(
        "a_double_free_by_the_global_face",
        &["double free", "112"],
        |alloc| {
            // SAFETY: not of no bytes.
            let block = NonNull::new(unsafe { alloc.alloc(SOME) }).expect("memory");
            said(block);
            for _ in 0..2 {
                // SAFETY: right once.
                unsafe { alloc.dealloc(block.as_ptr(), SOME) };
            }
        },
    );
}

#[test]
fn a_foreign_block() {
    is_fatal(
        "a_foreign_block",
        &["foreign", "slab_checked.rs"],
        |alloc| {
            put(alloc, alloc.allocate(100, 4).expect("memory").cast(), SOME);
            let mut here = [0_u8; 100];
            put(alloc, said(NonNull::from(&mut here).cast()), SOME);
        },
    );
}

#[test]
fn a_foreign_block_of_an_allocator_that_has_none() {
    is_fatal(
        "a_foreign_block_of_an_allocator_that_has_none",
        &["foreign"],
        |alloc| {
            let mut here = [0_u8; 100];
            put(alloc, said(NonNull::from(&mut here).cast()), SOME);
        },
    );
}

#[test]
fn a_foreign_block_of_another_allocator() {
    is_fatal(
        "a_foreign_block_of_another_allocator",
        &["foreign", "slab_checked.rs"],
        |alloc| {
            put(alloc, alloc.allocate(100, 4).expect("memory").cast(), SOME);
            let other = SlabAlloc::new();
            put(alloc, get(&other, SOME), SOME);
        },
    );
}

#[test]
fn a_foreign_block_within_a_block() {
    is_fatal(
        "a_foreign_block_within_a_block",
        &["foreign", "112"],
        |alloc| {
            let block = alloc.allocate(100, 4).expect("memory").cast::<u8>();
            // SAFETY: within the block.
            put(alloc, said(unsafe { block.add(4) }), SOME);
        },
    );
}

#[test]
fn a_wrong_size() {
    is_fatal(
        "a_wrong_size",
        &["wrong size", "112", "slab_checked.rs"],
        |alloc| {
            put(alloc, get(alloc, SOME), layout(200));
        },
    );
}

#[test]
fn a_wrong_size_of_a_large_block() {
    is_fatal("a_wrong_size_of_a_large_block", &["wrong size"], |alloc| {
        put(alloc, get(alloc, LARGE), layout(200_000));
    });
}

#[test]
fn a_wrong_size_between_large_and_small() {
    is_fatal(
        "a_wrong_size_between_large_and_small",
        &["wrong size"],
        |alloc| {
            put(alloc, get(alloc, LARGE), SOME);
        },
    );
}

#[test]
fn a_wrong_size_when_it_grows() {
    is_fatal(
        "a_wrong_size_when_it_grows",
        &["wrong size", "112"],
        |alloc| {
            let block = get(alloc, SOME);
            // SAFETY: it is not safe, and meant to be seen.
            let _ = unsafe { alloc.reallocate(block, layout(200), 300) };
        },
    );
}

#[test]
fn an_overflow_by_one_byte() {
    is_fatal(
        "an_overflow_by_one_byte",
        &["overflow", "112", "slab_checked.rs"],
        |alloc| {
            let block = alloc.allocate(100, 4).expect("memory");
            said(block.cast());
            set(block.cast(), block.len());
            put(alloc, block.cast(), SOME);
        },
    );
}

#[test]
fn an_overflow_of_each_size() {
    is_fatal("an_overflow_of_each_size", &["overflow", "4096"], |alloc| {
        // Exactly a class's size, where there would be no room behind it.
        let block = get(alloc, layout(4096 - 8));
        set(block, 4096 - 8);
        put(alloc, block, layout(4096 - 8));
    });
}

#[test]
fn an_overflow_of_a_large_block() {
    is_fatal("an_overflow_of_a_large_block", &["overflow"], |alloc| {
        let block = get(alloc, LARGE);
        set(block, LARGE.size());
        put(alloc, block, LARGE);
    });
}

#[test]
fn an_overflow_seen_when_it_grows() {
    is_fatal(
        "an_overflow_seen_when_it_grows",
        &["overflow", "112"],
        |alloc| {
            let block = get(alloc, SOME);
            set(block, SOME.size());
            // SAFETY: allocated with this layout.
            let _ = unsafe { alloc.reallocate(block, SOME, 5000) };
        },
    );
}

#[test]
fn a_write_after_free() {
    is_fatal(
        "a_write_after_free",
        &["after free", "112", "slab_checked.rs"],
        |alloc| {
            let block = get(alloc, SOME);
            put(alloc, block, SOME);
            set(block, 50);
            for _ in 0..5000 {
                let _ = alloc.allocate(100, 4);
            }
        },
    );
}

#[test]
fn a_write_after_free_seen_by_a_trim() {
    is_fatal(
        "a_write_after_free_seen_by_a_trim",
        &["after free", "112"],
        |alloc| {
            let block = get(alloc, SOME);
            put(alloc, block, SOME);
            set(block, 0);
            alloc.trim();
        },
    );
}

#[test]
fn what_is_right_is_no_misuse() {
    let alloc = SlabAlloc::new();
    for size in (1..5000).step_by(37).chain([32 << 10, 33_000, 100_000]) {
        let block = alloc.allocate(size, 4).expect("memory");
        // All of the slice may be used.
        (0..block.len()).for_each(|at| set(block.cast(), at));
        let layout = layout(size);
        // SAFETY: allocated with this layout.
        let block = unsafe { alloc.reallocate(block.cast(), layout, 2 * size) };
        put(
            &alloc,
            block.expect("memory").cast(),
            self::layout(2 * size),
        );
    }
    assert_eq!(alloc.stats().live(), 0);
}
