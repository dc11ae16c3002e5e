use pool::PoolBox;

trait Shape {}

fn main() {
    let shape: PoolBox<dyn Shape>;
    let text = PoolBox::new(String::new());
}
