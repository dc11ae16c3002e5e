//! User code that runs where a panic must not go on.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`. A panic ends here: the panic hook has spoken, and there is nobody else to hear of it.
pub(crate) fn quietly(f: impl FnOnce()) {
    let mut thrown = catch_unwind(AssertUnwindSafe(f)).err();
    // What was thrown has a destructor too, and so has what that throws. Not for ever.
    for _ in 0..4 {
        let Some(panic) = thrown.take() else { return };
        thrown = catch_unwind(AssertUnwindSafe(|| drop(panic))).err();
    }
    mem::forget(thrown);
}
