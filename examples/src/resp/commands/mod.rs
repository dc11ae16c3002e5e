//! The commands, and who answers them.

mod info;
mod keys;
mod server;

use super::replies::Replies;
use super::session::Session;
use super::settings::Facts;
use super::store::Store;

/// A request, and all that answering it takes.
#[derive(Debug)]
pub struct Call<'c, 'a> {
    /// The command's name and its arguments; never empty.
    pub args: &'a [&'a [u8]],
    /// Where entries are.
    pub store: &'c mut Store,
    /// Where the answer goes.
    pub replies: &'c mut Replies<'a>,
    /// What may be told of the server.
    pub facts: &'c Facts,
    /// Who asks.
    pub session: &'c mut Session,
}

/// A command, as `COMMAND` tells of it.
struct Command {
    name: &'static str,
    /// Arguments, the name included; at least so many, if negative.
    arity: i8,
    flags: &'static [&'static str],
    /// The first argument that is a key, the last (counted from the end, if negative), and the step
    /// from one to the next.
    keys: [i8; 3],
    group: &'static str,
    summary: &'static str,
    answer: fn(&mut Call<'_, '_>),
}

const NO_KEY: [i8; 3] = [0, 0, 0];
const ONE_KEY: [i8; 3] = [1, 1, 1];
const ALL_KEYS: [i8; 3] = [1, -1, 1];

macro_rules! commands {
    ($($name:literal $arity:literal $flags:tt $keys:ident $group:literal $answer:path: $summary:literal;)*) => {
        &[$(Command {
            name: $name,
            arity: $arity,
            flags: &$flags,
            keys: $keys,
            group: $group,
            summary: $summary,
            answer: $answer,
        }),*]
    };
}

const KEYS_AND_VALUES: [i8; 3] = [1, -1, 2];

/// Those first that are asked for most: they are found one after the other.
static COMMANDS: &[Command] = commands! {
    "get" 2 ["readonly", "fast"] ONE_KEY "string" keys::get: "The value of a key.";
    "set" -3 ["write", "denyoom"] ONE_KEY "string" keys::set: "Gives a key a value.";
    "incr" 2 ["write", "denyoom", "fast"] ONE_KEY "string" keys::incr: "Adds one to a number.";
    "mset" -3 ["write", "denyoom"] KEYS_AND_VALUES "string" keys::mset: "Gives keys values.";
    "mget" -2 ["readonly", "fast"] ALL_KEYS "string" keys::mget: "The values of keys.";
    "del" -2 ["write"] ALL_KEYS "generic" keys::del: "Removes keys.";
    "exists" -2 ["readonly", "fast"] ALL_KEYS "generic" keys::exists: "How many of the keys there are.";
    "expire" 3 ["write", "fast"] ONE_KEY "generic" keys::expire: "Has a key expire in so many seconds.";
    "ttl" 2 ["readonly", "fast"] ONE_KEY "generic" keys::ttl: "The seconds until a key expires.";
    "ping" -1 ["fast"] NO_KEY "connection" server::ping: "Answers.";
    "echo" 2 ["fast"] NO_KEY "connection" server::echo: "Says the same.";
    "dbsize" 1 ["readonly", "fast"] NO_KEY "server" server::dbsize: "How many keys there are.";
    "flushall" -1 ["write"] NO_KEY "server" server::flushall: "Removes all keys.";
    "select" 2 ["fast"] NO_KEY "connection" server::select: "Chooses database 0, there being no other.";
    "config" -2 ["admin"] NO_KEY "server" server::config: "Tells settings by pattern.";
    "command" -1 [] NO_KEY "server" server::command: "Tells of commands.";
    "info" -1 [] NO_KEY "server" info::info: "Tells of the server, its pool and its arenas.";
    "client" -2 [] NO_KEY "connection" server::client: "Tells of the connection.";
    "quit" -1 ["fast"] NO_KEY "connection" server::quit: "Closes the connection.";
};

fn find(name: &[u8]) -> Option<&'static Command> {
    let is_it = |command: &&Command| name.eq_ignore_ascii_case(command.name.as_bytes());
    COMMANDS.iter().find(is_it)
}

impl Command {
    fn takes(&self, args: usize) -> bool {
        let arity = usize::from(self.arity.unsigned_abs());
        args == arity || self.arity < 0 && args > arity
    }
}

/// Bytes of a client's that an error repeats.
const REPEATED: usize = 128;

/// What a client sent, to be repeated to it in an error.
fn repeated(bytes: &[u8]) -> impl std::fmt::Display {
    bytes[..bytes.len().min(REPEATED)].escape_ascii()
}

/// Answers a request.
#[inline]
pub fn answer(call: &mut Call<'_, '_>) {
    let name = call.args[0];
    match find(name) {
        Some(command) if command.takes(call.args.len()) => (command.answer)(call),
        Some(command) => wrong_number(call, command.name),
        None => {
            let name = repeated(name);
            call.replies
                .error(format_args!("ERR unknown command '{name}'"));
        }
    }
}

#[cold]
fn wrong_number(call: &mut Call<'_, '_>, command: &str) {
    call.replies.error(format_args!(
        "ERR wrong number of arguments for '{command}' command"
    ));
}

#[cold]
fn unknown_subcommand(call: &mut Call<'_, '_>, command: &str) {
    let name = repeated(call.args[1]);
    call.replies.error(format_args!(
        "ERR unknown subcommand or wrong number of arguments for '{name}' of '{command}'"
    ));
}

#[cfg(test)]
mod tests;
