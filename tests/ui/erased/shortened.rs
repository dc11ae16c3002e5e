use pool::{ErasedBox, PoolBox, Pooled};

#[derive(Pooled)]
struct Name(&'static str);

impl Drop for Name {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

fn shorten<'a>(name: ErasedBox<&'static str>) -> ErasedBox<&'a str> {
    name
}

fn main() {
    let text = String::from("not for ever");
    let mut name = shorten(PoolBox::map(PoolBox::new(Name("")), |name| &mut name.0));
    *name = &text;
}
