//! Reads `#[pool(...)]`.

use crate::errors::Errors;
use crate::list::List;
use crate::vocabulary::{NAMES, NUMA, ON_FULL, PAGES};
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
    /// A variant of `PageSize`.
    pub(crate) pages: Option<Ident>,
    pub(crate) pages_required: bool,
    pub(crate) lock: bool,
    /// A variant of `NumaPolicy`.
    pub(crate) numa: Option<Ident>,
    pub(crate) shared: bool,
    /// The word itself, to point at.
    pub(crate) recycle: Option<Ident>,
    pub(crate) scrub: bool,
    /// A variant of `OnFull`.
    pub(crate) on_full: Option<Ident>,
    pub(crate) lists: Vec<List>,
    pub(crate) krate: Option<Path>,
    /// The names that were given.
    seen: Vec<Ident>,
}

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
        attrs.check_exclusions(errors);
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

    /// Refuses what cannot be together, at the word that came later.
    fn check_exclusions(&self, errors: &mut Errors) {
        let on_full = |word: &str| self.on_full.as_ref().is_some_and(|on_full| on_full == word);
        let on_heap = on_full("Heap");
        let is_local = self.numa.as_ref().is_some_and(|numa| numa == "LocalOnly");
        let pairs = [
            (
                self.shared && on_heap,
                ["shared", "on_full"],
                "`shared` and `on_full = \"heap\"` exclude each other: an object on the heap has no \
                 number for a `PoolWeak`; leave `shared` out, or write `on_full = \"error\"` or \
                 `on_full = \"wait\"`",
            ),
            (
                self.scrub && self.recycle.is_some(),
                ["recycle", "scrub"],
                "`recycle` and `scrub` exclude each other: one keeps objects as they are when they \
                 are freed, the other overwrites them; leave one out",
            ),
            (
                is_local && on_heap,
                ["numa", "on_full"],
                "`numa = \"local_only\"` and `on_full = \"heap\"` exclude each other: the heap is on \
                 no node; write `numa = \"preferred\"` or `on_full = \"error\"`",
            ),
            (
                is_local && on_full("Wait"),
                ["numa", "on_full"],
                "`numa = \"local_only\"` and `on_full = \"wait\"` exclude each other: who waits gets \
                 the slot that comes free first, of whatever node; write `numa = \"preferred\"` or \
                 `on_full = \"error\"`",
            ),
        ];
        for (both, names, message) in pairs {
            let later = self
                .seen
                .iter()
                .rev()
                .find(|name| names.iter().any(|n| *name == n));
            if let (Some(name), true) = (later, both) {
                errors.say(name, message);
            }
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
        if text != "for" && self.seen.contains(&name) {
            errors.say(&name, &format!("`{text}` is given twice: leave one out"));
        }
        self.seen.push(name.clone());
        match text.as_str() {
            "capacity" => self.capacity = Some(value(&name, input, "as in `capacity = 1 << 20`")?),
            "magazine" => self.magazine = Some(value(&name, input, "as in `magazine = 64`")?),
            "crate" => self.krate = Some(value(&name, input, "as in `crate = my::pool`")?),
            "pages" => self.pages = Some(PAGES.read(&name, input)?),
            "numa" => self.numa = Some(NUMA.read(&name, input)?),
            "on_full" => self.on_full = Some(ON_FULL.read(&name, input)?),
            "shared" => self.shared = flag(&name, input)?,
            "recycle" => self.recycle = flag(&name, input)?.then_some(name),
            "scrub" => self.scrub = flag(&name, input)?,
            "for" => {
                // One that cannot be read is a list all the same.
                let mut list = List::new(&name);
                let read = list.read(input, errors);
                self.lists.push(list);
                read?;
            }
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

/// What stands after `name =`.
pub(crate) fn value<T: Parse>(
    name: &Ident,
    input: ParseStream<'_>,
    example: &str,
) -> syn::Result<T> {
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
