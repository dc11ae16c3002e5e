//! An implementation for a type whose attributes are wrong, so that the errors are the only ones.

use crate::ast::Pooled;
use crate::expand::private;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::GenericParam;

pub(crate) fn expand(pooled: &Pooled<'_>, error: &syn::Error) -> TokenStream {
    let errors = error.to_compile_error();
    let Pooled {
        ident,
        generics,
        attrs,
    } = pooled;
    let private = private(attrs.krate.as_ref());
    // For the trait's `'static`, lifetimes are all that; other parameters are asked to be.
    let mut generics = (*generics).clone();
    let lifetimes: Vec<_> = generics.lifetimes().map(|l| l.lifetime.clone()).collect();
    generics.params = std::mem::take(&mut generics.params)
        .into_iter()
        .filter(|parameter| !matches!(parameter, GenericParam::Lifetime(_)))
        .collect();
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    // A bound may name a lifetime, which is gone, and `?Sized` is none of the trait's. Then there is
    // nothing to fall back to.
    let own: Vec<_> = generics.type_params().flat_map(|t| &t.bounds).collect();
    let bounded = where_clause.is_some() || !own.is_empty();
    let maybe_sized = own
        .iter()
        .any(|bound| bound.to_token_stream().to_string().starts_with('?'));
    if (!lifetimes.is_empty() && bounded) || maybe_sized {
        return errors;
    }
    let arguments = lifetimes
        .iter()
        .map(|_| quote!('static))
        .chain(generics.params.iter().map(|parameter| match parameter {
            GenericParam::Type(parameter) => parameter.ident.to_token_stream(),
            GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
            GenericParam::Lifetime(_) => TokenStream::new(),
        }));
    let arguments = quote!(<#(#arguments),*>);
    let bounds = generics.type_params().map(|parameter| {
        let ident = &parameter.ident;
        quote!(#ident: 'static,)
    });
    let predicates = where_clause.map(|clause| {
        let predicates = clause.predicates.iter();
        quote!(#(#predicates,)*)
    });
    let bounds = quote!(#(#bounds)* #predicates);
    // A word that is misspelt may have meant any of these; `recycle` asks for more than a pool.
    let recycles = attrs.recycle.as_ref().map(|_| {
        quote! {
            unsafe impl #impl_generics #private::Recycles for #ident #arguments
            where
                #bounds
                Self: #private::Recycle + ::core::marker::Send + ::core::marker::Unpin,
            {}
        }
    });
    // SAFETY, of what is written here: nothing is run of a crate that does not compile.
    quote! {
        #errors
        #[doc(hidden)]
        const _: () = {
            #[automatically_derived]
            unsafe impl #impl_generics #private::Pooled for #ident #arguments
            where
                #bounds
            {
                fn pool() -> &'static #private::Pool<Self> {
                    ::core::unreachable!()
                }

                fn __cache() -> &'static #private::LocalKey<#private::ThreadCache> {
                    ::core::unreachable!()
                }
            }
            unsafe impl #impl_generics #private::Shared for #ident #arguments where #bounds {}
            unsafe impl #impl_generics #private::Waits for #ident #arguments where #bounds {}
            #recycles
        };
    }
}
