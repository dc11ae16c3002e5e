//! Each attribute of the derive has the effect of the builder method of its name.

use pool::{
    InitError, NumaPolicy, OnFull, PageSize, PoolConfig, Pooled, Recycle, Recycles, Shared,
};

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
        (attributes!(on_full = "heap"), BARE.on_full(OnFull::Heap)),
        (attributes!(scrub), BARE.scrub(true)),
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
fn every_word_for_a_full_pool() {
    let all = [
        (attributes!(on_full = "error"), OnFull::Error, "error"),
        (attributes!(on_full = "heap"), OnFull::Heap, "heap"),
        (attributes!(on_full = "wait"), OnFull::Wait, "wait"),
    ];
    for (derived, on_full, name) in all {
        assert_eq!(derived, BARE.on_full(on_full));
        assert_eq!(
            (on_full.name(), on_full.to_string()),
            (name, name.to_owned())
        );
        assert_eq!(derived == BARE, on_full == OnFull::default());
    }
}

/// What the builder has no word for changes nothing else.
#[test]
fn what_only_a_type_can_say() {
    assert_eq!(attributes!(shared), BARE);
    assert_eq!(
        attributes!(shared, on_full = "wait"),
        BARE.on_full(OnFull::Wait)
    );

    #[derive(Default, Pooled)]
    #[pool(recycle, shared, on_full = "error")]
    struct Buffer;

    impl Recycle for Buffer {
        fn recycle(&mut self) {}
    }

    fn has_all<T: Recycles + Shared>() {}
    has_all::<Buffer>();
    assert_eq!(Buffer::pool().config(), BARE);
}

/// Handles are compiled for what the attributes say: `init` cannot say more, but may leave out what
/// is to be done when full.
#[test]
fn init_beside_what_handles_are_compiled_for() {
    #[derive(Pooled)]
    struct Plain;

    #[derive(Pooled)]
    #[pool(on_full = "wait", scrub)]
    struct Waiting;

    for (config, attribute) in [
        (BARE.scrub(true), "scrub"),
        (BARE.on_full(OnFull::Heap), "on_full = \"heap\""),
        (BARE.on_full(OnFull::Wait), "on_full = \"wait\""),
    ] {
        let error = Plain::pool().init(config).unwrap_err();
        assert_eq!(error, InitError::NotInAttributes { attribute });
        assert!(error.to_string().contains(attribute), "{error}");
    }
    Plain::pool()
        .init(BARE)
        .expect("nothing more than the attributes say");

    let heap = Waiting::pool().init(BARE.on_full(OnFull::Heap));
    let attribute = "on_full = \"heap\"";
    assert_eq!(heap, Err(InitError::NotInAttributes { attribute }));
    Waiting::pool()
        .init(BARE)
        .expect("less than the attributes say");
}

#[test]
fn all_at_once_in_any_order_in_one_list_or_several() {
    #[derive(Pooled)]
    #[pool(numa = "adaptive", lock, pages_required)]
    #[pool(magazine = 8, prefault, pages = r"transparent", scrub)]
    #[pool(cache_line, capacity = 1 << 9, shared, on_full = "wait")]
    struct Order;

    let by_hand = PoolConfig::new()
        .capacity(512)
        .magazine(8)
        .prefault(true)
        .cache_line(true)
        .pages(PageSize::Transparent)
        .pages_required(true)
        .lock(true)
        .numa(NumaPolicy::Adaptive)
        .on_full(OnFull::Wait)
        .scrub(true);
    assert_eq!(Order::pool().config(), by_hand);
}

/// A macro's parameter may stand for a word.
#[test]
fn words_from_a_macro() {
    macro_rules! pooled {
        ($name:ident, $pages:literal, $numa:expr, $on_full:literal) => {
            #[derive(Pooled)]
            #[pool(pages = $pages, numa = $numa, on_full = $on_full)]
            struct $name;
        };
    }
    pooled!(Order, "huge_1g", "adaptive", "heap");
    let by_hand = BARE
        .pages(PageSize::Huge1G)
        .numa(NumaPolicy::Adaptive)
        .on_full(OnFull::Heap);
    assert_eq!(Order::pool().config(), by_hand);
}
