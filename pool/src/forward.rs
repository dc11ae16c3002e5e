//! The traits that owners pass on to their object, as `Box` and `Arc` do.

/// Implements those that read for `$handle`, which has the generics `$generics` with a `T` among them,
/// and a field `slot`, or the one that is named: the address of a valid `T` that the handle owns, alone
/// or with others.
macro_rules! forward_reads_to_object {
    (in $field:ident: $handle:ty, $($generics:tt)*) => {
        impl<$($generics)*> ::std::ops::Deref for $handle {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                // SAFETY: the slot holds a valid `T`, which a shared handle only shares.
                unsafe { self.$field.as_ref() }
            }
        }

        impl<$($generics)*> AsRef<T> for $handle {
            #[inline]
            fn as_ref(&self) -> &T {
                self
            }
        }

        impl<$($generics)*> ::std::borrow::Borrow<T> for $handle {
            #[inline]
            fn borrow(&self) -> &T {
                self
            }
        }

        impl<$($generics)*> ::std::fmt::Debug for $handle where T: ::std::fmt::Debug {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($generics)*> ::std::fmt::Display for $handle where T: ::std::fmt::Display {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($generics)*> ::std::fmt::Pointer for $handle {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.$field.fmt(f)
            }
        }

        impl<$($generics)*> PartialEq for $handle where T: PartialEq {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                **self == **other
            }
        }

        impl<$($generics)*> Eq for $handle where T: Eq {}

        impl<$($generics)*> PartialOrd for $handle where T: PartialOrd {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<::std::cmp::Ordering> {
                (**self).partial_cmp(other)
            }
        }

        impl<$($generics)*> Ord for $handle where T: Ord {
            #[inline]
            fn cmp(&self, other: &Self) -> ::std::cmp::Ordering {
                (**self).cmp(other)
            }
        }

        impl<$($generics)*> ::std::hash::Hash for $handle where T: ::std::hash::Hash {
            fn hash<H: ::std::hash::Hasher>(&self, state: &mut H) {
                (**self).hash(state);
            }
        }

        impl<$($generics)*> ::std::error::Error for $handle where T: ::std::error::Error {
            fn source(&self) -> Option<&(dyn ::std::error::Error + 'static)> {
                (**self).source()
            }
        }
    };
    ($handle:ty, $($generics:tt)*) => {
        $crate::forward::forward_reads_to_object!(in slot: $handle, $($generics)*);
    };
}

/// Implements all of them for a handle that owns its object alone.
macro_rules! forward_to_object {
    (in $field:ident: $handle:ty, $($generics:tt)*) => {
        $crate::forward::forward_reads_to_object!(in $field: $handle, $($generics)*);

        impl<$($generics)*> ::std::ops::DerefMut for $handle {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: the slot holds a valid `T`, and whoever has the handle for itself has it too.
                unsafe { self.$field.as_mut() }
            }
        }

        impl<$($generics)*> AsMut<T> for $handle {
            #[inline]
            fn as_mut(&mut self) -> &mut T {
                self
            }
        }

        impl<$($generics)*> ::std::borrow::BorrowMut<T> for $handle {
            #[inline]
            fn borrow_mut(&mut self) -> &mut T {
                self
            }
        }

        impl<$($generics)*> ::std::future::Future for $handle where T: ::std::future::Future + Unpin {
            type Output = T::Output;

            fn poll(mut self: ::std::pin::Pin<&mut Self>, context: &mut ::std::task::Context<'_>) -> ::std::task::Poll<T::Output> {
                ::std::pin::Pin::new(&mut **self).poll(context)
            }
        }

        impl<$($generics)*> Iterator for $handle where T: Iterator {
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

        impl<$($generics)*> DoubleEndedIterator for $handle where T: DoubleEndedIterator {
            fn next_back(&mut self) -> Option<T::Item> {
                (**self).next_back()
            }

            fn nth_back(&mut self, n: usize) -> Option<T::Item> {
                (**self).nth_back(n)
            }
        }

        impl<$($generics)*> ExactSizeIterator for $handle where T: ExactSizeIterator {
            fn len(&self) -> usize {
                (**self).len()
            }
        }

        impl<$($generics)*> ::std::iter::FusedIterator for $handle where T: ::std::iter::FusedIterator {}

        impl<$($generics)*> ::std::hash::Hasher for $handle where T: ::std::hash::Hasher {
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

        impl<$($generics)*> ::std::io::Read for $handle where T: ::std::io::Read {
            fn read(&mut self, buf: &mut [u8]) -> ::std::io::Result<usize> {
                (**self).read(buf)
            }

            fn read_vectored(&mut self, bufs: &mut [::std::io::IoSliceMut<'_>]) -> ::std::io::Result<usize> {
                (**self).read_vectored(bufs)
            }

            fn read_to_end(&mut self, buf: &mut Vec<u8>) -> ::std::io::Result<usize> {
                (**self).read_to_end(buf)
            }

            fn read_to_string(&mut self, buf: &mut String) -> ::std::io::Result<usize> {
                (**self).read_to_string(buf)
            }

            fn read_exact(&mut self, buf: &mut [u8]) -> ::std::io::Result<()> {
                (**self).read_exact(buf)
            }
        }

        impl<$($generics)*> ::std::io::Write for $handle where T: ::std::io::Write {
            fn write(&mut self, buf: &[u8]) -> ::std::io::Result<usize> {
                (**self).write(buf)
            }

            fn write_vectored(&mut self, bufs: &[::std::io::IoSlice<'_>]) -> ::std::io::Result<usize> {
                (**self).write_vectored(bufs)
            }

            fn flush(&mut self) -> ::std::io::Result<()> {
                (**self).flush()
            }

            fn write_all(&mut self, buf: &[u8]) -> ::std::io::Result<()> {
                (**self).write_all(buf)
            }

            fn write_fmt(&mut self, arguments: ::std::fmt::Arguments<'_>) -> ::std::io::Result<()> {
                (**self).write_fmt(arguments)
            }
        }

        impl<$($generics)*> ::std::io::Seek for $handle where T: ::std::io::Seek {
            fn seek(&mut self, position: ::std::io::SeekFrom) -> ::std::io::Result<u64> {
                (**self).seek(position)
            }

            fn stream_position(&mut self) -> ::std::io::Result<u64> {
                (**self).stream_position()
            }
        }

        impl<$($generics)*> ::std::io::BufRead for $handle where T: ::std::io::BufRead {
            fn fill_buf(&mut self) -> ::std::io::Result<&[u8]> {
                (**self).fill_buf()
            }

            fn consume(&mut self, amount: usize) {
                (**self).consume(amount);
            }

            fn read_until(&mut self, byte: u8, buf: &mut Vec<u8>) -> ::std::io::Result<usize> {
                (**self).read_until(byte, buf)
            }

            fn read_line(&mut self, buf: &mut String) -> ::std::io::Result<usize> {
                (**self).read_line(buf)
            }
        }
    };
    ($handle:ty, $($generics:tt)*) => {
        $crate::forward::forward_to_object!(in slot: $handle, $($generics)*);
    };
}

pub(crate) use {forward_reads_to_object, forward_to_object};
