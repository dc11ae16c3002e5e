//! A text's words are counted, indexed, and sorted by how often they come: strings and maps.

use super::{Outcome, mix, part};
use crate::process::timed;
use crate::work::Random;
use std::collections::BTreeMap;

/// Words of the text.
const WORDS: u64 = 1_500_000;

/// Different words, at most.
const VOCABULARY: u32 = 200_000;

pub(super) fn run(percent: u32) -> Outcome {
    let text = text(part(WORDS, percent));
    let mut digest = 0;
    let (elapsed, _) = timed(|| digest = index(&text));
    Outcome { elapsed, digest }
}

fn index(text: &str) -> u64 {
    // Where each word comes, by word.
    let mut places: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (place, word) in (0..).zip(text.split(' ')) {
        places.entry(word.to_lowercase()).or_default().push(place);
    }
    // The words, by how often they come.
    let mut often: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (word, places) in &places {
        often.entry(places.len()).or_default().push(word.clone());
    }
    // What comes once goes; the others are joined with what comes as often.
    for word in often.remove(&1).unwrap_or_default() {
        places.remove(&word);
    }
    let mut digest = places.len() as u64;
    for (count, words) in often.into_iter().rev() {
        let line = format!("{count}: {}", words.join(", "));
        digest = mix(digest, super::digest(&line));
    }
    for (word, places) in places {
        let last = places.last().copied().unwrap_or_default();
        digest = mix(digest, word.len() as u64 ^ u64::from(last));
    }
    digest
}

/// Few words come often, most of them seldom.
fn text(words: u64) -> String {
    const SYLLABLES: [&str; 16] = [
        "Ba", "de", "fi", "go", "Ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "Xo", "zu",
        "strength",
    ];
    let mut random = Random::new();
    let mut text = String::with_capacity(words as usize * 16);
    for n in 0..words {
        if n > 0 {
            text.push(' ');
        }
        let most = 1 + random.below(VOCABULARY);
        let mut word = 1 + random.below(most);
        while word > 0 {
            text.push_str(SYLLABLES[(word % 16) as usize]);
            word /= 16;
        }
    }
    text
}
