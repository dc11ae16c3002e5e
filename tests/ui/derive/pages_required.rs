use pool::Pooled;

#[derive(Pooled)]
#[pool(capacity = 8, pages_required)]
struct NoPages;

#[derive(Pooled)]
#[pool(pages_required, pages = "base")]
struct BasePages;

#[derive(Pooled)]
#[pool(pages = "huge_2m", pages_required = true)]
struct Value;

#[derive(Pooled)]
#[pool(pages_required = false)]
struct No;

// What is wrong with the pages is all that there is to say.
#[derive(Pooled)]
#[pool(pages = "huge", pages_required)]
struct WrongPages;

#[derive(Pooled)]
#[pool(page = "huge_2m", pages_required)]
struct MisspeltPages;

#[derive(Pooled)]
#[pool(pages = "transparent", required)]
struct Synonym;

#[derive(Pooled)]
#[pool(lock = "yes")]
struct LockValue;

fn main() {}
