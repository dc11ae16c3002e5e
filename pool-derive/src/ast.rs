//! The type that derives, and what it says about its pool.

use crate::attr::Attrs;
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

/// All that is wrong, so that it is said at once.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn and(mut self, others: Self) -> Self {
        if let Some(error) = others.0 {
            self.add(error);
        }
        self
    }

    pub(crate) fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
