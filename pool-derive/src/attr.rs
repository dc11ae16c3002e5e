//! Reads `#[pool(...)]`.

use crate::errors::Errors;
use crate::words::Words;
use proc_macro2::{Ident, Span, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path, Token};

/// What the attributes say.
#[derive(Default)]
pub(crate) struct Attrs {
    pub(crate) capacity: Option<Expr>,
    pub(crate) magazine: Option<Expr>,
    pub(crate) prefault: bool,
    pub(crate) cache_line: bool,
    /// A variant of `PageSize`.
    pub(crate) pages: Option<Ident>,
    pub(crate) pages_required: bool,
    pub(crate) lock: bool,
    /// A variant of `NumaPolicy`.
    pub(crate) numa: Option<Ident>,
    pub(crate) krate: Option<Path>,
    /// The names that were given.
    seen: Vec<Ident>,
}

const NAMES: Words = Words {
    known: &[
        "capacity",
        "magazine",
        "prefault",
        "cache_line",
        "pages",
        "pages_required",
        "lock",
        "numa",
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
    ],
    quote: '`',
};

/// An attribute whose value is one of a few words, in quotes.
struct Choice {
    words: Words,
    /// The variants that the words stand for, in their order.
    variants: &'static [&'static str],
    /// A word for examples.
    example: &'static str,
}

const PAGES: Choice = Choice {
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

const NUMA: Choice = Choice {
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

impl Attrs {
    /// Reads what can be read, and adds an error for each thing that cannot.
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut attrs = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("pool")) {
            match &attribute.meta {
                Meta::List(list) => {
                    let mut wrong = Errors::default();
                    let read = list.parse_args_with(|input: ParseStream<'_>| {
                        attrs.read_list(input, &mut wrong);
                        Ok(())
                    });
                    // The parser's own afterthoughts count if there is nothing else.
                    if let (Err(error), true) = (read, wrong.is_empty()) {
                        wrong.add(error);
                    }
                    errors.append(wrong);
                }
                other => errors.say(
                    other,
                    "write `#[pool(...)]`, as in `#[pool(capacity = 1024)]`",
                ),
            }
        }
        attrs.check_pages_required(errors);
        attrs
    }

    /// Base pages cannot be missing, so to require them is a mistake: others were meant.
    fn check_pages_required(&self, errors: &mut Errors) {
        // What could not be read may have been the pages.
        let base = errors.is_empty() && self.pages.as_ref().is_none_or(|pages| pages == "Base");
        let mut seen = self.seen.iter();
        if let (Some(name), true) = (seen.find(|name| *name == "pages_required"), base) {
            let message = "`pages_required` without pages to require, for base pages are always \
                           there: say which, as in `pages = \"huge_2m\", pages_required`";
            errors.say(name, message);
        }
    }

    /// Reads a list to its end: what is wrong with one item says nothing about the next.
    fn read_list(&mut self, input: ParseStream<'_>, errors: &mut Errors) {
        while !input.is_empty() {
            if let Err(error) = self.read_item(input, errors) {
                errors.add(error);
                while !input.is_empty() && !input.peek(Token![,]) {
                    let _: syn::Result<TokenTree> = input.parse();
                }
            }
            let _: syn::Result<Token![,]> = input.parse();
        }
    }

    fn read_item(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        let Ok(name) = input.call(Ident::parse_any) else {
            return Err(input.error(format!("a name is missing: known are {}", NAMES.list())));
        };
        let text = name.to_string();
        if !NAMES.contains(&text) {
            let message = format!("unknown attribute `{text}`: {}", NAMES.hint(&text));
            return Err(syn::Error::new(name.span(), message));
        }
        if self.seen.contains(&name) {
            errors.say(&name, &format!("`{text}` is given twice: leave one out"));
        }
        self.seen.push(name.clone());
        match text.as_str() {
            "capacity" => self.capacity = Some(value(&name, input, "as in `capacity = 1 << 20`")?),
            "magazine" => self.magazine = Some(value(&name, input, "as in `magazine = 64`")?),
            "crate" => self.krate = Some(value(&name, input, "as in `crate = my::pool`")?),
            "pages" => self.pages = Some(PAGES.read(&name, input)?),
            "numa" => self.numa = Some(NUMA.read(&name, input)?),
            "prefault" => self.prefault = flag(&name, input)?,
            "cache_line" => self.cache_line = flag(&name, input)?,
            "pages_required" => self.pages_required = flag(&name, input)?,
            _ => self.lock = flag(&name, input)?,
        }
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(());
        }
        Err(input.error("a comma is missing here"))
    }
}

impl Choice {
    /// Reads `= "word"`, and gives the variant.
    fn read(&self, name: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
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

/// What stands after `name =`.
fn value<T: Parse>(name: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<T> {
    let wanted = format!("`{name}` wants a value, {example}");
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(name.span(), wanted));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new_spanned(equals, wanted));
    }
    let place: Span = input.span();
    input.parse().map_err(|error| {
        // An error at the end of the attribute has no token of its own.
        let span = if input.is_empty() {
            place
        } else {
            error.span()
        };
        syn::Error::new(span, format!("{error}; {wanted}"))
    })
}

/// A name that stands alone.
fn flag(name: &Ident, input: ParseStream<'_>) -> syn::Result<bool> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(true);
    }
    let message = format!("`{name}` takes no value: write it alone, or leave it out");
    Err(syn::Error::new(input.span(), message))
}

impl Errors {
    /// Adds an error at `tokens`.
    pub(crate) fn say(&mut self, tokens: &impl ToTokens, message: &str) {
        self.add(syn::Error::new_spanned(tokens, message));
    }
}
