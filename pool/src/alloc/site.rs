//! Where in the user's code something was called, which only the feature `checked` wants to know.

#![forbid(unsafe_code)]

#[cfg(feature = "checked")]
use std::panic::Location;

/// A place in the user's code, if it is known. Nothing at all without the feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    #[cfg(feature = "checked")]
    pub(super) place: Option<&'static Location<'static>>,
}

impl Site {
    /// That of a collection, or of the global allocator's user: the trait does not tell.
    pub(super) const UNKNOWN: Self = Self {
        #[cfg(feature = "checked")]
        place: None,
    };

    /// The caller of the function that calls this, both of which say that they track it.
    #[inline(always)]
    #[cfg_attr(feature = "checked", track_caller)]
    pub(super) fn caller() -> Self {
        Self {
            #[cfg(feature = "checked")]
            place: Some(Location::caller()),
        }
    }
}
