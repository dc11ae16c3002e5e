//! Writes the implementation.
//!
//! Only absolute paths, all in an anonymous constant; the few names in the scope of the user's
//! expressions begin with `__POOL`. Spans are the derive's own, so that the `unsafe impl` is accepted where the user forbids unsafe code; the
//! user's expressions keep theirs.

use crate::ast::Pooled;
use proc_macro2::{Ident, Span, TokenStream};
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
    let mut values = TokenStream::new();
    if let Some(capacity) = &attrs.capacity {
        let checks = [
            (
                quote!(__POOL_CAPACITY == 0),
                "a pool's capacity is 0: write at least 1, or leave `capacity` out",
            ),
            (
                quote!(__POOL_CAPACITY > #private::max_capacity::<#ident>()),
                "a pool's capacity is more than an address space holds: write a smaller one",
            ),
        ];
        values.extend(constant("__POOL_CAPACITY", "usize", capacity, &checks));
        config.extend(quote!(.capacity(__POOL_CAPACITY)));
    }
    if let Some(magazine) = &attrs.magazine {
        let checks = [
            (
                quote!(__POOL_MAGAZINE == 0),
                "a pool's magazine is 0: write at least 1, or leave `magazine` out",
            ),
            (
                quote!(__POOL_MAGAZINE > #private::MAX_MAGAZINE),
                "a pool's magazine is over 65535: write a smaller one, or leave `magazine` out",
            ),
        ];
        values.extend(constant("__POOL_MAGAZINE", "u32", magazine, &checks));
        config.extend(quote!(.magazine(__POOL_MAGAZINE)));
    }
    if attrs.prefault {
        config.extend(quote!(.prefault(true)));
    }
    if attrs.cache_line {
        config.extend(quote!(.cache_line(true)));
    }
    if let Some(pages) = &attrs.pages {
        config.extend(quote!(.pages(#private::PageSize::#pages)));
    }
    if attrs.pages_required {
        config.extend(quote!(.pages_required(true)));
    }
    if attrs.lock {
        config.extend(quote!(.lock(true)));
    }
    if let Some(numa) = &attrs.numa {
        config.extend(quote!(.numa(#private::NumaPolicy::#numa)));
    }
    // SAFETY, of what is written here: the pool and the cache's key are made for this type, in this
    // place alone, and each is handed out by one function that always gives the same. The pool is a
    // `static`, so it is never dropped; the cache is used with that pool only.
    quote! {
        #[doc(hidden)]
        const _: () = {
            #values
            #[automatically_derived]
            unsafe impl #private::Pooled for #ident {
                #[inline]
                fn pool() -> &'static #private::Pool<Self> {
                    static __POOL: #private::Pool<#ident> = unsafe {
                        #private::Pool::for_static(#config, <#ident as #private::Pooled>::__cache)
                    };
                    &__POOL
                }

                #[inline(always)]
                fn __cache() -> &'static #private::LocalKey<#private::ThreadCache> {
                    ::std::thread_local! {
                        // SAFETY: used with the pool above, and no other.
                        static __CACHE: #private::ThreadCache =
                            const { unsafe { #private::ThreadCache::new() } };
                    }
                    &__CACHE
                }
            }
        };
    }
}

/// Names the value of an expression, and refuses what cannot be where it is written.
fn constant(name: &str, ty: &str, value: &Expr, checks: &[(TokenStream, &str)]) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    // At the user's place, so that the compiler points at the expression: for a value that cannot
    // be, and for one of another type.
    let ty = Ident::new(ty, value.span());
    let checks = checks.iter().map(|(wrong, message)| {
        quote_spanned! {value.span()=>
            const _: () = if #wrong { ::core::panic!(#message) };
        }
    });
    quote! {
        const #name: ::core::primitive::#ty = #value;
        #(#checks)*
    }
}
