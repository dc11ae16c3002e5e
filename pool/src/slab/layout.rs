//! The arithmetic of a region: how wide a slot is, how many there are, how many bytes that takes.

#![forbid(unsafe_code)]

use crate::config::{PageSize, PoolConfig};
use crate::error::InitError;
use crate::ledger;
use crate::magazine::MAX_CAP;
use crate::slot::Form;
use crate::source;
use std::alloc::Layout;

/// Bytes of a cache line, for `#[pool(cache_line)]`.
pub(crate) const CACHE_LINE: usize = 64;

/// What a pool is made of, decided from its configuration before anything is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Objects that the pool promises to hold.
    pub(crate) capacity: usize,
    /// Slots in a magazine.
    pub(crate) magazine: u32,
    /// Bytes from one slot to the next; a multiple of `align`, and not zero.
    pub(crate) stride: usize,
    /// Alignment of the region, and so of all slots.
    pub(crate) align: usize,
    /// Slots that may have memory at one time, and slots of each part: the capacity, and room for
    /// what caches can hold.
    pub(crate) slots: usize,
    /// Parts of the region, one for each node that the pool has memory on.
    pub(crate) parts: usize,
    /// Bytes from one part to the next; a power of two if there are several.
    pub(crate) part: usize,
    /// The most caches that are open at once, for a thread each or for an operation without one.
    pub(crate) caches: usize,
    /// Where a slot's header is in it, if slots have one.
    pub(crate) word: Option<usize>,
    /// Whether headers are read by who does not have the slot.
    pub(crate) shared: bool,
}

/// Threads that can have a cache of one pool at the same time. More threads than these still
/// allocate and free, slower: each operation borrows one of the [`SPARE_CACHES`].
pub(crate) const THREAD_CACHES: usize = if cfg!(miri) || cfg!(loom) {
    8
} else if cfg!(target_os = "linux") {
    1024
} else {
    128
};

/// Caches kept for operations of threads that have none.
pub(crate) const SPARE_CACHES: usize = if cfg!(miri) || cfg!(loom) { 4 } else { 16 };

/// Slots that a pool of a `shared` type has beyond, to replace those whose generations are used up.
pub(crate) const SLOTS_TO_USE_UP: usize = if cfg!(miri) { 16 } else { 1 << 16 };

/// Magazines of room that the region has for each cache: the two that it holds, and one that a
/// closing cache may take out of the depot to merge it with its own.
const MAGAZINES_OF_ROOM: usize = 3;

/// The most slots of a magazine that was not asked for: small in debug builds and under Miri, so
/// that tests walk the slow paths.
const DEFAULT_MAGAZINE: usize = if cfg!(miri) {
    4
} else if cfg!(debug_assertions) {
    16
} else {
    256
};

/// Bytes of the smallest part of several: no page is in two, whatever the system's pages are.
const SMALLEST_PART: usize = if cfg!(miri) { 4096 } else { 64 * 1024 };

/// Bytes of objects that a magazine should not exceed unless it was asked for.
const MAGAZINE_BYTES: usize = 16 * 1024;

impl Plan {
    /// Checks a configuration for slots of a form, in so many parts.
    pub(crate) fn new(
        config: &PoolConfig,
        form: impl Into<Form>,
        parts: usize,
    ) -> Result<Self, InitError> {
        let form = form.into();
        let layout = form.layout;
        let capacity = config.capacity;
        if capacity == 0 {
            return Err(InitError::ZeroCapacity);
        }
        let align = if config.cache_line {
            layout.align().max(CACHE_LINE)
        } else {
            layout.align()
        };
        let too_large = InitError::CapacityTooLarge {
            capacity,
            object_size: layout.size(),
        };
        let stride = layout
            .size()
            .max(1)
            .checked_next_multiple_of(align)
            .ok_or(too_large)?;
        let magazine = match config.magazine {
            None => default_magazine(capacity, stride),
            Some(0) => return Err(InitError::ZeroMagazine),
            Some(n) if n > MAX_MAGAZINE => {
                return Err(InitError::MagazineTooLarge {
                    magazine: n,
                    max: MAX_MAGAZINE,
                });
            }
            Some(n) => n,
        };
        let caches = THREAD_CACHES + SPARE_CACHES;
        let (reserve, most) = match form.kind.shared {
            true => (SLOTS_TO_USE_UP, u32::MAX as usize / parts),
            false => (0, ledger::MAX_SLOTS),
        };
        let slots = capacity
            .checked_add(MAGAZINES_OF_ROOM * magazine as usize * caches + reserve)
            .filter(|&slots| slots <= most)
            .ok_or(too_large)?;
        // Whole pages of the size that is asked for, and the parts apart from each other.
        let granule = source::granule(config.pages).max(align);
        let part = slots
            .checked_mul(stride)
            .filter(|&bytes| bytes <= isize::MAX as usize / 2)
            .map(|bytes| match parts {
                1 if config.pages == PageSize::Base => bytes,
                1 => bytes.next_multiple_of(granule),
                _ => bytes.max(granule).max(SMALLEST_PART).next_power_of_two(),
            })
            .ok_or(too_large)?;
        part.checked_mul(parts)
            .and_then(|bytes| bytes.checked_add(granule))
            .filter(|&bytes| bytes <= isize::MAX as usize)
            .ok_or(too_large)?;
        debug_assert!(caches <= ledger::MAX_CACHES);
        Ok(Self {
            capacity,
            magazine,
            stride,
            align: granule,
            slots,
            parts,
            part,
            caches,
            word: form.word,
            shared: form.kind.shared,
        })
    }

