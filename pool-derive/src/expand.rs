//! Writes the implementation.
//!
//! Only absolute paths; names that a user's expression could mean are not in its scope: the
//! expressions stand in an item of their own, beside the statics and not under them. Spans are the
//! derive's own, so that the `unsafe impl` is accepted where the user forbids unsafe code; the
//! user's expressions keep theirs.

use crate::ast::Pooled;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Path};

/// The crate's hidden door.
pub(crate) fn private(krate: Option<&Path>) -> TokenStream {
    match krate {
        Some(path) => quote!(#path::__private),
        None => quote!(::pool::__private),
    }
}

pub(crate) fn expand(pooled: &Pooled<'_>) -> TokenStream {
    let Pooled { ident, attrs, .. } = pooled;
    let private = private(attrs.krate.as_ref());
    let mut config = quote!(#private::PoolConfig::new());
    let mut checks = TokenStream::new();
    if let Some(capacity) = &attrs.capacity {
        config.extend(quote!(.capacity(#capacity)));
        checks.extend(not_zero(capacity, "a pool's capacity must be at least 1"));
    }
    if let Some(magazine) = &attrs.magazine {
        config.extend(quote!(.magazine(#magazine)));
        checks.extend(not_zero(magazine, "a pool's magazine must hold at least 1 slot"));
    }
    if attrs.prefault {
        config.extend(quote!(.prefault(true)));
    }
    if attrs.cache_line {
        config.extend(quote!(.cache_line(true)));
    }
    quote! {
        #[doc(hidden)]
        const _: () = {
            #checks
            #[automatically_derived]
            unsafe impl #private::Pooled for #ident {
                #[inline]
                fn pool() -> &'static #private::Pool<Self> {
                    static __POOL: #private::Pool<#ident> = #private::Pool::for_static(#config);
                    &__POOL
                }

                #[inline(always)]
                fn __cache() -> &'static #private::LocalKey<#private::ThreadCache> {
                    #private::thread_local! {
                        static __CACHE: #private::ThreadCache =
                            const { #private::ThreadCache::new() };
                    }
                    &__CACHE
                }
            }
        };
    }
}

/// Refuses a zero where it is written.
fn not_zero(value: &Expr, message: &str) -> TokenStream {
    // Resolved at the user's place, so that the compiler points at the expression.
    let span = value.span();
    quote_spanned! {span=>
        const _: () = if (#value) == 0 { ::core::panic!(#message) };
    }
}
