use pool::{Pool, PoolScope};

struct Line<'a>(&'a str);

impl Drop for Line<'_> {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn what_ends_before_the_scope(pool: &Pool<Line<'_>>) {
    pool.scope(|s| {
        let text = String::from("35=D");
        s.alloc(Line(&text)).unwrap();
    });
}

enum Link<'a> {
    End,
    To(&'a Link<'a>),
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        if let Link::To(Link::End) = self {}
    }
}

fn another_object(pool: &Pool<Link<'_>>) {
    pool.scope(|s| {
        let end = s.alloc(Link::End).unwrap();
        s.alloc(Link::To(end)).unwrap();
    });
}

fn shortened<'s, 'a>(
    scope: &'s PoolScope<'_, Line<'static>>,
    _text: &'a str,
) -> &'s PoolScope<'s, Line<'a>> {
    scope
}

fn main() {}