    /// The layout of the region.
    pub(crate) fn region(&self) -> Layout {
        Layout::from_size_align(self.part * self.parts, self.align).expect("checked in `new`")
    }
}

/// The most slots of a magazine that may be asked for.
pub const MAX_MAGAZINE: u32 = MAX_CAP;

/// A capacity over which no pool of `T` can be; for the derive, to refuse it at compile time.
pub const fn max_capacity<T>() -> usize {
    let size = if size_of::<T>() == 0 {
        1
    } else {
        size_of::<T>()
    };
    isize::MAX as usize / size
}

/// As many slots as make 16 KiB, at least 2 and at most 256, but not over a sixteenth of the
/// capacity, so that what idle caches may hold stays small beside it.
fn default_magazine(capacity: usize, stride: usize) -> u32 {
    (MAGAZINE_BYTES / stride)
        .clamp(2, DEFAULT_MAGAZINE)
        .min(capacity / 16)
        .max(1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan(capacity: usize, size: usize, align: usize) -> Result<Plan, InitError> {
        let layout = Layout::from_size_align(size, align).unwrap();
        Plan::new(&PoolConfig::new().capacity(capacity), layout, 1)
    }

    #[test]
    fn zero_sized_and_over_aligned_slots_have_addresses_of_their_own() {
        assert_eq!(plan(8, 0, 1).unwrap().stride, 1);
        assert_eq!(plan(8, 0, 4096).unwrap().stride, 4096);
        assert_eq!(plan(8, 1, 1).unwrap().stride, 1);
        assert_eq!(plan(8, 5000, 4096).unwrap().stride, 8192);
    }

    #[test]
    fn cache_line_rounds_stride_and_alignment() {
        let config = PoolConfig::new().capacity(8).cache_line(true);
        let plan = Plan::new(&config, Layout::from_size_align(65, 8).unwrap(), 1).unwrap();
        assert_eq!((plan.stride, plan.align), (128, 64));
    }

    #[test]
    fn refusals_name_the_value() {
        assert_eq!(plan(0, 8, 8).unwrap_err(), InitError::ZeroCapacity);
        let error = plan(usize::MAX, 8, 8).unwrap_err();
        assert!(error.to_string().contains(&usize::MAX.to_string()));
        let config = PoolConfig::new().magazine(0);
        let zero = Plan::new(&config, Layout::new::<u64>(), 1).unwrap_err();
        assert_eq!(zero, InitError::ZeroMagazine);
        let config = PoolConfig::new().magazine(1 << 20);
        let large = Plan::new(&config, Layout::new::<u64>(), 1).unwrap_err();
        assert!(large.to_string().contains("1048576"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 256 }) })]
        #[test]
        fn a_plan_that_is_granted_adds_up(
            capacity in prop_oneof![1_usize..1 << 20, any::<usize>()],
            size in 0_usize..1 << 20,
            shift in 0_u32..13,
            cache_line: bool,
            parts in 1_usize..9,
            pages in prop::sample::select(&[PageSize::Base, PageSize::Transparent, PageSize::Huge1G]),
        ) {
            let layout = Layout::from_size_align(size, 1 << shift).unwrap();
            let config = PoolConfig::new().capacity(capacity).cache_line(cache_line).pages(pages);
            if let Ok(plan) = Plan::new(&config, layout, parts) {
                prop_assert!(plan.stride >= size.max(1) && plan.stride % layout.align() == 0);
                prop_assert!(plan.align >= layout.align() && plan.align.is_power_of_two());
                let room = plan.caches as u128 * 3 * plan.magazine as u128;
                prop_assert_eq!(plan.slots as u128, capacity as u128 + room);
                let bytes = plan.slots as u128 * plan.stride as u128;
                prop_assert!(plan.part as u128 >= bytes && plan.part as u128 <= 2 * bytes.max(1 << 30));
                prop_assert!(parts == 1 || plan.part.is_power_of_two() && plan.part >= plan.align);
                prop_assert_eq!(plan.region().size() as u128, plan.part as u128 * parts as u128);
            } else {
                prop_assert!(capacity > 1 << 20, "a small capacity of small objects was refused");
            }
        }
    }
}
