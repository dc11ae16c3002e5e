use pool::{PoolBox, Pooled};

#[derive(Pooled)]
struct Frame<'a> {
    bytes: &'a [u8],
}

fn main() {
    // Nothing more is said about it.
    let frame = PoolBox::new(Frame { bytes: b"8=FIX" });
    assert_eq!(frame.bytes.len(), 5);
}
