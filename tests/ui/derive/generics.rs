use pool::Pooled;

#[derive(Pooled)]
struct Message<T>(T);

#[derive(Pooled)]
struct Buffer<const N: usize>([u8; N]);

#[derive(Pooled)]
struct Borrowed<'a>(&'a str);

#[derive(Pooled)]
struct Both<'a, T>
where
    T: Copy,
{
    value: &'a T,
}

#[derive(Pooled)]
struct Bounded<'a, T: 'a>(&'a T);

#[derive(Pooled)]
struct Unsized<T: ?Sized>(T);

fn main() {}
