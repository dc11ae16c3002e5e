use pool::Pooled;

#[derive(Pooled)]
#[pool(capacity)]
struct NoEquals;

#[derive(Pooled)]
#[pool(capacity 8)]
struct NoEqualsButValue;

#[derive(Pooled)]
#[pool(capacity = )]
struct NoValue;

#[derive(Pooled)]
#[pool(capacity(8))]
struct Parentheses;

#[derive(Pooled)]
#[pool]
struct NoList;

#[derive(Pooled)]
#[pool = 8]
struct NoParentheses;

fn main() {}
