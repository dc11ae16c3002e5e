//! A pool without its type: made once, at its first use.

#![allow(unsafe_code)]

use crate::cache::Caches;
use crate::config::PoolConfig;
use crate::depots::{Depots, Sources};
use crate::error::InitError;
use crate::kind::Kind;
use crate::links::LinkStore;
use crate::setup::Setup;
use crate::slot::Form;
use crate::source;
use crate::thread::CacheKey;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// A pool of slots.
pub(super) struct RawPool {
    pub(super) config: PoolConfig,
    /// The slots; of a pool that is a value, but for what its configuration says.
    pub(super) form: Form,
    /// Where a thread finds its cache, if the pool is a type's own.
    pub(super) key: Option<CacheKey>,
    /// Set once, under `making`.
    pub(super) made: OnceLock<Made>,
    making: Mutex<()>,
}

/// A pool's caches, on the heap. Not a `Box`: records point to them while the pool is moved.
pub(super) struct Made {
    caches: NonNull<Caches>,
    /// When, and by which call; `None`: by the first use.
    at: Instant,
    by: Option<&'static Location<'static>>,
}

// SAFETY: it owns its caches as a `Box` would, and those may be sent and shared.
unsafe impl Send for Made {}
// SAFETY: as above.
unsafe impl Sync for Made {}

impl Made {
    pub(super) fn new(caches: Caches, by: Option<&'static Location<'static>>) -> Self {
        Self {
            caches: NonNull::from(Box::leak(Box::new(caches))),
            at: Instant::now(),
            by,
        }
    }

    pub(super) fn caches(&self) -> &Caches {
        // SAFETY: made by `new`, freed by the pool's drop alone.
        unsafe { self.caches.as_ref() }
    }
}

impl RawPool {
    pub(super) const fn new(config: PoolConfig, form: Form, key: Option<CacheKey>) -> Self {
        Self {
            config,
            form,
            key,
            made: OnceLock::new(),
            making: Mutex::new(()),
        }
    }

    /// The pool's caches; made of its own configuration if this is the first use.
    #[inline]
    pub(super) fn caches(&self) -> Result<&Caches, InitError> {
        match self.made.get() {
            Some(made) => Ok(made.caches()),
            None => self.make(self.config, None),
        }
    }

    /// Makes the pool. `by` is the call that wants it made of this configuration and no other.
    #[cold]
    pub(super) fn make(
        &self,
        config: PoolConfig,
        by: Option<&'static Location<'static>>,
    ) -> Result<&Caches, InitError> {
        // No user code runs under this lock (but for an allocator's, see the crate), so a poisoned
        // one says nothing.
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = self.made.get() {
            return match by {
                Some(_) => Err(InitError::AlreadyInitialised {
                    capacity: made.caches().capacity(),
                    age: made.at.elapsed(),
                    by: made.by,
                }),
                None => Ok(made.caches()),
            };
        }
        // What it does not say is as the attributes, or `Pool::new`, say it.
        let config = config.or(self.config);
        let form = self.form_of(&config)?;
        let caches = build(config, form, &source::source)?;
        Ok(self.made.get_or_init(|| Made::new(caches, by)).caches())
    }

    /// The form of slots that a configuration asks for.
    fn form_of(&self, config: &PoolConfig) -> Result<Form, InitError> {
        let mut form = self.form;
        match self.key {
            Some(_) => form.kind.check(config)?,
            None => form.kind = Kind::of(config),
        }
        Ok(form)
    }
}

/// Reserves a pool's region, and takes the memory that is to be taken beforehand.
pub(super) fn build(
    config: PoolConfig,
    form: Form,
    sources: Sources<'_>,
) -> Result<Caches, InitError> {
    let setup = Setup::new(config, form)?;
    let mut depots = Depots::new(setup, LinkStore::global(), sources)?;
    if let Err(error) = depots.prepare() {
        // SAFETY: nobody had a slot yet.
        unsafe { depots.tear_down() };
        return Err(error);
    }
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Ok(Caches::new(depots, NEXT.fetch_add(1, Ordering::Relaxed)))
}

impl Drop for RawPool {
    fn drop(&mut self) {
        let Some(made) = self.made.take() else { return };
        // SAFETY: every handle borrows the pool, and none is left; who has the pool for itself runs
        // no operation on it. Leaked objects are never used again: what borrows of them there were
        // ended with the pool's.
        unsafe { made.caches().abandon() };
        // SAFETY: made as a box. Threads that were ending have let go of it by now.
        let caches = unsafe { Box::from_raw(made.caches.as_ptr()) };
        // SAFETY: as above.
        unsafe { caches.tear_down() };
    }
}
