//! Writes the implementation.
//!
//! Only absolute paths, all in an anonymous constant; the few names in the scope of the user's
//! expressions begin with `__POOL`. Spans are the derive's own, so that the `unsafe impl` is accepted
//! where the user forbids unsafe code; the user's expressions and types keep theirs.

use crate::ast::Pooled;
use crate::attr::Attrs;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Path, Type};

/// The crate's hidden door.
pub(crate) fn private(krate: Option<&Path>) -> TokenStream {
    match krate {
        Some(path) => quote!(#path::__private),
        None => quote!(::pool::__private),
    }
}

/// A type that gets a pool.
struct Target {
    ty: TokenStream,
    /// What is written for it: the derive's own tokens, at the place of the type in a list, so that
    /// the compiler points there.
    span: Span,
    /// The user's place of it, if it is in a list.
    listed: Option<Span>,
}

impl Target {
    /// The type itself; of a generic one, those that are listed, and declarations of names for them, so
    /// that what the user wrote is there once: what is wrong with it is said once.
    fn all(pooled: &Pooled<'_>) -> (Vec<Self>, TokenStream) {
        let Pooled { ident, attrs, .. } = pooled;
        let itself = Self {
            ty: ident.to_token_stream(),
            span: Span::call_site(),
            listed: None,
        };
        if attrs.lists.is_empty() {
            return (vec![itself], TokenStream::new());
        }
        let mut names = TokenStream::new();
        let entries = attrs.lists.iter().flat_map(|list| &list.entries);
        let all = entries.enumerate().map(|(n, entry)| {
            let name = format_ident!("__POOL_TYPE_{n}");
            names.extend(quote!(type #name = #entry;));
            Self::listed(name, entry)
        });
        (all.collect(), names)
    }

    fn listed(mut name: Ident, entry: &Type) -> Self {
        let first = entry.span();
        let last = entry.to_token_stream().into_iter().last();
        let last = last.map_or(first, |token| token.span());
        // From the first token to the last: no generics, for their place only.
        name.set_span(first);
        let open = quote_spanned!(first=> <);
        let close = quote_spanned!(last=> >);
        Self {
            ty: quote!(#name #open #close),
            span: own(first),
            listed: Some(first),
        }
    }
}

/// The derive's own, at a place of the user's.
fn own(place: Span) -> Span {
    Span::call_site().located_at(place)
}

/// The same tokens, at another place.
fn moved(tokens: &TokenStream, place: Span) -> TokenStream {
    let tokens = tokens.clone().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(place));
        token
    });
    tokens.collect()
}

pub(crate) fn expand(pooled: &Pooled<'_>) -> TokenStream {
    let attrs = &pooled.attrs;
    let private = private(attrs.krate.as_ref());
    let (targets, names) = Target::all(pooled);
    let values = values(attrs, &targets, &private);
    let config = config(attrs, &private);
    let kind = kind(attrs, &private);
    let implementations = targets.iter().map(|target| {
        let implementation = implementation(attrs, target, &private, &config, &kind);
        let markers = markers(attrs, target, &private);
        quote!(#implementation #markers)
    });
    quote! {
        #[doc(hidden)]
        const _: () = {
            #names
            #values
            #(#implementations)*
        };
    }
}

/// The user's expressions, each evaluated once.
fn values(attrs: &Attrs, targets: &[Target], private: &TokenStream) -> TokenStream {
    let mut values = TokenStream::new();
    if let Some(capacity) = &attrs.capacity {
        let zero = (
            quote!(__POOL_CAPACITY == 0),
            "a pool's capacity is 0: write at least 1, or leave `capacity` out",
        );
        values.extend(constant("__POOL_CAPACITY", "usize", capacity, &[zero]));
        for Target { ty, listed, .. } in targets {
            let wrong = quote!(__POOL_CAPACITY > #private::max_capacity::<#ty>());
            let message = if listed.is_some() {
                "the capacity of this instantiation's pool is more than an address space holds: write \
                 a smaller one"
            } else {
                "a pool's capacity is more than an address space holds: write a smaller one"
            };
            let span = listed.unwrap_or(capacity.span());
            values.extend(refusal(span, &wrong, message));
        }
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
    }
    values
}

/// The builder, with what the attributes say.
fn config(attrs: &Attrs, private: &TokenStream) -> TokenStream {
    let mut config = quote!(#private::PoolConfig::new());
    if attrs.capacity.is_some() {
        config.extend(quote!(.capacity(__POOL_CAPACITY)));
    }
    if attrs.magazine.is_some() {
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
    config
}

/// What the handles are compiled for.
fn kind(attrs: &Attrs, private: &TokenStream) -> TokenStream {
    let mut kind = quote!(#private::Kind::PLAIN);
    if attrs.shared {
        kind.extend(quote!(.shared()));
    }
    if attrs.recycle.is_some() {
        kind.extend(quote!(.recycled()));
    }
    if attrs.scrub {
        kind.extend(quote!(.scrubbed()));
    }
    if let Some(on_full) = &attrs.on_full {
        kind.extend(quote!(.on_full(#private::OnFull::#on_full)));
    }
    kind
}

fn implementation(
    attrs: &Attrs,
    target: &Target,
    private: &TokenStream,
    config: &TokenStream,
    kind: &TokenStream,
) -> TokenStream {
    let Target { ty, span, .. } = target;
    let recycling = attrs.recycle.as_ref().map(|_| {
        quote_spanned! {*span=>
            const __DISCARD: ::core::option::Option<#private::Discard> =
                ::core::option::Option::Some(#private::discard::<#ty>);

            #[inline]
            unsafe fn __end(slot: ::core::ptr::NonNull<Self>) {
                unsafe { #private::recycle(slot) }
            }
        }
    });
    // SAFETY, of what is written here: the pool and the cache's key are made for this type, in this
    // place alone, and each is handed out by one function that always gives the same. The pool is a
    // `static`, so it is never dropped; the cache is used with that pool only. The kind says
    // `recycled` if objects are discarded and ended as recycled ones are, and not otherwise.
    quote_spanned! {*span=>
        #[automatically_derived]
        unsafe impl #private::Pooled for #ty {
            #[inline]
            fn pool() -> &'static #private::Pool<Self> {
                static __POOL: #private::Pool<#ty> = unsafe {
                    #private::Pool::for_static(#config, <#ty as #private::Pooled>::__cache)
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

            const __KIND: #private::Kind = #kind;
            #recycling
        }
    }
}

/// What handles may ask of the type.
fn markers(attrs: &Attrs, target: &Target, private: &TokenStream) -> TokenStream {
    let Target { ty, span, listed } = target;
    let mut markers = TokenStream::new();
    // SAFETY, of what is written here: the kind says so.
    if attrs.shared {
        markers.extend(quote_spanned!(*span=> unsafe impl #private::Shared for #ty {}));
    }
    if attrs
        .on_full
        .as_ref()
        .is_some_and(|on_full| on_full == "Wait")
    {
        markers.extend(quote_spanned!(*span=> unsafe impl #private::Waits for #ty {}));
    }
    if let Some(recycle) = &attrs.recycle {
        // At the attribute, which asks for the traits that the type may lack; of several types, at the
        // one that lacks them.
        let (ty, span) = if listed.is_some() {
            (ty.clone(), *span)
        } else {
            (moved(ty, recycle.span()), own(recycle.span()))
        };
        markers.extend(quote_spanned!(span=> unsafe impl #private::Recycles for #ty {}));
    }
    markers
}

/// Names the value of an expression, and refuses what cannot be where it is written.
fn constant(name: &str, ty: &str, value: &Expr, checks: &[(TokenStream, &str)]) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    // At the user's place, so that the compiler points at the expression: for a value that cannot
    // be, and for one of another type.
    let ty = Ident::new(ty, value.span());
    let checks = checks
        .iter()
        .map(|(wrong, message)| refusal(value.span(), wrong, message));
    quote! {
        const #name: ::core::primitive::#ty = #value;
        #(#checks)*
    }
}

/// An error at compile time, at a place of the user's.
fn refusal(place: Span, wrong: &TokenStream, message: &str) -> TokenStream {
    quote_spanned! {place=>
        const _: () = if #wrong { ::core::panic!(#message) };
    }
}
