//! The bump arithmetic: where in a piece of free memory a block goes.
//!
//! A piece is told by two addresses: its first byte's, and that behind its last. Blocks whose end is not foreseen, which
//! may grow, are cut off its low end, and all others off its high end. So the last of the former grows where
//! it is, also when there are others after it.

#![forbid(unsafe_code)]

/// Pieces start and end at multiples of this, and blocks take a multiple of it: then most blocks need no
/// aligning. In bytes.
pub(super) const UNIT: usize = 8;

/// What a block of a size takes. Sizes are those of layouts: at most [`isize::MAX`].
#[inline(always)]
pub(super) const fn taken(size: usize) -> usize {
    debug_assert!(size <= isize::MAX as usize);
    (size + (UNIT - 1)) & !(UNIT - 1)
}

/// No piece starts at a lower address: so to subtract as much as this from one does not overflow. (No system maps
/// the first page.)
pub(super) const LOWEST: usize = 4096;

/// Whether a block takes so little that where it starts can be computed before it is known whether it fits.
#[inline(always)]
pub(super) const fn is_small(size: usize) -> bool {
    taken(size) <= LOWEST
}

/// Cuts a block off the high end, of a size of which [`is_small`] is known, or that is not `small`. Returns its
/// address, where the rest of the piece ends.
#[inline(always)]
pub(super) fn cut_high(
    low: usize,
    high: usize,
    size: usize,
    align: usize,
    small: bool,
) -> Option<usize> {
    let size = taken(size);
    if !small && size > high - low {
        return None;
    }
    let block = high - size;
    if align > UNIT {
        let block = block & !(align - 1);
        return (block >= low).then_some(block);
    }
    (!small || block >= low).then_some(block)
}

/// Cuts a block off the low end. Returns its address, and where the rest of the piece starts.
#[inline(always)]
pub(super) fn cut_low(
    low: usize,
    high: usize,
    size: usize,
    align: usize,
) -> Option<(usize, usize)> {
    let pad = match align <= UNIT {
        true => 0,
        false => low.wrapping_neg() % align,
    };
    let all = pad.checked_add(taken(size))?;
    (all <= high - low).then(|| (low + pad, low + all))
}

/// The length that a piece must have for a block, wherever it starts.
pub(super) fn enough_for(size: usize, align: usize) -> Option<usize> {
    taken(size).checked_add(align.max(UNIT) - UNIT)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 20 } else { 2000 }) })]

        /// A block lies in the piece, is aligned, takes no more than it must, and leaves a piece.
        #[test]
        fn blocks_lie_in_their_piece(
            low in LOWEST / UNIT..1 << 20,
            room in 0_usize..1 << 13,
            size in prop_oneof![0_usize..300, 0_usize..1 << 17, Just(isize::MAX as usize)],
            align in (0_u32..14).prop_map(|bits| 1_usize << bits),
        ) {
            let (low, high) = (low * UNIT, (low + room) * UNIT);
            let small = is_small(size);
            let block = cut_high(low, high, size, align, small);
            prop_assert_eq!(block, cut_high(low, high, size, align, false));
            match block {
                Some(block) => {
                    prop_assert!(low <= block && block + size <= high && block.is_multiple_of(UNIT));
                    prop_assert!(block.is_multiple_of(align));
                    prop_assert!(high - block < size + align.max(UNIT) + UNIT);
                }
                None => prop_assert!(enough_for(size, align).is_none_or(|enough| high - low < enough)),
            }
            match cut_low(low, high, size, align) {
                Some((block, rest)) => {
                    prop_assert!(low <= block && block + size <= rest && rest <= high);
                    prop_assert!(rest.is_multiple_of(UNIT) && block.is_multiple_of(align));
                    prop_assert!(rest - low < size + align.max(UNIT) + UNIT);
                }
                None => prop_assert!(enough_for(size, align).is_none_or(|enough| high - low < enough)),
            }
        }
    }
}
