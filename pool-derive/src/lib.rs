//! `#[derive(Pooled)]`, for the `pool` crate; use it from there.
//!
//! A pipeline: `attr` reads the `#[pool(...)]` attributes (`vocabulary` knows which there are, `words`
//! what a misspelt one was meant to be, `list` what `for(...)` holds), `ast` puts them beside the type,
//! `valid` refuses what cannot be, `expand` writes the code, and where there were errors `fallback`
//! writes an implementation beside them, so that the compiler has nothing more to say than they do.

#![forbid(unsafe_code)]

mod ast;
mod attr;
mod errors;
mod expand;
mod fallback;
mod list;
mod valid;
mod vocabulary;
mod words;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Gives a struct or an enum its own `static` pool; see the trait of the same name.
///
/// ```text
/// #[derive(Pooled)]
/// #[pool(capacity = 1 << 20, cache_line)]
/// struct Order { id: u64, price: i64, qty: u32 }
/// ```
///
/// | `#[pool(...)]` | meaning |
/// |---|---|
/// | `capacity = EXPR` | objects that the pool promises to hold, a `usize`; 65,536 if left out |
/// | `magazine = EXPR` | free slots that a thread moves at a time, a `u32` from 1 to 65,535 |
/// | `prefault` | touch the memory of all objects when the pool is made |
/// | `cache_line` | no two objects on one cache line |
/// | `pages = "WORD"` | pages of that size, if they are to be had: `"base"`, `"transparent"`, `"huge_2m"`, `"huge_1g"` |
/// | `pages_required` | smaller pages are an error |
/// | `lock` | lock the memory of all objects, so that it is never swapped out |
/// | `numa = "WORD"` | whose node's memory a thread gets: `"local_only"`, `"preferred"`, `"interleaved"`, `"adaptive"` |
/// | `shared` | objects may have several owners, by `PoolArc` and `PoolWeak`: 8 bytes more a slot |
/// | `recycle` | free objects stay as they are, for `Pool::take`; the type implements `Recycle` |
/// | `on_full = "WORD"` | what to do when the capacity is in use: `"error"`, `"heap"`, `"wait"` |
/// | `scrub` | overwrite freed memory with zeros |
/// | `for(TYPE, ...)` | of a generic type: the instantiations that have pools, one each |
/// | `crate = PATH` | where the `pool` crate is, if it is renamed or re-exported |
///
/// `shared` and `on_full = "heap"` exclude each other, and so do `recycle` and `scrub`. What is said
/// of a generic type is said of each instantiation in its lists.
///
/// Expressions are constant ones, and name the type by its name and not by `Self`.
#[proc_macro_derive(Pooled, attributes(pool))]
pub fn derive_pooled(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let (pooled, mut errors) = ast::Pooled::read(&input);
    errors.append(valid::check(&input, &pooled.attrs.lists));
    match errors.finish() {
        Ok(()) => expand::expand(&pooled),
        Err(error) => fallback::expand(&pooled, &error),
    }
    .into()
}
