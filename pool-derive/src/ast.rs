//! The type that derives, and what it says about its pool.

use crate::attr::Attrs;
use crate::errors::Errors;
use syn::{DeriveInput, Generics, Ident};

/// What the expansion needs.
pub(crate) struct Pooled<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) generics: &'a Generics,
    pub(crate) attrs: Attrs,
}

impl<'a> Pooled<'a> {
    pub(crate) fn read(input: &'a DeriveInput) -> (Self, Errors) {
        let mut errors = Errors::default();
        let pooled = Self {
            ident: &input.ident,
            generics: &input.generics,
            attrs: Attrs::read(&input.attrs, &mut errors),
        };
        (pooled, errors)
    }
}
