//! Reads LOBSTER message files: `time,type,id,size,price,direction`, one message a line.
//!
//! Every field is checked, also where the book does not need it, and what is wrong is said with the
//! line, the field and the value. Lines end in LF or CRLF, the last one may just end; blank lines
//! are nothing. There is no header.

use crate::message::{Event, Message, Numbered, Side};
use csv::{ByteRecord, ReaderBuilder, Terminator};
use std::error::Error;
use std::fmt;
use std::io::{self, Chain, Read};

/// The fields of a message, in order.
pub const FIELDS: [&str; 6] = ["time", "type", "id", "size", "price", "direction"];

const TIME: usize = 0;
const TYPE: usize = 1;
const ID: usize = 2;
const SIZE: usize = 3;
const PRICE: usize = 4;
const DIRECTION: usize = 5;

/// The messages of a file.
#[derive(Debug)]
pub struct Reader<R> {
    /// The file, and one more line end: so the last line has one, and the line after a record is
    /// always the one that the csv reader has come to. (A blank line more is nothing.)
    csv: csv::Reader<Chain<R, &'static [u8]>>,
    record: ByteRecord,
}

impl<R: Read> Reader<R> {
    /// Reads messages from `file`, through a buffer.
    pub fn new(file: R) -> Self {
        let csv = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .quoting(false)
            // Of CRLF, the CR is left to `last_field`: csv would count the line late.
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(1 << 16)
            .from_reader(file.chain(&b"\n"[..]));
        let record = ByteRecord::new();
        Self { csv, record }
    }

    /// The next line that is not blank.
    fn read(&mut self) -> Result<Option<Numbered>, ReadError> {
        loop {
            if !self.csv.read_byte_record(&mut self.record)? {
                return Ok(None);
            }
            let line = self.csv.position().line() - 1;
            let blank = self.record.len() == 1 && matches!(&self.record[0], b"" | b"\r");
            if !blank {
                let message = parse(&self.record).map_err(|wrong| ReadError::Line { line, wrong });
                return message.map(|message| Some(Numbered { line, message }));
            }
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Numbered, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Why a file could not be read on.
#[derive(Debug)]
pub enum ReadError {
    /// The system refused.
    Io(io::Error),
    /// A line is not a message.
    Line {
        /// The line; the first is 1.
        line: u64,
        /// What is wrong with it.
        wrong: FieldError,
    },
}

impl From<csv::Error> for ReadError {
    fn from(error: csv::Error) -> Self {
        Self::Io(error.into())
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Line { line, wrong } => write!(f, "line {line}, {wrong}"),
        }
    }
}

impl Error for ReadError {}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field; the first is 0.
    field: usize,
    problem: String,
}

impl FieldError {
    /// The field is there and is `not` what it should be.
    fn value(field: usize, value: &[u8], not: impl fmt::Display) -> Self {
        /// A line may be anything, and of any length: so much of it is shown.
        const SHOWN: usize = 40;
        let more = if value.len() > SHOWN { "..." } else { "" };
        let value = String::from_utf8_lossy(&value[..value.len().min(SHOWN)]);
        let problem = format!("{value:?}{more} is not {not}");
        Self { field, problem }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match FIELDS.get(self.field) {
            Some(name) => write!(f, "field `{name}`: {}", self.problem),
            None => write!(f, "field {}: {}", self.field + 1, self.problem),
        }
    }
}

/// What a message's type says of its other fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    New,
    Cancel,
    Delete,
    Execute,
    Hidden,
    Cross,
    Halt,
}

impl Kind {
    /// Whether the id is an order's. Crosses have ids below 0, one for each sort of auction.
    fn names_an_order(self) -> bool {
        matches!(
            self,
            Self::New | Self::Cancel | Self::Delete | Self::Execute
        )
    }
}

