use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn sent(replies: &Replies<'_>) -> std::vec::Vec<u8> {
    let pieces: std::vec::Vec<_> = replies.pieces().collect();
    assert!(pieces.iter().all(|piece| !piece.is_empty()));
    let sent = pieces.concat();
    assert_eq!(sent.len(), replies.len());
    assert_eq!(replies.is_empty(), sent.is_empty());
    sent
}

#[test]
fn answers_are_written_as_they_should_be() {
    let arena = Arena::new();
    let mut replies = Replies::new(&arena, 1000);
    assert!(replies.finish() && replies.is_empty());
    replies.simple("OK");
    replies.error(format_args!("ERR a\r\nb{}c", '\n'));
    replies.integer(i64::MIN);
    replies.bulk(b"\r\n\0");
    replies.text(&format_args!("{:>3}é", 7));
    replies.null();
    replies.null_array();
    replies.array(2);
    assert!(replies.finish());
    let expected = "+OK\r\n-ERR a  b c\r\n:-9223372036854775808\r\n$3\r\n\r\n\0\r\n$5\r\n  7é\r\n\
                    $-1\r\n*-1\r\n*2\r\n";
    assert_eq!(sent(&replies), expected.as_bytes());
}

/// An answer of some bulk strings, another's hand.
fn answer(bulks: &[usize]) -> String {
    let mut answer = format!("*{}\r\n", bulks.len());
    for &len in bulks {
        answer += &format!("${len}\r\n{}\r\n", "x".repeat(len));
    }
    answer
}

fn put(replies: &mut Replies<'_>, bulks: &[usize]) -> bool {
    replies.array(bulks.len());
    for &len in bulks {
        replies.bulk("x".repeat(len).as_bytes());
    }
    replies.finish()
}

const LIMIT: usize = 20_000;
const TOO_LONG: &str = "-ERR the answer has no room: 20000 bytes are allowed (--max-reply)\r\n";

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 300 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn answers_are_whole_or_an_error(
        answers in vec(vec(prop_oneof![0_usize..9, 0_usize..2000, 3000_usize..9000], 0..6), 0..9),
    ) {
        let arena = Arena::new();
        let mut replies = Replies::new(&arena, LIMIT);
        let mut expected = String::new();
        for bulks in answers {
            prop_assert!(put(&mut replies, &bulks));
            let answer = answer(&bulks);
            expected += if answer.len() > LIMIT { TOO_LONG } else { &answer };
        }
        prop_assert_eq!(sent(&replies), expected.as_bytes());
    }

    #[test]
    fn an_arena_without_room_keeps_what_is_whole(
        answers in vec(vec(0_usize..6000, 0..4), 0..20),
        room in 2_000_usize..40_000,
    ) {
        let arena = Arena::with_limit(room);
        let mut replies = Replies::new(&arena, LIMIT);
        let mut expected = String::new();
        for bulks in answers {
            let answer = answer(&bulks);
            let before = replies.len();
            if !put(&mut replies, &bulks) {
                prop_assert_eq!(replies.len(), before);
                break;
            }
            let is_whole = replies.len() - before == answer.len();
            expected += if is_whole { &answer } else { TOO_LONG };
        }
        prop_assert_eq!(sent(&replies), expected.as_bytes());
    }
}
