//! `for(...)`: which instantiations of a generic type have pools.

use crate::errors::Errors;
use proc_macro2::{Ident, Span, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::visit::{self, Visit};
use syn::{
    Expr, GenericParam, Generics, Lifetime, ParenthesizedGenericArguments, PathArguments, Token,
    TraitBound, Type, TypeFnPtr, TypePath, TypeReference,
};

/// What stands in the parentheses of one `for(...)`.
pub(crate) struct List {
    /// The word `for`, to point at.
    name: Ident,
    /// The parentheses.
    span: Span,
    /// Without the delimiters that a macro puts around its parameters.
    pub(crate) entries: Vec<Type>,
    /// Whether all of them could be read.
    whole: bool,
}

impl List {
    /// A list of which nothing could be read, so far.
    pub(crate) fn new(name: &Ident) -> Self {
        Self {
            name: name.clone(),
            span: name.span(),
            entries: vec![],
            whole: false,
        }
    }

    /// Reads `(TYPE, ...)`.
    pub(crate) fn read(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        if !input.peek(syn::token::Paren) {
            let message = "`for` wants a list of types in parentheses, as in `for(Message<u64>)`";
            return Err(syn::Error::new(self.name.span(), message));
        }
        let inside;
        self.span = syn::parenthesized!(inside in input).span.join();
        if let Err(error) = self.read_entries(&inside) {
            errors.add(error);
            // Where the next type begins is anybody's guess.
            while inside.parse::<TokenTree>().is_ok() {}
        } else {
            self.whole = true;
        }
        Ok(())
    }

    fn read_entries(&mut self, inside: ParseStream<'_>) -> syn::Result<()> {
        while !inside.is_empty() {
            self.entries.push(bare(read_entry(inside)?));
            if !inside.is_empty() && inside.parse::<Token![,]>().is_err() {
                return Err(inside.error("a comma is missing here"));
            }
        }
        Ok(())
    }
}

fn read_entry(inside: ParseStream<'_>) -> syn::Result<Type> {
    let place = inside.span();
    inside.parse().map_err(|error| {
        let wanted = "`for` wants types, as in `for(Message<u64>)`";
        // All that a type may begin with is no help.
        let text = error.to_string();
        let message = if text.contains("expected one of") {
            wanted.to_owned()
        } else {
            format!("{text}; {wanted}")
        };
        // An error at the end of the list has no token of its own.
        let at = if inside.is_empty() {
            place
        } else {
            error.span()
        };
        syn::Error::new(at, message)
    })
}

/// A type without delimiters around it.
fn bare(ty: Type) -> Type {
    match ty {
        Type::Group(group) => bare(*group.elem),
        Type::Paren(paren) => bare(*paren.elem),
        ty => ty,
    }
}

/// Refuses lists that name something else than instantiations of the type, and generic types without
/// a list.
pub(crate) fn check(ident: &Ident, generics: &Generics, lists: &[List], errors: &mut Errors) {
    if generics.params.is_empty() {
        for list in lists {
            let message =
                format!("`{ident}` is not generic, and has one pool: leave `for(...)` out",);
            errors.say(&list.name, &message);
        }
        return;
    }
    let example = example(ident, generics);
    if lists.is_empty() {
        return say_what_is_missing(generics, &example, errors);
    }
    let mut known = vec![];
    for list in lists {
        if list.entries.is_empty() && list.whole {
            let message =
                format!("the list is empty: write an instantiation, as in `for({example})`");
            errors.add(syn::Error::new(list.span, message));
        }
        for entry in &list.entries {
            let text = entry.to_token_stream().to_string();
            if known.contains(&text) {
                errors.say(entry, "this instantiation is listed twice: leave one out");
            } else {
                check_entry(ident, generics, entry, &example, errors);
                known.push(text);
            }
        }
    }
}

/// A generic type has no single pool.
fn say_what_is_missing(generics: &Generics, example: &str, errors: &mut Errors) {
    for parameter in generics.lifetimes() {
        let message = format!(
            "a type with a lifetime cannot be pooled: its pool lives for ever; own the data, or use a \
             `pool::Pool` value, which may hold borrowed data; or, for data that lives for ever too, \
             write `#[pool(for({example}))]`"
        );
        errors.say(parameter, &message);
    }
    let others = generics
        .params
        .iter()
        .filter(|parameter| !is_lifetime(parameter));
    let others: Vec<_> = others.collect();
    let (Some(first), Some(last)) = (others.first(), others.last()) else {
        return;
    };
    let mut all = first.to_token_stream();
    last.to_tokens(&mut all);
    let message = format!("list the instantiations that have pools: `#[pool(for({example}))]`");
    errors.say(&all, &message);
}

fn is_lifetime(parameter: &GenericParam) -> bool {
    matches!(parameter, GenericParam::Lifetime(_))
}

/// An instantiation of the type, for messages.
fn example(ident: &Ident, generics: &Generics) -> String {
    let arguments = generics.params.iter().map(|parameter| match parameter {
        GenericParam::Lifetime(_) => "'static",
        GenericParam::Type(_) => "u64",
        GenericParam::Const(parameter) => match parameter.ty.to_token_stream().to_string().as_str()
        {
            "bool" => "true",
            "char" => "'a'",
            _ => "64",
        },
    });
    format!("{ident}<{}>", arguments.collect::<Vec<_>>().join(", "))
}

fn check_entry(
    ident: &Ident,
    generics: &Generics,
    entry: &Type,
    example: &str,
    errors: &mut Errors,
) {
    let last = match entry {
        Type::Path(TypePath {
            qself: None, path, ..
        }) => path.segments.last(),
        _ => None,
    };
    let Some(last) = last.filter(|last| last.ident.unraw() == ident.unraw()) else {
        let message = format!("not an instantiation of `{ident}`: write `{example}`");
        return errors.say(entry, &message);
    };
    let has_default = |parameter: &GenericParam| match parameter {
        GenericParam::Lifetime(_) => false,
        GenericParam::Type(parameter) => parameter.default.is_some(),
        GenericParam::Const(parameter) => parameter.default.is_some(),
    };
    let arguments = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.len(),
        _ => 0,
    };
    if arguments == 0 && !generics.params.iter().all(has_default) {
        let message = format!("`{ident}` of what? Write `{example}`");
        return errors.say(entry, &message);
    }
    Entry {
        generics,
        example,
        errors,
    }
    .visit_path_arguments(&last.arguments);
}

