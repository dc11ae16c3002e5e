//! Tests that need other crates than the rest do. They stand apart, so that what runs the others under
//! sanitizers, elsewhere and in guests does not build those crates each time.
