//! A string of bytes that is kept where it is owned, if it is short.

use std::fmt;

/// Bytes: up to `N` of them in place, more on the heap. With an `N` of 8n - 2 it is 8n bytes itself.
pub struct Bytes<const N: usize>(Repr<N>);

enum Repr<const N: usize> {
    Short(u8, [u8; N]),
    Long(Box<[u8]>),
}

impl<const N: usize> Bytes<N> {
    /// A copy of `bytes`.
    #[inline]
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        const { assert!(N <= u8::MAX as usize) };
        if bytes.len() > N {
            return Self(Repr::Long(bytes.into()));
        }
        let mut short = [0; N];
        short[..bytes.len()].copy_from_slice(bytes);
        Self(Repr::Short(bytes.len() as u8, short))
    }

    /// Makes them a copy of `bytes`, in the memory that they have if the length is the same.
    #[inline]
    pub fn set(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Repr::Long(long) if long.len() == bytes.len() => long.copy_from_slice(bytes),
            _ => *self = Self::new(bytes),
        }
    }

    /// Whether they are on the heap.
    #[must_use]
    pub const fn is_long(&self) -> bool {
        matches!(self.0, Repr::Long(_))
    }

    /// The bytes.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Short(len, bytes) => &bytes[..usize::from(*len)],
            Repr::Long(bytes) => bytes,
        }
    }
}

impl<const N: usize> fmt::Debug for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_slice().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_are_what_they_were_made_of() {
        assert_eq!((size_of::<Bytes<22>>(), size_of::<Bytes<30>>()), (24, 32));
        let all: Vec<u8> = (0..64).collect();
        let mut bytes = Bytes::<22>::new(b"");
        for len in (0..64).chain((0..64).rev()) {
            let made = Bytes::<22>::new(&all[..len]);
            assert_eq!(made.as_slice(), &all[..len]);
            assert_eq!(made.is_long(), len > 22);
            bytes.set(&all[..len]);
            assert_eq!(bytes.as_slice(), &all[..len]);
            bytes.set(&all[64 - len..]);
            assert_eq!(bytes.as_slice(), &all[64 - len..]);
        }
    }
}