/// A message of a line's fields.
fn parse(record: &ByteRecord) -> Result<Message, FieldError> {
    let count = record.len();
    if count != FIELDS.len() {
        let names = FIELDS.join(",");
        let (field, is) = match count < FIELDS.len() {
            true => (count, "missing"),
            false => (FIELDS.len(), "one too many"),
        };
        let problem = format!("{is}: a message has 6 fields, {names}; this line has {count}");
        return Err(FieldError { field, problem });
    }
    let time = time(&record[TIME])?;
    let kind = kind(&record[TYPE])?;
    let id = id(kind, &record[ID])?;
    let size = size(kind, &record[SIZE])?;
    let price = price(kind, &record[PRICE])?;
    let side = side(last_field(&record[DIRECTION]))?;
    let event = match kind {
        Kind::New => Event::New {
            id,
            side,
            price,
            size,
        },
        Kind::Cancel => Event::Cancel { id, size },
        Kind::Delete => Event::Delete { id },
        Kind::Execute => Event::Execute { id, size },
        Kind::Hidden => Event::Hidden,
        Kind::Cross => Event::Cross,
        Kind::Halt => Event::Halt,
    };
    Ok(Message { time, event })
}

/// The last field of a line may have the CR of a CRLF.
fn last_field(field: &[u8]) -> &[u8] {
    field.strip_suffix(b"\r").unwrap_or(field)
}

/// Seconds to nanoseconds, exactly: a float would do for the seconds of a day or for nanoseconds,
/// not for both.
fn time(field: &[u8]) -> Result<u64, FieldError> {
    let nanoseconds = || {
        let text = str::from_utf8(field).ok()?;
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let missing_digits = 9_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?;
        let fraction = digits(fraction.as_bytes())? * 10_u64.pow(missing_digits);
        let seconds = digits(seconds.as_bytes())?;
        seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
    };
    nanoseconds().ok_or_else(|| {
        let not = "a time in seconds from 0 to 18446744073.709551615, with at most 9 decimals";
        FieldError::value(TIME, field, not)
    })
}

fn kind(field: &[u8]) -> Result<Kind, FieldError> {
    Ok(match field {
        b"1" => Kind::New,
        b"2" => Kind::Cancel,
        b"3" => Kind::Delete,
        b"4" => Kind::Execute,
        b"5" => Kind::Hidden,
        b"6" => Kind::Cross,
        b"7" => Kind::Halt,
        _ => return Err(FieldError::value(TYPE, field, "a type from 1 to 7")),
    })
}

fn id(kind: Kind, field: &[u8]) -> Result<u64, FieldError> {
    match digits(field) {
        Some(id) => Ok(id),
        None if kind.names_an_order() => Err(not_whole(ID, field, 0, u64::MAX)),
        None if signed(field).is_some() => Ok(0),
        None => Err(not_whole(ID, field, i64::MIN, u64::MAX)),
    }
}

fn size(kind: Kind, field: &[u8]) -> Result<u64, FieldError> {
    match digits(field) {
        Some(0) if kind == Kind::New => {
            let not = "a size that an order can rest with: at least 1";
            Err(FieldError::value(SIZE, field, not))
        }
        Some(size) => Ok(size),
        None => Err(not_whole(SIZE, field, 0, u64::MAX)),
    }
}

/// The price of a halt is not one: -1 halts, 0 resumes quotes and 1 trades.
fn price(kind: Kind, field: &[u8]) -> Result<i64, FieldError> {
    let least = if kind == Kind::Halt { i64::MIN } else { 0 };
    signed(field)
        .filter(|&price| price >= least)
        .ok_or_else(|| not_whole(PRICE, field, least, i64::MAX))
}

fn side(field: &[u8]) -> Result<Side, FieldError> {
    match field {
        b"1" => Ok(Side::Buy),
        b"-1" => Ok(Side::Sell),
        _ => Err(FieldError::value(DIRECTION, field, "1 (buy) or -1 (sell)")),
    }
}

fn not_whole(
    field: usize,
    value: &[u8],
    least: impl fmt::Display,
    most: impl fmt::Display,
) -> FieldError {
    let not = format_args!("a whole number from {least} to {most}");
    FieldError::value(field, value, not)
}

/// A number of nothing but digits. (`str::parse` takes a `+` too.)
fn digits(field: &[u8]) -> Option<u64> {
    let all_digits = field.iter().all(u8::is_ascii_digit);
    let text = str::from_utf8(field).ok().filter(|_| all_digits)?;
    text.parse().ok()
}

/// A number of digits, with a `-` before them or not.
fn signed(field: &[u8]) -> Option<i64> {
    let magnitude = field.strip_prefix(b"-").unwrap_or(field);
    digits(magnitude)?;
    str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
