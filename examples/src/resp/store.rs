//! What the server holds: entries in the pool, found by key.
//!
//! An entry that is over is gone at the first look at it; [`Store::sweep`] finds those at which nobody
//! looks, soonest first, so many at a time. The clock is the caller's.

use super::entry::Entry;
use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;
use pool::PoolBox;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU64;

/// Entries by key. Operations are O(key), and O(log n) more with entries that expire.
#[derive(Debug, Default)]
pub struct Store {
    entries: Entries,
    figures: Figures,
}

/// When entries expire, and the hashes of their keys. Should two be the same, only one is swept, and
/// the other waits for a look at it.
type Deadlines = BTreeSet<(NonZeroU64, u64)>;

#[derive(Debug, Default)]
struct Entries {
    table: HashTable<PoolBox<Entry>>,
    /// Keys are strangers': with a secret, nobody can choose them to collide.
    hasher: RandomState,
    deadlines: Deadlines,
    now: u64,
    expired: u64,
}

/// What happened so far.
#[derive(Debug, Default, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Figures {
    pub hits: u64,
    pub misses: u64,
    pub expired: u64,
    pub refused: u64,
}

/// When an entry that is written expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    Never,
    /// As what it replaces.
    Keep,
    /// In so many milliseconds.
    In(NonZeroU64),
}

/// Whether an entry is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Yes.
    Always,
    /// Only if there is none.
    Absent,
    /// Only if there is one.
    Present,
}

/// How long an entry has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// There is none.
    Absent,
    /// It does not expire.
    Forever,
    /// So many milliseconds.
    Millis(u64),
}

/// Why a number was not made one more.
#[derive(Debug)]
pub enum IncrError {
    /// What is there is no number.
    NotANumber,
    /// It is the largest.
    Overflow,
    /// There is no room for an entry.
    Full(NoRoom),
}

/// The pool is full, or has no memory: what it says itself.
#[derive(Debug)]
pub struct NoRoom(String);

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for NoRoom {}

/// Entries that are looked at for room when there is none.
const SWEEP_FOR_ROOM: usize = 16;

/// Where an entry is that is not over.
struct Found<'s> {
    hash: u64,
    place: OccupiedEntry<'s, PoolBox<Entry>>,
    deadlines: &'s mut Deadlines,
}

impl<'s> Found<'s> {
    fn into_entry(self) -> &'s mut Entry {
        self.place.into_mut()
    }

    /// Gives the entry another deadline.
    fn expire(&mut self, deadline: Option<NonZeroU64>) {
        let entry = self.place.get_mut();
        if entry.deadline != deadline {
            if let Some(old) = entry.deadline {
                self.deadlines.remove(&(old, self.hash));
            }
            self.deadlines.extend(deadline.map(|new| (new, self.hash)));
            entry.deadline = deadline;
        }
    }

    fn remove(mut self) {
        self.expire(None);
        drop(self.place.remove());
    }
}

impl Entries {
    /// The entry of a key, if there is one and it is not over; and the key's hash.
    #[inline]
    fn live(&mut self, key: &[u8]) -> (u64, Option<Found<'_>>) {
        let hash = self.hasher.hash_one(key);
        let Ok(place) = self.table.find_entry(hash, |entry| entry.key() == key) else {
            return (hash, None);
        };
        let found = Found {
            hash,
            place,
            deadlines: &mut self.deadlines,
        };
        if found.place.get().is_over(self.now) {
            self.expired += 1;
            found.remove();
            return (hash, None);
        }
        (hash, Some(found))
    }

    /// A new entry, for a key that has none.
    fn insert(&mut self, hash: u64, key: &[u8], value: &[u8]) -> Result<&mut Entry, NoRoom> {
        let make = || PoolBox::try_new_with(|| Entry::new(key, value));
        let made = match make() {
            // What is over may still be in the pool.
            Err(_) if self.sweep(SWEEP_FOR_ROOM) > 0 => make(),
            made => made,
        };
        let boxed = made.map_err(|full| NoRoom(full.to_string()))?;
        let hasher = &self.hasher;
        let entry = self
            .table
            .insert_unique(hash, boxed, |entry| hasher.hash_one(entry.key()));
        Ok(entry.into_mut())
    }

    fn sweep(&mut self, most: usize) -> usize {
        let mut removed = 0;
        for _ in 0..most {
            let Some(&(deadline, hash)) = self.deadlines.first() else {
                break;
            };
            if deadline.get() > self.now {
                break;
            }
            self.deadlines.pop_first();
            let is_it = |entry: &PoolBox<Entry>| entry.deadline == Some(deadline);
            if let Ok(found) = self.table.find_entry(hash, is_it) {
                drop(found.remove());
                removed += 1;
            }
        }
        self.expired += removed as u64;
        removed
    }
}

