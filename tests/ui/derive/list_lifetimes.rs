use pool::Pooled;

#[derive(Pooled)]
#[pool(for(Message<&str>, Message<&'a mut u8>, Message<Vec<&'_ u8>>))]
struct Message<T>(T);

#[derive(Pooled)]
#[pool(for(Frame<'a>, Frame<'_>, Frame))]
struct Frame<'a> {
    bytes: &'a [u8],
}

// What lives for ever, and what is a function's own affair.
#[derive(Pooled)]
#[pool(for(Fine<'static, &'static str>, Fine<'static, fn(&str) -> &str>))]
struct Fine<'a, T>(&'a str, T);

fn main() {}
