//! Each attribute of the derive has the effect of the builder method of its name.

use pool::{NumaPolicy, PageSize, PoolConfig, Pooled};

/// The configuration that attributes give a type's pool. No pool is made of it.
macro_rules! attributes {
    ($($attribute:tt)*) => {{
        #[derive(Pooled)]
        #[pool($($attribute)*)]
        struct Order;

        Order::pool().config()
    }};
}

const BARE: PoolConfig = PoolConfig::new();

#[test]
fn nothing_said_is_the_default() {
    #[derive(Pooled)]
    struct Order;

    assert_eq!(Order::pool().config(), BARE);
    assert_eq!(attributes!(), BARE);
}

/// Each alone, against the method; that something came of it, too.
#[test]
fn one_at_a_time() {
    let both = [
        (attributes!(capacity = 77), BARE.capacity(77)),
        (attributes!(magazine = 7), BARE.magazine(7)),
        (attributes!(prefault), BARE.prefault(true)),
        (attributes!(cache_line), BARE.cache_line(true)),
        (
            attributes!(pages = "huge_2m", pages_required),
            BARE.pages(PageSize::Huge2M).pages_required(true),
        ),
        (attributes!(lock), BARE.lock(true)),
    ];
    for (derived, by_hand) in both {
        assert_eq!(derived, by_hand);
        assert_ne!(derived, BARE);
    }
}

#[test]
fn every_word_for_pages() {
    let all = [
        (attributes!(pages = "base"), PageSize::Base, "base"),
        (
            attributes!(pages = "transparent"),
            PageSize::Transparent,
            "transparent",
        ),
        (attributes!(pages = "huge_2m"), PageSize::Huge2M, "huge_2m"),
        (attributes!(pages = "huge_1g"), PageSize::Huge1G, "huge_1g"),
    ];
    for (derived, pages, name) in all {
        assert_eq!(derived, BARE.pages(pages));
        assert_eq!(pages.name(), name, "the word is the name");
        assert_eq!(derived == BARE, pages == PageSize::default());
    }
}

#[test]
fn every_word_for_nodes() {
    use NumaPolicy::{Adaptive, Interleaved, LocalOnly, Preferred};

    let all = [
        (attributes!(numa = "local_only"), LocalOnly, "local_only"),
        (attributes!(numa = "preferred"), Preferred, "preferred"),
        (
            attributes!(numa = "interleaved"),
            Interleaved,
            "interleaved",
        ),
        (attributes!(numa = "adaptive"), Adaptive, "adaptive"),
    ];
    for (derived, numa, name) in all {
        assert_eq!(derived, BARE.numa(numa));
        assert_eq!(numa.name(), name, "the word is the name");
        assert_eq!(derived == BARE, numa == NumaPolicy::default());
    }
}

#[test]
fn all_at_once_in_any_order_in_one_list_or_several() {
    #[derive(Pooled)]
    #[pool(numa = "adaptive", lock, pages_required)]
    #[pool(magazine = 8, prefault, pages = r"transparent")]
    #[pool(cache_line, capacity = 1 << 9)]
    struct Order;

    let by_hand = PoolConfig::new()
        .capacity(512)
        .magazine(8)
        .prefault(true)
        .cache_line(true)
        .pages(PageSize::Transparent)
        .pages_required(true)
        .lock(true)
        .numa(NumaPolicy::Adaptive);
    assert_eq!(Order::pool().config(), by_hand);
}

/// A macro's parameter may stand for a word.
#[test]
fn words_from_a_macro() {
    macro_rules! pooled {
        ($name:ident, $pages:literal, $numa:expr) => {
            #[derive(Pooled)]
            #[pool(pages = $pages, numa = $numa)]
            struct $name;
        };
    }
    pooled!(Order, "huge_1g", "local_only");
    let by_hand = BARE.pages(PageSize::Huge1G).numa(NumaPolicy::LocalOnly);
    assert_eq!(Order::pool().config(), by_hand);
}
