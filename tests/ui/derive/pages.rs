use pool::{PoolBox, Pooled};

const WISH: &str = "huge_2m";

#[derive(Pooled)]
#[pool(pages = "huge-2m")]
struct Misspelt;

#[derive(Pooled)]
#[pool(capacity = 8, pages = "thp", lock)]
struct Synonym;

#[derive(Pooled)]
#[pool(pages = "enormous")]
struct Unknown;

#[derive(Pooled)]
#[pool(pages = "")]
struct Empty;

#[derive(Pooled)]
#[pool(pages = huge_2m)]
struct BareWord;

#[derive(Pooled)]
#[pool(pages = pool::PageSize::Huge1G)]
struct Variant;

#[derive(Pooled)]
#[pool(pages = WISH)]
struct Constant;

#[derive(Pooled)]
#[pool(pages = concat!("huge", "_2m"))]
struct Macro;

#[derive(Pooled)]
#[pool(pages = 1 << 21)]
struct Number;

#[derive(Pooled)]
#[pool(pages = 2M)]
struct Suffix;

#[derive(Pooled)]
#[pool(pages = b"huge_2m")]
struct Bytes;

#[derive(Pooled)]
#[pool(pages)]
struct NoValue;

#[derive(Pooled)]
#[pool(pages = , capacity = 8)]
struct NoValueAfterEquals;

#[derive(Pooled)]
#[pool(pages("huge_2m"))]
struct Parentheses;

#[derive(Pooled)]
#[pool(pages = "base", pages = "huge_2m")]
struct Twice;

#[derive(Pooled)]
#[pool(pages = "huge_2m" "huge_1g")]
struct NoComma;

#[derive(Pooled)]
#[pool(page = "huge_2m")]
struct MisspeltName;

fn main() {
    // Nothing more is said about types whose attributes are wrong.
    drop(PoolBox::new(Misspelt));
}
