//! The size classes: arithmetic alone.
//!
//! The sizes are 8, 16, and then four to a doubling: 20, 24, 28, 32, 40, 48, 56, 64, and so on to 32 KiB. So at
//! most a fifth of a slot is padding, past 16 bytes. A slab's slots lie one behind the other from its start, so
//! each is aligned to the largest power of two that divides its size: a size that was rounded up to a multiple of
//! its alignment has a class whose slots are aligned to it.
//!
//! An *index* names a class on the hot path, as the arithmetic makes it: they have three gaps, which have
//! slots in no array that matters. The *number* of a class, from 0, has none.

#![forbid(unsafe_code)]

/// The largest size that has a class, in bytes. What is larger comes from the page source.
pub(crate) const MAX_SIZE: usize = 32 << 10;

/// How many classes there are.
pub(crate) const CLASSES: usize = 46;

/// Indices are smaller.
pub(crate) const INDICES: usize = 64;

/// Bytes of a slab; also what each slab's start is a multiple of.
pub(crate) const SLAB: usize = 64 << 10;

/// The most slots that a slab has. Smaller ones use not all of its bytes, and the rest is never touched.
pub(crate) const MAX_SLOTS: usize = 2048;

/// The most slots that one exchange with the depot moves.
pub(crate) const MAX_BATCH: usize = if cfg!(loom) { 2 } else { 64 };

/// About as many bytes of slots are moved by an exchange.
const BATCH_BYTES: usize = 16 << 10;

/// What a request needs a slot of: its size, rounded up to a multiple of its alignment, a power of two. Zero if that
/// is more than there is.
#[inline(always)]
pub(crate) const fn need(size: usize, align: usize) -> usize {
    size.wrapping_add(align - 1) & align.wrapping_neg()
}

/// The index of the smallest class that has room for `need` bytes, from 1 to [`MAX_SIZE`].
#[inline(always)]
pub(crate) const fn index(need: usize) -> usize {
    // The last byte's offset. The lower two sizes have a class each for four of what the rule would make.
    let last = need - 1;
    let last = if last < 16 { last | 7 } else { last };
    // The logarithm: as an exclusive or, which the processor's instruction for it leaves nothing of.
    let log = ((usize::BITS - 1) ^ last.leading_zeros()) as usize;
    (log << 2) + (last >> (log - 2)) - 4
}

/// The number of the class of an index.
pub(crate) const fn number(index: usize) -> usize {
    match index {
        11 => 0,
        _ => index - 14,
    }
}

/// The index of the class of a number.
pub(crate) const fn index_of(number: usize) -> usize {
    match number {
        0 => 11,
        _ => number + 14,
    }
}

/// The largest block that is kept when it is freed, and how many sizes such blocks have: four to a doubling, as
/// those that have a class.
pub(crate) const MAX_SPARE: usize = 2 << 20;
pub(crate) const SPARES: usize = 24;

/// Which of these sizes has room for so many bytes, more than [`MAX_SIZE`], and that size.
pub(crate) const fn spare(bytes: usize) -> Option<(usize, usize)> {
    if bytes <= MAX_SIZE || bytes > MAX_SPARE {
        return None;
    }
    let number = number(index(bytes));
    Some((number - CLASSES, size(number)))
}

/// Bytes of a slot of a class.
pub(crate) const fn size(number: usize) -> usize {
    if number < 2 {
        return 8 << number;
    }
    let (doubling, quarter) = ((number - 2) / 4, (number - 2) % 4);
    (16 << doubling) + ((quarter + 1) << (doubling + 2))
}

/// Slots of a slab of a class.
pub(crate) const fn slots(number: usize) -> usize {
    let slots = SLAB / size(number);
    if slots < MAX_SLOTS { slots } else { MAX_SLOTS }
}

/// How many slots of a class an exchange moves.
pub(crate) const fn batch(number: usize) -> usize {
    let batch = BATCH_BYTES / size(number);
    if batch > MAX_BATCH {
        MAX_BATCH
    } else if batch == 0 {
        1
    } else {
        batch
    }
}

/// How many free slots of a class a thread may keep: two exchanges.
pub(crate) const fn room(number: usize) -> usize {
    2 * batch(number)
}

/// The slot of a slab that a byte is in, by its offset in the slab.
pub(crate) const fn slot_at(number: usize, offset: usize) -> usize {
    offset / size(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule, by a loop.
    fn sizes() -> Vec<usize> {
        let mut sizes = vec![8, 16];
        let mut power = 16;
        while power < MAX_SIZE {
            sizes.extend((1..=4).map(|k| power + k * power / 4));
            power *= 2;
        }
        sizes
    }

    #[test]
    fn classes_are_those_of_the_rule() {
        let sizes = sizes();
        assert_eq!(sizes.len(), CLASSES);
        for (class, expected) in sizes.iter().enumerate() {
            assert_eq!(size(class), *expected);
            assert_eq!(number(index_of(class)), class);
        }
    }

    #[test]
    fn each_size_has_the_smallest_class_with_room() {
        let sizes = sizes();
        let step = if cfg!(miri) { 97 } else { 1 };
        for need in (1..=MAX_SIZE).step_by(step) {
            let class = number(index(need));
            let expected = sizes.iter().position(|size| *size >= need).unwrap();
            assert_eq!(class, expected, "{need} bytes");
            assert!(index(need) < INDICES);
            assert!(
                need <= 16 || (size(class) - need) * 5 <= size(class),
                "{need} bytes: padding"
            );
        }
    }

    #[test]
    fn sizes_of_what_is_kept_go_on_by_the_rule() {
        let mut last = (0, 0);
        for bytes in (MAX_SIZE + 1..=MAX_SPARE).step_by(if cfg!(miri) { 99_991 } else { 511 }) {
            let (at, size) = spare(bytes).unwrap();
            assert!(at < SPARES && size >= bytes && (size - bytes) * 5 <= size);
            assert!(
                last == (at, size) || last.1 < bytes,
                "the smallest with room"
            );
            last = (at, size);
        }
        assert_eq!(spare(MAX_SPARE), Some((SPARES - 1, MAX_SPARE)));
        assert_eq!((spare(MAX_SIZE), spare(MAX_SPARE + 1)), (None, None));
    }

    #[test]
    fn slots_are_aligned_as_asked() {
        for log in 0..=15 {
            let align = 1 << log;
            for size_asked in [1, 3, 8, 17, 24, 100, 1000, 4097, 20_000] {
                let need = need(size_asked, align);
                assert!(need >= size_asked && need.is_multiple_of(align));
                if need <= MAX_SIZE {
                    let class = number(index(need));
                    assert!(size(class).is_multiple_of(align), "{size_asked} at {align}");
                }
            }
        }
    }

    #[test]
    fn slots_fit_their_slab() {
        for class in 0..CLASSES {
            assert!(slots(class) >= 2 && slots(class) <= MAX_SLOTS);
            assert!(slots(class) * size(class) <= SLAB);
            assert_eq!(
                slot_at(class, size(class) * (slots(class) - 1)),
                slots(class) - 1
            );
            assert!(batch(class) >= 1 && batch(class) <= MAX_BATCH);
        }
    }
}
