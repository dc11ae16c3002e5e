//! A request that is a line of words, as people type them: quotes and backslashes as redis has them.

use super::frame::ProtocolError;
use std::ops::Range;

/// Takes a line apart: writes the words to `out`, one behind the other, and tells where each is.
///
/// Within `"` a backslash stands before `n`, `r`, `t`, `b`, `a`, `xHH`, or the byte itself; within `'`
/// before `'`. Behind a closing quote the word ends. O(length).
///
/// # Errors
///
/// A quote is not closed, or no space is behind one.
///
/// # Panics
///
/// Panics if `out` is shorter than the line.
pub fn split(
    line: &[u8],
    out: &mut [u8],
    mut word: impl FnMut(Range<usize>),
) -> Result<(), ProtocolError> {
    let mut words = Words {
        line,
        at: 0,
        out,
        len: 0,
    };
    while let Some(range) = words.next()? {
        word(range);
    }
    Ok(())
}

struct Words<'w> {
    line: &'w [u8],
    at: usize,
    out: &'w mut [u8],
    len: usize,
}

impl Words<'_> {
    fn next(&mut self) -> Result<Option<Range<usize>>, ProtocolError> {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        if self.peek().is_none() {
            return Ok(None);
        }
        let start = self.len;
        loop {
            match self.peek() {
                None => break,
                Some(byte) if is_space(byte) => break,
                Some(quote @ (b'"' | b'\'')) => {
                    self.at += 1;
                    self.quoted(quote)?;
                    break;
                }
                Some(byte) => self.put(byte, 1),
            }
        }
        Ok(Some(start..self.len))
    }

    /// The rest of a word whose quote was opened.
    fn quoted(&mut self, quote: u8) -> Result<(), ProtocolError> {
        loop {
            match self.line[self.at..] {
                [] => return Err(ProtocolError::Quotes),
                [byte, ref behind @ ..] if byte == quote => {
                    if behind.first().is_some_and(|&byte| !is_space(byte)) {
                        return Err(ProtocolError::Quotes);
                    }
                    self.at += 1;
                    return Ok(());
                }
                [b'\\', b'x', high, low, ..] if quote == b'"' && is_hex(high) && is_hex(low) => {
                    self.put(hex(high) << 4 | hex(low), 4);
                }
                [b'\\', byte, ..] if quote == b'"' => self.put(escaped(byte), 2),
                [b'\\', b'\'', ..] => self.put(b'\'', 2),
                [byte, ..] => self.put(byte, 1),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// Writes a byte that stands for the next so many of the line.
    fn put(&mut self, byte: u8, of: usize) {
        self.out[self.len] = byte;
        self.len += 1;
        self.at += of;
    }
}

/// C's, in its own locale.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

const fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

const fn escaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut out = vec![0; line.len()];
        let mut ranges = Vec::new();
        split(line, &mut out, |range| ranges.push(range)).ok()?;
        Some(
            ranges
                .into_iter()
                .map(|range| out[range].to_vec())
                .collect(),
        )
    }

    #[test]
    fn words_are_taken_apart() {
        type Words<'a> = &'a [&'a [u8]];
        let cases: [(&[u8], Option<Words<'_>>); 17] = [
            (b"", Some(&[])),
            (b" \t\r\n", Some(&[])),
            (b"PING", Some(&[b"PING"])),
            (b"  SET  k\tv \r\n", Some(&[b"SET", b"k", b"v"])),
            (b"ECHO \"a b\"\n", Some(&[b"ECHO", b"a b"])),
            (b"\"\" ''", Some(&[b"", b""])),
            (br#""\n\r\t\b\a\q\"\\""#, Some(&[b"\n\r\t\x08\x07q\"\\"])),
            (br#""\x41\xfF\xg0""#, Some(&[b"A\xffxg0"])),
            (br#""\x4""#, Some(&[b"x4"])),
            (br"'it\'s \n'", Some(&[br"it's \n"])),
            (b"fo\"o b\"", Some(&[b"foo b"])),
            (b"a\\ b", Some(&[b"a\\", b"b"])),
            (b"\"a", None),
            (b"\"a\\", None),
            (b"'a", None),
            (b"\"a\"b", None),
            (b"'a''b'", None),
        ];
        for (line, expected) in cases {
            let expected =
                expected.map(|words| words.iter().map(|word| word.to_vec()).collect::<Vec<_>>());
            assert_eq!(words(line), expected, "{}", line.escape_ascii());
        }
    }
}
