//! Commands about the server and the connection.

use super::{COMMANDS, Call, Command, find, repeated, unknown_subcommand, wrong_number};
use crate::resp::glob;
use std::fmt::Display;

pub(super) fn ping(call: &mut Call<'_, '_>) {
    match *call.args {
        [_] => call.replies.simple("PONG"),
        [_, message] => call.replies.bulk(message),
        _ => wrong_number(call, "ping"),
    }
}

pub(super) fn echo(call: &mut Call<'_, '_>) {
    call.replies.bulk(call.args[1]);
}

pub(super) fn dbsize(call: &mut Call<'_, '_>) {
    let len = call.store.len();
    call.replies.integer(i64::try_from(len).unwrap_or(i64::MAX));
}

pub(super) fn flushall(call: &mut Call<'_, '_>) {
    let how =
        |word: &[u8]| word.eq_ignore_ascii_case(b"sync") || word.eq_ignore_ascii_case(b"async");
    match *call.args {
        [_] => {}
        [_, word] if how(word) => {}
        _ => return call.replies.error(format_args!("ERR syntax error")),
    }
    call.store.clear();
    call.replies.simple("OK");
}

pub(super) fn select(call: &mut Call<'_, '_>) {
    match call.args[1] {
        b"0" => call.replies.simple("OK"),
        number if number.iter().all(u8::is_ascii_digit) && !number.is_empty() => call
            .replies
            .error(format_args!("ERR DB index is out of range")),
        _ => call
            .replies
            .error(format_args!("ERR value is not an integer or out of range")),
    }
}

pub(super) fn quit(call: &mut Call<'_, '_>) {
    call.session.quits = true;
    call.replies.simple("OK");
}

/// `CONFIG GET`: nothing can be set.
pub(super) fn config(call: &mut Call<'_, '_>) {
    let patterns = match *call.args {
        [_, sub, ref patterns @ ..] if sub.eq_ignore_ascii_case(b"get") && !patterns.is_empty() => {
            patterns
        }
        _ => return unknown_subcommand(call, "config"),
    };
    let args = &call.facts.args;
    let settings: [(&str, &dyn Display); 12] = [
        ("save", &""),
        ("appendonly", &"no"),
        ("bind", &args.bind),
        ("port", &call.facts.port),
        ("databases", &1),
        ("io-threads", &args.threads),
        ("maxclients", &args.max_clients),
        ("maxmemory", &0),
        ("maxmemory-policy", &"noeviction"),
        ("proto-max-bulk-len", &args.max_frame),
        ("timeout", &0),
        ("entries", &args.entries),
    ];
    let fits = |name: &str| {
        let fits = |pattern: &&[u8]| glob::fits(pattern, name.as_bytes());
        patterns.iter().any(fits)
    };
    let wanted = settings.map(|(name, _)| fits(name));
    let count = wanted.iter().filter(|&&wanted| wanted).count();
    call.replies.array(2 * count);
    for ((name, value), wanted) in settings.iter().zip(wanted) {
        if wanted {
            call.replies.bulk(name.as_bytes());
            call.replies.text(value);
        }
    }
}

/// `COMMAND`, and `COUNT`, `LIST`, `INFO` and `DOCS` of it.
pub(super) fn command(call: &mut Call<'_, '_>) {
    let [_, rest @ ..] = call.args else { return };
    let [sub, names @ ..] = rest else {
        return each(call, &[], info_of);
    };
    let is = |name: &str| sub.eq_ignore_ascii_case(name.as_bytes());
    if is("info") {
        each(call, names, info_of);
    } else if is("docs") {
        docs(call, names);
    } else if is("count") && names.is_empty() {
        call.replies.integer(COMMANDS.len() as i64);
    } else if is("list") && names.is_empty() {
        each(call, &[], |call, command| {
            call.replies.bulk(command.name.as_bytes());
        });
    } else {
        unknown_subcommand(call, "command");
    }
}

/// Answers for each command that is named, all if none is.
fn each(
    call: &mut Call<'_, '_>,
    names: &[&[u8]],
    mut answer: impl FnMut(&mut Call<'_, '_>, &Command),
) {
    if names.is_empty() {
        call.replies.array(COMMANDS.len());
        return COMMANDS.iter().for_each(|command| answer(call, command));
    }
    call.replies.array(names.len());
    for name in names {
        match find(name) {
            Some(command) => answer(call, command),
            // RESP2's other way to say that there is nothing.
            None => call.replies.null_array(),
        }
    }
}

fn info_of(call: &mut Call<'_, '_>, command: &Command) {
    let replies = &mut *call.replies;
    replies.array(6);
    replies.bulk(command.name.as_bytes());
    replies.integer(command.arity.into());
    replies.array(command.flags.len());
    for flag in command.flags {
        replies.simple(flag);
    }
    for key in command.keys {
        replies.integer(key.into());
    }
}

/// Pairs of a name and what there is to say of it; nothing of what there is not.
fn docs(call: &mut Call<'_, '_>, names: &[&[u8]]) {
    let wanted = |command: &&Command| {
        let name = command.name.as_bytes();
        names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    call.replies
        .array(2 * COMMANDS.iter().filter(wanted).count());
    for command in COMMANDS.iter().filter(wanted) {
        call.replies.bulk(command.name.as_bytes());
        call.replies.array(4);
        for text in ["summary", command.summary, "group", command.group] {
            call.replies.bulk(text.as_bytes());
        }
    }
}

/// `CLIENT`: what programs say of themselves when they come, and ask then.
pub(super) fn client(call: &mut Call<'_, '_>) {
    let [_, sub, rest @ ..] = call.args else {
        return;
    };
    let is = |name: &str| sub.eq_ignore_ascii_case(name.as_bytes());
    match *rest {
        [] if is("id") => call.replies.integer(call.session.id),
        [] if is("getname") && call.session.name.is_empty() => call.replies.null(),
        [] if is("getname") => call.replies.bulk(&call.session.name),
        [_, _] if is("setinfo") => call.replies.simple("OK"),
        [name] if is("setname") => set_name(call, name),
        _ => unknown_subcommand(call, "client"),
    }
}

/// Bytes of a client's name, which is kept as long as it is connected.
const NAME: usize = 128;

fn set_name(call: &mut Call<'_, '_>, name: &[u8]) {
    let printable = name.iter().all(u8::is_ascii_graphic);
    if !printable || name.len() > NAME {
        let name = repeated(name);
        return call.replies.error(format_args!(
            "ERR client names are up to {NAME} printable characters without spaces, and this is '{name}'"
        ));
    }
    name.clone_into(&mut call.session.name);
    call.replies.simple("OK");
}
