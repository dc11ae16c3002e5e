//! System calls. The only place that knows the target.

#![allow(unsafe_code)]

#[cfg(all(unix, not(miri)))]
mod unix;

#[cfg(all(unix, not(miri)))]
pub(crate) use unix::{page_size, populate, purge, release, reserve};
