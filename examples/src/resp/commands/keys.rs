//! Commands about keys and their values.

use super::{Call, wrong_number};
use crate::resp::store::{Expiry, IncrError, Left, NoRoom, When, number};
use std::num::NonZeroU64;

pub(super) fn get(call: &mut Call<'_, '_>) {
    value(call, call.args[1]);
}

fn value(call: &mut Call<'_, '_>, key: &[u8]) {
    match call.store.get(key) {
        Some(value) => call.replies.bulk(value),
        None => call.replies.null(),
    }
}

pub(super) fn mget(call: &mut Call<'_, '_>) {
    let keys = &call.args[1..];
    call.replies.array(keys.len());
    for key in keys {
        value(call, key);
    }
}

/// Why a `SET` is not what it should be.
enum Refused {
    Syntax,
    NotANumber,
    Expiry,
}

fn set_options(options: &[&[u8]]) -> Result<(Expiry, When), Refused> {
    let (mut expiry, mut when) = (None, None);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        let said_twice = if is("nx") || is("xx") {
            when.replace(if is("nx") {
                When::Absent
            } else {
                When::Present
            })
            .is_some()
        } else if is("keepttl") {
            expiry.replace(Expiry::Keep).is_some()
        } else if is("ex") || is("px") {
            let count = rest.next().ok_or(Refused::Syntax)?;
            let unit = if is("ex") { 1000 } else { 1 };
            expiry.replace(Expiry::In(millis(count, unit)?)).is_some()
        } else {
            true
        };
        if said_twice {
            return Err(Refused::Syntax);
        }
    }
    Ok((
        expiry.unwrap_or(Expiry::Never),
        when.unwrap_or(When::Always),
    ))
}

/// So many units, in milliseconds.
fn millis(count: &[u8], unit: i64) -> Result<NonZeroU64, Refused> {
    let count = number(count).ok_or(Refused::NotANumber)?;
    let millis = count.checked_mul(unit).filter(|&millis| millis > 0);
    let millis = millis.and_then(|millis| NonZeroU64::new(millis.cast_unsigned()));
    millis.ok_or(Refused::Expiry)
}

const NOT_A_NUMBER: &str = "ERR value is not an integer or out of range";

pub(super) fn set(call: &mut Call<'_, '_>) {
    let args = call.args;
    let (expiry, when) = match &args[3..] {
        [] => (Expiry::Never, When::Always),
        options => match set_options(options) {
            Ok(options) => options,
            Err(refused) => {
                let text = match refused {
                    Refused::Syntax => "ERR syntax error",
                    Refused::NotANumber => NOT_A_NUMBER,
                    Refused::Expiry => "ERR invalid expire time in 'set' command",
                };
                return call.replies.error(format_args!("{text}"));
            }
        },
    };
    match call.store.set(args[1], args[2], expiry, when) {
        Ok(true) => call.replies.simple("OK"),
        Ok(false) => call.replies.null(),
        Err(full) => no_room(call, &full),
    }
}

#[cold]
fn no_room(call: &mut Call<'_, '_>, full: &NoRoom) {
    call.replies
        .error(format_args!("OOM command not allowed: {full}"));
}

pub(super) fn mset(call: &mut Call<'_, '_>) {
    let (pairs, rest) = call.args[1..].as_chunks::<2>();
    if !rest.is_empty() {
        return wrong_number(call, "mset");
    }
    for [key, value] in pairs {
        // The keys before it keep what they were given.
        if let Err(full) = call.store.set(key, value, Expiry::Never, When::Always) {
            return no_room(call, &full);
        }
    }
    call.replies.simple("OK");
}

pub(super) fn incr(call: &mut Call<'_, '_>) {
    match call.store.incr(call.args[1]) {
        Ok(value) => call.replies.integer(value),
        Err(IncrError::NotANumber) => call.replies.error(format_args!("{NOT_A_NUMBER}")),
        Err(IncrError::Overflow) => call
            .replies
            .error(format_args!("ERR increment or decrement would overflow")),
        Err(IncrError::Full(full)) => no_room(call, &full),
    }
}

/// Answers how many of the keys `what` is true of.
fn count(call: &mut Call<'_, '_>, mut what: impl FnMut(&mut Call<'_, '_>, &[u8]) -> bool) {
    let mut count = 0;
    for key in &call.args[1..] {
        count += i64::from(what(call, key));
    }
    call.replies.integer(count);
}

pub(super) fn del(call: &mut Call<'_, '_>) {
    count(call, |call, key| call.store.remove(key));
}

pub(super) fn exists(call: &mut Call<'_, '_>) {
    count(call, |call, key| call.store.contains(key));
}

pub(super) fn expire(call: &mut Call<'_, '_>) {
    let Some(seconds) = number(call.args[2]) else {
        return call.replies.error(format_args!("{NOT_A_NUMBER}"));
    };
    let Some(millis) = seconds.checked_mul(1000) else {
        return call
            .replies
            .error(format_args!("ERR invalid expire time in 'expire' command"));
    };
    let found = call.store.expire(call.args[1], millis);
    call.replies.integer(found.into());
}

pub(super) fn ttl(call: &mut Call<'_, '_>) {
    let seconds = match call.store.left(call.args[1]) {
        Left::Absent => -2,
        Left::Forever => -1,
        // The nearest, as redis has it.
        Left::Millis(millis) => (millis.saturating_add(500) / 1000).cast_signed(),
    };
    call.replies.integer(seconds);
}