/// Looks through the arguments of an entry.
struct Entry<'a> {
    generics: &'a Generics,
    example: &'a str,
    errors: &'a mut Errors,
}

impl Entry<'_> {
    fn refuse_lifetime(&mut self, at: &impl ToTokens, instead: &str) {
        let message = format!(
            "a pool lives for ever, and so must what its objects borrow: write `{instead}`, own the \
             data, or use a `pool::Pool` value, which may hold borrowed data"
        );
        self.errors.say(at, &message);
    }
}

impl Visit<'_> for Entry<'_> {
    fn visit_lifetime(&mut self, lifetime: &Lifetime) {
        if lifetime.ident != "static" {
            self.refuse_lifetime(lifetime, "'static");
        }
    }

    fn visit_type_reference(&mut self, reference: &TypeReference) {
        if reference.lifetime.is_none() {
            self.refuse_lifetime(&reference.and_token, "&'static");
        }
        visit::visit_type_reference(self, reference);
    }

    fn visit_type_path(&mut self, ty: &TypePath) {
        let parameters = self.generics.params.iter();
        let own = parameters.filter_map(|parameter| match parameter {
            GenericParam::Lifetime(_) => None,
            GenericParam::Type(parameter) => Some(&parameter.ident),
            GenericParam::Const(parameter) => Some(&parameter.ident),
        });
        let named = ty.path.get_ident().filter(|_| ty.qself.is_none());
        if let Some(named) = named
            && own.into_iter().any(|own| own == named)
        {
            let message = format!(
                "`{named}` is a parameter of the type: write what it stands for, as in `{}`",
                self.example
            );
            self.errors.say(named, &message);
        }
        visit::visit_type_path(self, ty);
    }

    // What lifetimes mean in these is their own affair.
    fn visit_type_fn_ptr(&mut self, _: &TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &ParenthesizedGenericArguments) {}
    fn visit_expr(&mut self, _: &Expr) {}

    fn visit_trait_bound(&mut self, bound: &TraitBound) {
        if bound.lifetimes.is_none() {
            visit::visit_trait_bound(self, bound);
        }
    }
}
