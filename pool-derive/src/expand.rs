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
        let message = "a pool's capacity must be at least 1";
        values.extend(constant("__POOL_CAPACITY", "usize", capacity, message));
        config.extend(quote!(.capacity(__POOL_CAPACITY)));
    }
    if let Some(magazine) = &attrs.magazine {
        let message = "a pool's magazine must hold at least 1 slot";
        values.extend(constant("__POOL_MAGAZINE", "u32", magazine, message));
        config.extend(quote!(.magazine(__POOL_MAGAZINE)));
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
                        static __CACHE: #private::ThreadCache =
                            const { unsafe { #private::ThreadCache::new() } };
                    }
                    &__CACHE
                }
            }
        };
    }
}

/// Names the value of an expression, and refuses a zero where it is written.
fn constant(name: &str, ty: &str, value: &Expr, message: &str) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    // At the user's place, so that the compiler points at the expression: for a zero, and for a
    // value of another type.
    let ty = Ident::new(ty, value.span());
    let check = quote_spanned! {value.span()=>
        if #name == 0 { ::core::panic!(#message) }
    };
    quote! {
        const #name: ::core::primitive::#ty = #value;
        const _: () = #check;
    }
}
