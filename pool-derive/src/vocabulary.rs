//! The words of `#[pool(...)]`: its names, and what stands for a value in quotes.

use crate::attr::value;
use crate::words::Words;
use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::{Expr, ExprLit, Lit, LitStr};

pub(crate) const NAMES: Words = Words {
    known: &[
        "capacity",
        "magazine",
        "prefault",
        "cache_line",
        "pages",
        "pages_required",
        "lock",
        "numa",
        "shared",
        "recycle",
        "on_full",
        "scrub",
        "for",
        "crate",
    ],
    synonyms: &[
        ("cap", "capacity"),
        ("size", "capacity"),
        ("max", "capacity"),
        ("batch", "magazine"),
        ("cache", "magazine"),
        ("align", "cache_line"),
        ("populate", "prefault"),
        ("page_size", "pages"),
        ("require_pages", "pages_required"),
        ("numa_policy", "numa"),
        ("mlockall", "lock"),
        ("huge_pages", "pages"),
        ("hugepages", "pages"),
        ("required", "pages_required"),
        ("locked", "lock"),
        ("mlock", "lock"),
        ("node", "numa"),
        ("policy", "numa"),
        ("arc", "shared"),
        ("weak", "shared"),
        ("reuse", "recycle"),
        ("recycled", "recycle"),
        ("zero", "scrub"),
        ("zeroize", "scrub"),
        ("full", "on_full"),
        ("heap", "on_full"),
        ("wait", "on_full"),
        ("types", "for"),
        ("generics", "for"),
        ("instances", "for"),
        ("instantiations", "for"),
    ],
    quote: '`',
};

/// An attribute whose value is one of a few words, in quotes.
pub(crate) struct Choice {
    words: Words,
    /// The variants that the words stand for, in their order.
    variants: &'static [&'static str],
    /// A word for examples.
    example: &'static str,
}

pub(crate) const PAGES: Choice = Choice {
    words: Words {
        known: &["base", "transparent", "huge_2m", "huge_1g"],
        synonyms: &[
            ("4k", "base"),
            ("4096", "base"),
            ("hugetlb", "huge_2m"),
            ("2 mib", "huge_2m"),
            ("default", "base"),
            ("small", "base"),
            ("thp", "transparent"),
            ("huge", "huge_2m"),
            ("2m", "huge_2m"),
            ("2mb", "huge_2m"),
            ("2mib", "huge_2m"),
            ("gigantic", "huge_1g"),
            ("1g", "huge_1g"),
            ("1gb", "huge_1g"),
            ("1gib", "huge_1g"),
        ],
        quote: '"',
    },
    variants: &["Base", "Transparent", "Huge2M", "Huge1G"],
    example: "huge_2m",
};

pub(crate) const NUMA: Choice = Choice {
    words: Words {
        known: &["local_only", "preferred", "interleaved", "adaptive"],
        synonyms: &[
            ("local", "local_only"),
            ("bind", "local_only"),
            ("strict", "local_only"),
            ("default", "preferred"),
            ("none", "preferred"),
            ("round_robin", "interleaved"),
            ("auto", "adaptive"),
        ],
        quote: '"',
    },
    variants: &["LocalOnly", "Preferred", "Interleaved", "Adaptive"],
    example: "interleaved",
};

pub(crate) const ON_FULL: Choice = Choice {
    words: Words {
        known: &["error", "heap", "wait"],
        synonyms: &[
            ("fail", "error"),
            ("none", "error"),
            ("box", "heap"),
            ("fallback", "heap"),
            ("grow", "heap"),
            ("block", "wait"),
            ("async", "wait"),
        ],
        quote: '"',
    },
    variants: &["Error", "Heap", "Wait"],
    example: "heap",
};

impl Choice {
    /// Reads `= "word"`, and gives the variant.
    pub(crate) fn read(&self, name: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
        let Self { words, .. } = self;
        let example = format!("as in `{name} = \"{}\"`", self.example);
        let value: Expr = value(name, input, &example)?;
        let Some(literal) = text(&value) else {
            let example = match self.meant(&value) {
                Some(word) => format!(": write `{name} = \"{word}\"`"),
                None => format!(", {example}; known are {}", words.list()),
            };
            let message = format!("`{name}` wants a word in quotes{example}");
            return Err(syn::Error::new_spanned(value, message));
        };
        let word = literal.value();
        match words
            .known
            .iter()
            .zip(self.variants)
            .find(|(known, _)| **known == word)
        {
            Some((_, variant)) => Ok(Ident::new(variant, Span::call_site())),
            None => {
                let message = format!(
                    "unknown value \"{word}\" for `{name}`: {}",
                    words.hint(&word)
                );
                Err(syn::Error::new(literal.span(), message))
            }
        }
    }

    /// The word that an expression names without quotes, itself or as the variant.
    fn meant(&self, value: &Expr) -> Option<&'static str> {
        let Expr::Path(path) = value else { return None };
        let named = &path.path.segments.last()?.ident;
        let mut pairs = self.words.known.iter().zip(self.variants);
        pairs.find_map(|(word, variant)| (named == word || named == variant).then_some(*word))
    }
}

/// The string that an expression is, if it is one and nothing else.
fn text(value: &Expr) -> Option<&LitStr> {
    match value {
        // What a `macro_rules!` macro puts in place of its `$x:literal` or `$x:expr`.
        Expr::Group(group) => text(&group.expr),
        Expr::Lit(ExprLit {
            lit: Lit::Str(literal),
            attrs,
        }) if attrs.is_empty() && literal.suffix().is_empty() => Some(literal),
        _ => None,
    }
}
