//! Patterns as `CONFIG GET` has them: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a byte that is meant.

/// Whether `text` fits the pattern, capitals or not. O(pattern × text): of several `*` only the last
/// is ever gone back to.
#[must_use]
pub fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Behind the last `*`, and where what it stands for ends so far.
    let mut star = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, t));
            continue;
        }
        let step = match (text.get(t), pattern.get(p)) {
            (None, None) => return true,
            (None, Some(_)) => return false,
            (Some(_), None) => None,
            (Some(&byte), Some(_)) => one(&pattern[p..], byte),
        };
        match (step, star) {
            (Some(len), _) => (p, t) = (p + len, t + 1),
            (None, Some((behind, end))) => {
                (p, t) = (behind, end + 1);
                star = Some((behind, end + 1));
            }
            (None, None) => return false,
        }
    }
}

/// How much of the pattern stands for `byte`, if its beginning does.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    let same = |a: u8| a.eq_ignore_ascii_case(&byte);
    let (fits, len) = match *pattern {
        [b'?', ..] => (true, 1),
        [b'\\', meant, ..] => (same(meant), 2),
        [b'[', ref class @ ..] => {
            let (fits, len) = in_class(class, byte);
            (fits, len + 1)
        }
        [meant, ..] => (same(meant), 1),
        [] => (false, 0),
    };
    fits.then_some(len)
}

/// Whether the byte is in a class, and how long the class is: to its `]`, or to the end if it has none.
fn in_class(class: &[u8], byte: u8) -> (bool, usize) {
    let byte = byte.to_ascii_lowercase();
    let inverted = class.first() == Some(&b'^');
    let mut at = usize::from(inverted);
    let mut found = false;
    loop {
        let (low, high, len) = match class[at..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', meant, ..] => (meant, meant, 2),
            [low, b'-', high, ..] if high != b']' => (low.min(high), low.max(high), 3),
            [meant, ..] => (meant, meant, 1),
        };
        found |= (low.to_ascii_lowercase()..=high.to_ascii_lowercase()).contains(&byte);
        at += len;
    }
    (found != inverted, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_what_they_say() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("save", "SAVE", true),
            ("save", "saves", false),
            ("s*e", "save", true),
            ("s*e", "saved", false),
            ("*a*b*c", "xaxxbxxbc", true),
            ("*a*b*c", "xaxxbxxb", false),
            ("s?ve", "save", true),
            ("s?ve", "sve", false),
            ("[a-c]x", "Bx", true),
            ("[c-a]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[ab", "b", true),
            ("[]", "a", false),
            ("[\\]]", "]", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("max*-?ist", "maxmemory-list", true),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(1000) + "b";
        assert!(!fits(pattern.as_bytes(), "a".repeat(5000).as_bytes()));
    }
}
