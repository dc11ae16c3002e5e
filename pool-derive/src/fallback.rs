//! An implementation for a type whose attributes are wrong, so that the errors are the only ones.

use crate::ast::Pooled;
use crate::expand::private;
use proc_macro2::TokenStream;
use quote::quote;

pub(crate) fn expand(pooled: &Pooled<'_>, error: &syn::Error) -> TokenStream {
    let errors = error.to_compile_error();
    let Pooled {
        ident,
        generics,
        attrs,
    } = pooled;
    // A lifetime could not satisfy the trait's `'static`: then there is nothing to fall back to.
    if generics.lifetimes().next().is_some() {
        return errors;
    }
    let private = private(attrs.krate.as_ref());
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let bounds = generics.type_params().map(|parameter| {
        let ident = &parameter.ident;
        quote!(#ident: 'static,)
    });
    let predicates = where_clause.map(|clause| {
        let predicates = clause.predicates.iter();
        quote!(#(#predicates,)*)
    });
    quote! {
        #errors
        #[doc(hidden)]
        const _: () = {
            #[automatically_derived]
            unsafe impl #impl_generics #private::Pooled for #ident #type_generics
            where
                #(#bounds)*
                #predicates
            {
                fn pool() -> &'static #private::Pool<Self> {
                    ::core::unreachable!()
                }

                fn __cache() -> &'static #private::LocalKey<#private::ThreadCache> {
                    ::core::unreachable!()
                }
            }
        };
    }
}
