//! `#[derive(Pooled)]`, for the `pool` crate; use it from there.
//!
//! A pipeline: `attr` reads the `#[pool(...)]` attributes, `ast` puts them beside the type, `valid`
//! refuses what cannot be, `expand` writes the code, and where there were errors `fallback` writes
//! an implementation beside them, so that the compiler has nothing more to say than they do.

#![forbid(unsafe_code)]

mod ast;
mod attr;
mod errors;
mod expand;
mod fallback;
mod valid;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Gives a type its own `static` pool. See the trait of the same name in the `pool` crate.
#[proc_macro_derive(Pooled, attributes(pool))]
pub fn derive_pooled(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let (pooled, errors) = ast::Pooled::read(&input);
    match errors.and(valid::check(&input)).finish() {
        Ok(()) => expand::expand(&pooled),
        Err(error) => fallback::expand(&pooled, &error),
    }
    .into()
}
