//! Buffers of 4 KiB that are used again.
//!
//! A step takes an empty one, puts a byte into it, and gives it back. Who empties it: the pool and
//! `opool` by their hooks, `object-pool` has none. Peers keep what is free in a list and move it in
//! and out; so what is large is boxed for them as well.

use super::{Comparison, Job, Maker, OURS, at_most, together};
use pool::{PoolBox, Pooled, Recycle, Recycles};
use std::marker::PhantomData;

pub(super) const VEC: Comparison = Comparison {
    family: "take-vec",
    threads: 1,
    measures: &[at_most(1.0, "opool"), at_most(1.0, "object-pool")],
    makers: |threads| {
        let mut makers = vec![together(OURS, threads, Ours::<Grown>(PhantomData))];
        makers.extend(peers::<Grown>(["opool", "object-pool"], threads));
        makers
    },
    expected,
};

pub(super) const ARRAY: Comparison = Comparison {
    family: "take-array",
    threads: 1,
    measures: &[
        at_most(1.0, "opool"),
        at_most(1.0, "opool, boxed"),
        at_most(1.0, "object-pool"),
        at_most(1.0, "object-pool, boxed"),
    ],
    makers: |threads| {
        let mut makers = vec![together(OURS, threads, Ours::<Fixed>(PhantomData))];
        makers.extend(peers::<Fixed>(["opool", "object-pool"], threads));
        makers.extend(peers::<Box<Fixed>>(
            ["opool, boxed", "object-pool, boxed"],
            threads,
        ));
        makers
    },
    expected,
};

const SIZE: usize = 4_096;

/// Free ones that a peer has at first: more than are in use at a time.
const ROOM: usize = 64;

/// One byte each, which follows from the step.
fn expected(steps: u64) -> Vec<Option<u64>> {
    (0..steps).map(|n| Some(1 << 8 | n & 0xff)).collect()
}

/// Bytes, up to 4 KiB of them.
trait Buffer: Default + Send + 'static {
    fn push(&mut self, byte: u8);
    fn clear(&mut self);
    fn bytes(&self) -> &[u8];
}

/// The number of bytes and the last one.
fn read(buffer: &impl Buffer) -> Option<u64> {
    let bytes = buffer.bytes();
    let last = bytes.last()?;
    Some((bytes.len() as u64) << 8 | u64::from(*last))
}

/// Bytes on the heap.
#[derive(Pooled)]
#[pool(capacity = 1_024, recycle)]
struct Grown(Vec<u8>);

impl Default for Grown {
    fn default() -> Self {
        Self(Vec::with_capacity(SIZE))
    }
}

impl Buffer for Grown {
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.0.push(byte);
    }

    #[inline(always)]
    fn clear(&mut self) {
        self.0.clear();
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Recycle for Grown {
    #[inline]
    fn recycle(&mut self) {
        self.clear();
    }
}

/// Bytes where it is.
#[derive(Pooled)]
#[pool(capacity = 1_024, recycle)]
struct Fixed {
    length: usize,
    bytes: [u8; SIZE],
}

impl Default for Fixed {
    fn default() -> Self {
        Self {
            length: 0,
            bytes: [0; SIZE],
        }
    }
}

impl Buffer for Fixed {
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    #[inline(always)]
    fn clear(&mut self) {
        self.length = 0;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Recycle for Fixed {
    #[inline]
    fn recycle(&mut self) {
        self.clear();
    }
}

impl<B: Buffer> Buffer for Box<B> {
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        (**self).push(byte);
    }

    #[inline(always)]
    fn clear(&mut self) {
        (**self).clear();
    }

    fn bytes(&self) -> &[u8] {
        (**self).bytes()
    }
}

/// The pool of buffers of a type.
struct Ours<B>(PhantomData<fn() -> B>);

impl<B: Buffer + Recycles> Maker for Ours<B> {
    type Desk = ();
    type Handle<'a> = PoolBox<B>;

    fn desk(&self) {}

    #[inline(always)]
    fn make<'a>(&'a self, (): &'a (), _: u64) -> PoolBox<B> {
        B::pool().take()
    }

    #[inline(always)]
    fn call(&self, buffer: &mut PoolBox<B>, n: u64) {
        buffer.push(n as u8);
    }

    fn read(&self, buffer: PoolBox<B>) -> Option<u64> {
        read(&*buffer)
    }
}

fn peers<B: Buffer>([opool, object_pool]: [&'static str; 2], threads: usize) -> [Box<dyn Job>; 2] {
    let empty = opool::Pool::new_prefilled(ROOM, Empty(PhantomData));
    [
        together(opool, threads, Opool::<B>(empty)),
        together(
            object_pool,
            threads,
            ObjectPool::<B>(object_pool::Pool::new(ROOM, B::default)),
        ),
    ]
}

/// What `opool` asks for buffers, and to empty them.
struct Empty<B>(PhantomData<fn() -> B>);

impl<B: Buffer> opool::PoolAllocator<B> for Empty<B> {
    fn allocate(&self) -> B {
        B::default()
    }

    #[inline(always)]
    fn reset(&self, buffer: &mut B) {
        buffer.clear();
    }
}

struct Opool<B: Buffer>(opool::Pool<Empty<B>, B>);

impl<B: Buffer> Maker for Opool<B> {
    type Desk = ();
    type Handle<'a> = opool::RefGuard<'a, Empty<B>, B>;

    fn desk(&self) {}

    #[inline(always)]
    fn make<'a>(&'a self, (): &'a (), _: u64) -> Self::Handle<'a> {
        self.0.get()
    }

    #[inline(always)]
    fn call(&self, buffer: &mut Self::Handle<'_>, n: u64) {
        buffer.push(n as u8);
    }

    fn read(&self, buffer: Self::Handle<'_>) -> Option<u64> {
        read(&*buffer)
    }
}

struct ObjectPool<B>(object_pool::Pool<B>);

impl<B: Buffer> Maker for ObjectPool<B> {
    type Desk = ();
    type Handle<'a> = object_pool::Reusable<'a, B>;

    fn desk(&self) {}

    #[inline(always)]
    fn make<'a>(&'a self, (): &'a (), _: u64) -> Self::Handle<'a> {
        self.0.pull(B::default)
    }

    #[inline(always)]
    fn call(&self, buffer: &mut Self::Handle<'_>, n: u64) {
        buffer.clear();
        buffer.push(n as u8);
    }

    fn read(&self, buffer: Self::Handle<'_>) -> Option<u64> {
        read(&*buffer)
    }
}
