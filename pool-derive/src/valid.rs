//! Refuses types that cannot have a pool, and attributes that are in the wrong place.

use crate::errors::Errors;
use crate::list::{self, List};
use syn::{Attribute, Data, DeriveInput};

pub(crate) fn check(input: &DeriveInput, lists: &[List]) -> Errors {
    let mut errors = Errors::default();
    if let Data::Union(union) = &input.data {
        errors.say(
            &union.union_token,
            "a union cannot be pooled: its pool would not know what to drop; wrap it in a struct",
        );
    }
    list::check(&input.ident, &input.generics, lists, &mut errors);
    for attribute in inner_attributes(&input.data) {
        if attribute.path().is_ident("pool") {
            errors.say(
                attribute,
                "`#[pool(...)]` is about the whole type: write it above the type",
            );
        }
    }
    errors
}

/// The attributes of variants and fields.
fn inner_attributes(data: &Data) -> Vec<&Attribute> {
    let (variants, fields): (Vec<_>, Vec<_>) = match data {
        Data::Struct(data) => (vec![], data.fields.iter().collect()),
        Data::Enum(data) => (
            data.variants.iter().collect(),
            data.variants.iter().flat_map(|v| &v.fields).collect(),
        ),
        Data::Union(data) => (vec![], data.fields.named.iter().collect()),
    };
    let of_variants = variants.into_iter().flat_map(|variant| &variant.attrs);
    let of_fields = fields.into_iter().flat_map(|field| &field.attrs);
    of_variants.chain(of_fields).collect()
}
