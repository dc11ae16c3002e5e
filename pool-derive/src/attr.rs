//! Reads `#[pool(...)]`.

use crate::errors::Errors;
use proc_macro2::{Ident, Span, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, Meta, Path, Token};

/// What the attributes say.
#[derive(Default)]
pub(crate) struct Attrs {
    pub(crate) capacity: Option<Expr>,
    pub(crate) magazine: Option<Expr>,
    pub(crate) prefault: bool,
    pub(crate) cache_line: bool,
    pub(crate) krate: Option<Path>,
    /// The names that were given.
    seen: Vec<String>,
}

/// The names, in the order of the documentation.
const NAMES: [&str; 5] = ["capacity", "magazine", "prefault", "cache_line", "crate"];

/// Other words for them, that one might think of.
const SYNONYMS: [(&str, &str); 6] = [
    ("cap", "capacity"),
    ("size", "capacity"),
    ("max", "capacity"),
    ("batch", "magazine"),
    ("cache", "magazine"),
    ("align", "cache_line"),
];

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
        attrs
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
            return Err(input.error(format!("a name is missing: known are {}", known())));
        };
        let text = name.to_string();
        if !NAMES.contains(&text.as_str()) {
            let guess = closest(&text)
                .map(|name| format!("did you mean `{name}`? "))
                .unwrap_or_default();
            let message = format!("unknown attribute `{text}`: {guess}known are {}", known());
            return Err(syn::Error::new(name.span(), message));
        }
        if self.seen.contains(&text) {
            errors.say(&name, &format!("`{text}` is given twice: leave one out"));
        }
        match text.as_str() {
            "capacity" => self.capacity = Some(value(&name, input, "as in `capacity = 1 << 20`")?),
            "magazine" => self.magazine = Some(value(&name, input, "as in `magazine = 64`")?),
            "crate" => self.krate = Some(value(&name, input, "as in `crate = my::pool`")?),
            "prefault" => self.prefault = flag(&name, input)?,
            _ => self.cache_line = flag(&name, input)?,
        }
        self.seen.push(text);
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(());
        }
        Err(input.error("a comma is missing here"))
    }
}

/// The names, for a message.
fn known() -> String {
    NAMES.map(|name| format!("`{name}`")).join(", ")
}

/// The known name that a misspelt one resembles.
fn closest(name: &str) -> Option<&'static str> {
    let synonym = SYNONYMS.into_iter().find(|(synonym, _)| *synonym == name);
    if let Some((_, known)) = synonym {
        return Some(known);
    }
    let known = NAMES
        .into_iter()
        .map(|known| (distance(name, known), known));
    let (distance, known) = known.min()?;
    (distance <= known.len() / 3).then_some(known)
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