impl Store {
    /// An empty one, whose table has room for so many entries: it never grows while it is in use, which
    /// would take as long as looking all of them up. A byte or two an entry is touched at once; the
    /// rest, up to 16 bytes an entry, as entries come.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        let mut store = Self::default();
        store.entries.table = HashTable::with_capacity(entries);
        store
    }

    /// What time it is from now on, in milliseconds; it does not go back.
    pub fn set_now(&mut self, now: u64) {
        self.entries.now = self.entries.now.max(now);
    }

    /// Entries, those included that are over and were not seen yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries that expire.
    #[must_use]
    pub fn expiring(&self) -> usize {
        self.entries.deadlines.len()
    }

    /// What happened so far.
    #[must_use]
    pub const fn figures(&self) -> Figures {
        Figures {
            expired: self.entries.expired,
            ..self.figures
        }
    }

    /// The value of a key.
    #[inline]
    pub fn get(&mut self, key: &[u8]) -> Option<&[u8]> {
        let entry = self.entries.live(key).1;
        match entry {
            Some(_) => self.figures.hits += 1,
            None => self.figures.misses += 1,
        }
        entry.map(|found| found.into_entry().value.as_slice())
    }

    /// Whether a key has a value.
    pub fn contains(&mut self, key: &[u8]) -> bool {
        self.entries.live(key).1.is_some()
    }

    /// Gives a key a value, and says whether it was written.
    ///
    /// # Errors
    ///
    /// The key has none yet, and the pool is full.
    #[inline]
    pub fn set(
        &mut self,
        key: &[u8],
        value: &[u8],
        expiry: Expiry,
        when: When,
    ) -> Result<bool, NoRoom> {
        let deadline = match expiry {
            Expiry::In(millis) => Some(millis.saturating_add(self.entries.now)),
            Expiry::Never | Expiry::Keep => None,
        };
        let (hash, found) = self.entries.live(key);
        let entry = match found {
            Some(_) if when == When::Absent => return Ok(false),
            Some(mut found) => {
                if expiry != Expiry::Keep {
                    found.expire(deadline);
                }
                found.into_entry().value.set(value);
                return Ok(true);
            }
            None if when == When::Present => return Ok(false),
            None => self.entries.insert(hash, key, value),
        };
        match entry {
            Ok(entry) => {
                entry.deadline = deadline;
                let deadlines = &mut self.entries.deadlines;
                deadlines.extend(deadline.map(|deadline| (deadline, hash)));
                Ok(true)
            }
            Err(full) => {
                self.figures.refused += 1;
                Err(full)
            }
        }
    }

    /// Whether there is a value to take away, and takes it.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        match self.entries.live(key).1 {
            Some(found) => found.remove(),
            None => return false,
        }
        true
    }

    /// Adds one to the number that a key stands for, 0 if it stands for nothing; when it expires stays
    /// as it is.
    ///
    /// # Errors
    ///
    /// It is no number of 64 bits, or the largest; or the pool is full. Nothing is changed then.
    pub fn incr(&mut self, key: &[u8]) -> Result<i64, IncrError> {
        let (hash, found) = self.entries.live(key);
        let Some(found) = found else {
            let refused = &mut self.figures.refused;
            return match self.entries.insert(hash, key, b"1") {
                Ok(_) => Ok(1),
                Err(full) => {
                    *refused += 1;
                    Err(IncrError::Full(full))
                }
            };
        };
        let value = &mut found.into_entry().value;
        let number = number(value.as_slice()).ok_or(IncrError::NotANumber)?;
        let next = number.checked_add(1).ok_or(IncrError::Overflow)?;
        value.set(itoa::Buffer::new().format(next).as_bytes());
        Ok(next)
    }

    /// Has a key's entry expire in so many milliseconds, at once if that is none or less; and says
    /// whether there is one.
    pub fn expire(&mut self, key: &[u8], millis: i64) -> bool {
        let Some(millis) = u64::try_from(millis).ok().and_then(NonZeroU64::new) else {
            return self.remove(key);
        };
        let deadline = millis.saturating_add(self.entries.now);
        match self.entries.live(key).1 {
            Some(mut found) => found.expire(Some(deadline)),
            None => return false,
        }
        true
    }

    /// How long a key's entry has left.
    pub fn left(&mut self, key: &[u8]) -> Left {
        let now = self.entries.now;
        match self.entries.live(key).1 {
            None => Left::Absent,
            Some(found) => match found.into_entry().deadline {
                None => Left::Forever,
                Some(deadline) => Left::Millis(deadline.get() - now),
            },
        }
    }

    /// Removes entries that are over, at most so many, those first that are over longest; and says how
    /// many.
    pub fn sweep(&mut self, most: usize) -> usize {
        self.entries.sweep(most)
    }

    /// Removes everything. O(n).
    pub fn clear(&mut self) {
        self.entries.table.clear();
        self.entries.deadlines.clear();
    }
}

/// A number as [`Store::incr`] writes it: no sign but `-`, and no zeros before it.
#[must_use]
pub fn number(bytes: &[u8]) -> Option<i64> {
    let number: i64 = str::from_utf8(bytes).ok()?.parse().ok()?;
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let usual = match digits {
        [b'0'] => bytes.len() == 1,
        [first, ..] => *first != b'0' && *first != b'+',
        [] => false,
    };
    usual.then_some(number)
}

#[cfg(test)]
mod tests;
