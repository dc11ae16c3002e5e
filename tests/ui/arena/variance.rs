use pool::{ArenaBox, Scope, ScopeGuard};

fn shorter<'long: 'short, 'short>(s: &'short Scope<'long>) -> &'short Scope<'short> {
    s
}

fn longer<'long: 'short, 'short>(s: &'short Scope<'short>) -> &'short Scope<'long> {
    s
}

fn shorter_guard<'long: 'short, 'short>(guard: ScopeGuard<'long>) -> ScopeGuard<'short> {
    guard
}

fn longer_guard<'long: 'short, 'short>(guard: ScopeGuard<'short>) -> ScopeGuard<'long> {
    guard
}

fn longer_box<'long: 'short, 'short>(boxed: ArenaBox<'short, u8>) -> ArenaBox<'long, u8> {
    boxed
}

fn longer_leak<'s, 'short>(boxed: ArenaBox<'short, u8>) -> &'s mut u8 {
    ArenaBox::leak(boxed)
}

fn needs_longer<'long>(s: &Scope<'long>, text: &'long String) {
    s.alloc(vec![text]);
}

fn given_another<'long>(outer: &'long Scope<'long>, text: String) {
    outer.scope(|s| needs_longer(s, &text));
    drop(text);
    let guard = outer.scope_guard();
    let own = String::new();
    needs_longer(&guard, &own);
}

fn main() {}
