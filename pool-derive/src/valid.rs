//! Refuses types that cannot have a pool.

use crate::errors::Errors;
use syn::{Data, DeriveInput, GenericParam};

pub(crate) fn check(input: &DeriveInput) -> Errors {
    let mut errors = Errors::default();
    if let Data::Union(union) = &input.data {
        errors.add(syn::Error::new_spanned(
            union.union_token,
            "a union cannot be pooled: its pool would not know what to drop; wrap it in a struct",
        ));
    }
    for parameter in &input.generics.params {
        let (what, way_out) = match parameter {
            GenericParam::Lifetime(_) => (
                "a type with a lifetime cannot be pooled: its pool lives for ever",
                "own the data, or use a `pool::Pool` value, which may hold borrowed data",
            ),
            GenericParam::Type(_) | GenericParam::Const(_) => (
                "a generic type has no single pool: each instantiation would need its own",
                "derive on a newtype of the instantiation, or use a `pool::Pool` value",
            ),
        };
        errors.add(syn::Error::new_spanned(
            parameter,
            format!("{what}; {way_out}"),
        ));
    }
    errors
}
