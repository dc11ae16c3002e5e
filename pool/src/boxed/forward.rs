//! The traits that `PoolBox` passes on to the object, as `Box` does.

#![allow(unsafe_code)]

use super::PoolBox;
use crate::pooled::Pooled;
use std::borrow::{Borrow, BorrowMut};
use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::io::{self, BufRead, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::iter::FusedIterator;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

impl<T: Pooled> Deref for PoolBox<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the slot holds a valid `T`, which a shared handle only shares.
        unsafe { self.slot.as_ref() }
    }
}

impl<T: Pooled> DerefMut for PoolBox<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the slot holds a valid `T`, and whoever has the handle for itself has it too.
        unsafe { self.slot.as_mut() }
    }
}

impl<T: Pooled> AsRef<T> for PoolBox<T> {
    #[inline]
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Pooled> AsMut<T> for PoolBox<T> {
    #[inline]
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: Pooled> Borrow<T> for PoolBox<T> {
    #[inline]
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: Pooled> BorrowMut<T> for PoolBox<T> {
    #[inline]
    fn borrow_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: Pooled + fmt::Debug> fmt::Debug for PoolBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Pooled + fmt::Display> fmt::Display for PoolBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Pooled> fmt::Pointer for PoolBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slot.fmt(f)
    }
}

impl<T: Pooled + PartialEq> PartialEq for PoolBox<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Pooled + Eq> Eq for PoolBox<T> {}

impl<T: Pooled + PartialOrd> PartialOrd for PoolBox<T> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(other)
    }
}

impl<T: Pooled + Ord> Ord for PoolBox<T> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(other)
    }
}

impl<T: Pooled + Hash> Hash for PoolBox<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// # Panics
///
/// Panics if the pool is full, or cannot be made.
impl<T: Pooled + Default> Default for PoolBox<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new_with(T::default)
    }
}

/// # Panics
///
/// Panics if the pool is full, or cannot be made.
impl<T: Pooled> From<T> for PoolBox<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Pooled> From<PoolBox<T>> for Pin<PoolBox<T>> {
    fn from(boxed: PoolBox<T>) -> Self {
        PoolBox::into_pin(boxed)
    }
}

/// # Panics
///
/// Panics if the pool is full, or cannot be made.
impl<T: Pooled + Clone> Clone for PoolBox<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        Self::new_with(|| (**self).clone())
    }

    /// Clones into the object that is there; needs no slot.
    fn clone_from(&mut self, source: &Self) {
        (**self).clone_from(source);
    }
}

impl<T: Pooled + Future + Unpin> Future for PoolBox<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T::Output> {
        Pin::new(&mut **self).poll(context)
    }
}

impl<T: Pooled + Iterator> Iterator for PoolBox<T> {
    type Item = T::Item;

    fn next(&mut self) -> Option<T::Item> {
        (**self).next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (**self).size_hint()
    }

    fn nth(&mut self, n: usize) -> Option<T::Item> {
        (**self).nth(n)
    }
}

impl<T: Pooled + DoubleEndedIterator> DoubleEndedIterator for PoolBox<T> {
    fn next_back(&mut self) -> Option<T::Item> {
        (**self).next_back()
    }

    fn nth_back(&mut self, n: usize) -> Option<T::Item> {
        (**self).nth_back(n)
    }
}

impl<T: Pooled + ExactSizeIterator> ExactSizeIterator for PoolBox<T> {
    fn len(&self) -> usize {
        (**self).len()
    }
}

impl<T: Pooled + FusedIterator> FusedIterator for PoolBox<T> {}

impl<T: Pooled + Error> Error for PoolBox<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        (**self).source()
    }
}

impl<T: Pooled + Hasher> Hasher for PoolBox<T> {
    fn finish(&self) -> u64 {
        (**self).finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        (**self).write(bytes);
    }

    fn write_u8(&mut self, i: u8) {
        (**self).write_u8(i);
    }

    fn write_u16(&mut self, i: u16) {
        (**self).write_u16(i);
    }

    fn write_u32(&mut self, i: u32) {
        (**self).write_u32(i);
    }

    fn write_u64(&mut self, i: u64) {
        (**self).write_u64(i);
    }

    fn write_u128(&mut self, i: u128) {
        (**self).write_u128(i);
    }

    fn write_usize(&mut self, i: usize) {
        (**self).write_usize(i);
    }

    fn write_i8(&mut self, i: i8) {
        (**self).write_i8(i);
    }

    fn write_i16(&mut self, i: i16) {
        (**self).write_i16(i);
    }

    fn write_i32(&mut self, i: i32) {
        (**self).write_i32(i);
    }

    fn write_i64(&mut self, i: i64) {
        (**self).write_i64(i);
    }

    fn write_i128(&mut self, i: i128) {
        (**self).write_i128(i);
    }

    fn write_isize(&mut self, i: isize) {
        (**self).write_isize(i);
    }
}

impl<T: Pooled + Read> Read for PoolBox<T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (**self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (**self).read_vectored(bufs)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        (**self).read_to_end(buf)
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        (**self).read_to_string(buf)
    }

    fn read_exact(&mut self, buf: &mut [u8]) -> io::Result<()> {
        (**self).read_exact(buf)
    }
}

impl<T: Pooled + Write> Write for PoolBox<T> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (**self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (**self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        (**self).flush()
    }

    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        (**self).write_all(buf)
    }

    fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
        (**self).write_fmt(arguments)
    }
}

impl<T: Pooled + Seek> Seek for PoolBox<T> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        (**self).seek(position)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        (**self).stream_position()
    }
}

impl<T: Pooled + BufRead> BufRead for PoolBox<T> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        (**self).fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        (**self).consume(amount);
    }

    fn read_until(&mut self, byte: u8, buf: &mut Vec<u8>) -> io::Result<usize> {
        (**self).read_until(byte, buf)
    }

    fn read_line(&mut self, buf: &mut String) -> io::Result<usize> {
        (**self).read_line(buf)
    }
}
