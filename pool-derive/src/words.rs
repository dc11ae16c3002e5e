//! Lists of known words, and which of them a misspelt one resembles.

/// The words that are known in one place.
pub(crate) struct Words {
    /// In the order of the documentation.
    pub(crate) known: &'static [&'static str],
    /// Other words for them, that one might think of.
    pub(crate) synonyms: &'static [(&'static str, &'static str)],
    /// What stands around a word in a message.
    pub(crate) quote: char,
}

impl Words {
    pub(crate) fn contains(&self, word: &str) -> bool {
        self.known.contains(&word)
    }

    /// What to say of a word that is not known: the one that was meant, if one resembles it, and
    /// which are known.
    pub(crate) fn hint(&self, word: &str) -> String {
        let quote = self.quote;
        let guess = self
            .closest(word)
            .map(|known| format!("did you mean {quote}{known}{quote}? "))
            .unwrap_or_default();
        format!("{guess}known are {}", self.list())
    }

    /// All of them, for a message.
    pub(crate) fn list(&self) -> String {
        let quote = self.quote;
        let quoted = self
            .known
            .iter()
            .map(|word| format!("{quote}{word}{quote}"));
        quoted.collect::<Vec<_>>().join(", ")
    }

    /// The known word that a misspelt one resembles.
    fn closest(&self, word: &str) -> Option<&'static str> {
        let word = word.to_lowercase();
        let synonym = self.synonyms.iter().find(|(synonym, _)| *synonym == word);
        if let Some((_, known)) = synonym {
            return Some(known);
        }
        let known = self
            .known
            .iter()
            .map(|known| (distance(&word, known), known));
        let (distance, known) = known.min()?;
        (distance <= known.len() / 3).then_some(known)
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substitution = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
