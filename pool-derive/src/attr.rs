//! Reads `#[pool(...)]`.

use crate::errors::Errors;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::{Attribute, Expr, Path, Token};

/// What the attributes say.
#[derive(Default)]
pub(crate) struct Attrs {
    pub(crate) capacity: Option<Expr>,
    pub(crate) magazine: Option<Expr>,
    pub(crate) prefault: bool,
    pub(crate) cache_line: bool,
    pub(crate) krate: Option<Path>,
}

/// The names, in the order of the documentation.
const NAMES: [&str; 5] = ["capacity", "magazine", "prefault", "cache_line", "crate"];

impl Attrs {
    /// Reads what can be read, and adds an error for what cannot.
    pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut attrs = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("pool")) {
            let read = attribute.parse_nested_meta(|meta| {
                let name = name_of(&meta)?;
                if seen.contains(&name) {
                    errors.add(meta.error(format!("`{name}` is given twice: leave one out")));
                }
                attrs.read_one(&name, &meta, errors)?;
                seen.push(name);
                Ok(())
            });
            if let Err(error) = read {
                errors.add(error);
            }
        }
        attrs
    }

    fn read_one(
        &mut self,
        name: &str,
        meta: &ParseNestedMeta<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        match name {
            "capacity" => {
                self.capacity = Some(value(meta, "an expression, as in `capacity = 1 << 20`")?)
            }
            "magazine" => {
                self.magazine = Some(value(meta, "an expression, as in `magazine = 64`")?)
            }
            "crate" => self.krate = Some(value(meta, "a path, as in `crate = my::pool`")?),
            "prefault" => self.prefault = flag(meta, errors)?,
            "cache_line" => self.cache_line = flag(meta, errors)?,
            _ => unreachable!("`name_of` gives known names"),
        }
        Ok(())
    }
}

/// The name of an attribute, if it is one of ours.
fn name_of(meta: &ParseNestedMeta<'_>) -> syn::Result<String> {
    let name = meta.path.get_ident().map(ToString::to_string);
    match name {
        Some(name) if NAMES.contains(&name.as_str()) => Ok(name),
        _ => {
            let known = NAMES.map(|name| format!("`{name}`")).join(", ");
            let guess = name
                .and_then(|name| closest(&name))
                .map(|name| format!("did you mean `{name}`? "))
                .unwrap_or_default();
            Err(meta.error(format!("unknown attribute: {guess}known are {known}")))
        }
    }
}

/// The known name that a misspelt one resembles.
fn closest(name: &str) -> Option<&'static str> {
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
fn value<T: syn::parse::Parse>(meta: &ParseNestedMeta<'_>, wanted: &str) -> syn::Result<T> {
    let name = name_of(meta)?;
    let input: ParseStream<'_> = meta.input;
    if !input.peek(Token![=]) {
        return Err(meta.error(format!("`{name}` wants a value: {wanted}")));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("a value is missing here: {wanted}");
        return Err(syn::Error::new_spanned(equals, message));
    }
    input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), format!("{error}; `{name}` wants {wanted}")))
}

/// A name that stands alone.
fn flag(meta: &ParseNestedMeta<'_>, errors: &mut Errors) -> syn::Result<bool> {
    if meta.input.peek(Token![=]) {
        let equals: Token![=] = meta.input.parse()?;
        let value: Expr = meta.input.parse()?;
        let name = name_of(meta)?;
        let message = format!("`{name}` takes no value: write it alone, or leave it out");
        errors.add(syn::Error::new_spanned(
            quote::quote!(#equals #value),
            message,
        ));
    }
    Ok(true)
}
