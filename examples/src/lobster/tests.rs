//! What is read, and how what cannot be read is refused.

use super::{Reader, time};
use crate::message::{Event, Message, Numbered, Side};
use proptest::prelude::*;

const GOOD: &str = "34200.004241176,1,16113575,18,5853300,1";

fn read(file: &str) -> Result<Vec<Numbered>, String> {
    Reader::new(file.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

fn lines(file: &str) -> Vec<u64> {
    let messages = read(file).expect("a good file");
    messages.iter().map(|numbered| numbered.line).collect()
}

fn one(line: &str) -> Message {
    let messages = read(line).expect("a good line");
    assert_eq!(messages.len(), 1);
    messages[0].message
}

#[test]
fn each_type_is_read() {
    let message = one(GOOD);
    assert_eq!(message.time, 34_200_004_241_176);
    let new = Event::New {
        id: 16_113_575,
        side: Side::Buy,
        price: 5_853_300,
        size: 18,
    };
    assert_eq!(message.event, new);
    let sell = Event::New {
        id: 0,
        side: Side::Sell,
        price: i64::MAX,
        size: u64::MAX,
    };
    let line = "0,1,0,18446744073709551615,9223372036854775807,-1";
    assert_eq!(one(line).event, sell);
    let id = u64::MAX;
    for (line, event) in [
        (
            "1,2,18446744073709551615,5,10,1",
            Event::Cancel { id, size: 5 },
        ),
        ("1,3,18446744073709551615,5,10,1", Event::Delete { id }),
        (
            "1,4,18446744073709551615,0,10,1",
            Event::Execute { id, size: 0 },
        ),
        ("1,5,0,5,10,1", Event::Hidden),
        ("1,6,-1,500,10,-1", Event::Cross),
        ("1,7,0,0,-1,-1", Event::Halt),
    ] {
        assert_eq!(one(line).event, event, "{line}");
    }
}

#[test]
fn times_are_exact() {
    for (text, nanoseconds) in [
        ("34200.004241176", 34_200_004_241_176),
        ("34200.00426064", 34_200_004_260_640),
        ("34200", 34_200_000_000_000),
        ("0.1", 100_000_000),
        ("0.000000001", 1),
        ("57599.999999999", 57_599_999_999_999),
        ("18446744073.709551615", u64::MAX),
    ] {
        assert_eq!(time(text.as_bytes()), Ok(nanoseconds), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_nanosecond_is_read_back(nanoseconds: u64, trim: bool) {
        let (seconds, fraction) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
        let mut text = format!("{seconds}.{fraction:09}");
        if trim {
            let end = text.trim_end_matches('0').len().max(text.find('.').unwrap() + 2);
            text.truncate(end);
        }
        prop_assert_eq!(time(text.as_bytes()), Ok(nanoseconds));
    }

    #[test]
    fn nothing_panics(file: Vec<u8>) {
        for message in Reader::new(&file[..]) {
            if message.is_err() {
                break;
            }
        }
    }
}

#[test]
fn line_ends_and_blank_lines_do_not_matter() {
    assert_eq!(lines(""), []);
    assert_eq!(lines("\n"), []);
    assert_eq!(lines("\r\n\r\n"), []);
    assert_eq!(lines(GOOD), [1]);
    assert_eq!(lines(&format!("{GOOD}\n{GOOD}")), [1, 2]);
    assert_eq!(lines(&format!("{GOOD}\n{GOOD}\n")), [1, 2]);
    assert_eq!(lines(&format!("{GOOD}\r\n{GOOD}\r\n")), [1, 2]);
    assert_eq!(lines(&format!("{GOOD}\r\n{GOOD}")), [1, 2]);
    assert_eq!(lines(&format!("\n\n{GOOD}\n\n{GOOD}")), [3, 5]);
    assert_eq!(lines(&format!("\r\n{GOOD}\r\n\r\n{GOOD}\r\n\r\n")), [2, 4]);
}

#[test]
fn an_error_names_its_line() {
    for end in ["\n", "\r\n"] {
        for last in ["", end] {
            let file = format!("{GOOD}{end}{end}{GOOD}{end}1,1,2,x,3,1{last}");
            let error = read(&file).unwrap_err();
            assert!(
                error.starts_with("line 4, field `size`: \"x\" is not"),
                "{error}"
            );
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let fields = "a message has 6 fields, time,type,id,size,price,direction; this line has";
    let time = "a time in seconds from 0 to 18446744073.709551615, with at most 9 decimals";
    let whole = "a whole number from";
    for (line, problem) in [
        ("hello", format!("field `type`: missing: {fields} 1")),
        (
            "1,1,2,3,4",
            format!("field `direction`: missing: {fields} 5"),
        ),
        (
            "1,1,2,3,4,1,9",
            format!("field 7: one too many: {fields} 7"),
        ),
        ("1,1,2,3,4,1,", format!("field 7: one too many: {fields} 7")),
        ("x,1,2,3,4,1", format!("field `time`: \"x\" is not {time}")),
        (",1,2,3,4,1", format!("field `time`: \"\" is not {time}")),
        (
            "-1,1,2,3,4,1",
            format!("field `time`: \"-1\" is not {time}"),
        ),
        (
            "1.,1,2,3,4,1",
            format!("field `time`: \"1.\" is not {time}"),
        ),
        (
            ".5,1,2,3,4,1",
            format!("field `time`: \".5\" is not {time}"),
        ),
        (
            "1e4,1,2,3,4,1",
            format!("field `time`: \"1e4\" is not {time}"),
        ),
        (
            "1.2.3,1,2,3,4,1",
            format!("field `time`: \"1.2.3\" is not {time}"),
        ),
        (
            "0.1234567890,1,2,3,4,1",
            format!("field `time`: \"0.1234567890\" is not {time}"),
        ),
        (
            "18446744073.709551616,1,2,3,4,1",
            format!("field `time`: \"18446744073.709551616\" is not {time}"),
        ),
        (
            "1,0,2,3,4,1",
            "field `type`: \"0\" is not a type from 1 to 7".into(),
        ),
        (
            "1,8,2,3,4,1",
            "field `type`: \"8\" is not a type from 1 to 7".into(),
        ),
        (
            "1,11,2,3,4,1",
            "field `type`: \"11\" is not a type from 1 to 7".into(),
        ),
        (
            "1,1,-2,3,4,1",
            format!("field `id`: \"-2\" is not {whole} 0 to 18446744073709551615"),
        ),
        (
            "1,6,a,3,4,1",
            format!(
                "field `id`: \"a\" is not {whole} -9223372036854775808 to 18446744073709551615"
            ),
        ),
        (
            "1,1,2,abc,4,1",
            format!("field `size`: \"abc\" is not {whole} 0 to 18446744073709551615"),
        ),
        (
            "1,1,2,18446744073709551616,4,1",
            format!(
                "field `size`: \"18446744073709551616\" is not {whole} 0 to 18446744073709551615"
            ),
        ),
        (
            "1,4,2,-3,4,1",
            format!("field `size`: \"-3\" is not {whole} 0 to 18446744073709551615"),
        ),
        (
            "1,1,2,+3,4,1",
            format!("field `size`: \"+3\" is not {whole} 0 to 18446744073709551615"),
        ),
        (
            "1,1,2, 3,4,1",
            format!("field `size`: \" 3\" is not {whole} 0 to 18446744073709551615"),
        ),
        (
            "1,1,2,0,4,1",
            "field `size`: \"0\" is not a size that an order can rest with: at least 1".into(),
        ),
        (
            "1,1,2,3,-4,1",
            format!("field `price`: \"-4\" is not {whole} 0 to 9223372036854775807"),
        ),
        (
            "1,1,2,3,9223372036854775808,1",
            format!(
                "field `price`: \"9223372036854775808\" is not {whole} 0 to 9223372036854775807"
            ),
        ),
        (
            "1,7,0,0,--1,1",
            format!(
                "field `price`: \"--1\" is not {whole} -9223372036854775808 to 9223372036854775807"
            ),
        ),
        (
            "1,1,2,3,4,0",
            "field `direction`: \"0\" is not 1 (buy) or -1 (sell)".into(),
        ),
        (
            "1,1,2,3,4,",
            "field `direction`: \"\" is not 1 (buy) or -1 (sell)".into(),
        ),
    ] {
        assert_eq!(read(line), Err(format!("line 1, {problem}")), "{line}");
    }
}

#[test]
fn a_long_value_is_cut() {
    let error = read(&format!("1,{},2,3,4,1", "é".repeat(1000))).unwrap_err();
    let shown = "é".repeat(20);
    assert_eq!(
        error,
        format!("line 1, field `type`: \"{shown}\"... is not a type from 1 to 7")
    );
}
