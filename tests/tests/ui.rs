//! What the compiler says of wrong uses: each message is held to the letter.
//!
//! `TRYBUILD=overwrite cargo test -p tests --test ui` writes the messages anew.

#[test]
#[cfg_attr(miri, ignore = "runs the compiler")]
fn wrong_uses_are_refused_with_a_message_that_helps() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/arena/*.rs");
    cases.compile_fail("ui/bounds/*.rs");
    cases.compile_fail("ui/derive/*.rs");
    cases.compile_fail("ui/erased/*.rs");
    cases.compile_fail("ui/handles/*.rs");
    cases.compile_fail("ui/pool_scope/*.rs");
}
