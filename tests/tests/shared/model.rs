//! Random sequences of every operation, against `Arc` and `Weak` doing the same.

use pool::{PoolArc, PoolBox, PoolWeak, Pooled};
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak};
use tests::{Census, Member, scaled};

#[derive(Debug, Clone, Pooled)]
#[pool(shared, capacity = 256, magazine = 3)]
struct Value {
    number: u64,
    #[allow(dead_code, reason = "it counts")]
    member: Member,
}

/// What is in an `Arc` for a `Value`.
#[derive(Debug)]
struct Twin {
    number: AtomicU64,
    /// Whether a key was made. (`Arc` knows whether there is one now.)
    keyed: AtomicBool,
    #[allow(dead_code, reason = "it counts")]
    member: Member,
}

impl Clone for Twin {
    fn clone(&self) -> Self {
        Self {
            number: AtomicU64::new(self.number.load(SeqCst)),
            keyed: AtomicBool::new(false),
            member: self.member.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    New,
    NewCyclic,
    Clone,
    Drop,
    Downgrade,
    CopyKey,
    DropKey,
    Upgrade,
    TryUnwrap,
    IntoInner,
    TryIntoBox,
    FromBox,
    DropBox,
    GetMut,
    MakeMut,
    Raw,
    Assign,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop::sample::select(&[
        New, New, NewCyclic, Clone, Clone, Clone, Drop, Drop, Drop, Downgrade, Downgrade, CopyKey,
        DropKey, Upgrade, Upgrade, TryUnwrap, IntoInner, TryIntoBox, FromBox, DropBox, GetMut,
        MakeMut, MakeMut, Raw, Assign,
    ])
}

/// Both sides, step by step.
#[derive(Default)]
struct Both {
    owners: Vec<(PoolArc<Value>, Arc<Twin>)>,
    keys: Vec<(PoolWeak<Value>, Weak<Twin>)>,
    boxes: Vec<(PoolBox<Value>, Box<Twin>)>,
    values: Census,
    twins: Census,
}

impl Both {
    fn value(&self, number: u64) -> Value {
        let member = self.values.member();
        Value { number, member }
    }

    fn twin(&self, number: u64) -> Twin {
        Twin {
            number: AtomicU64::new(number),
            keyed: AtomicBool::new(false),
            member: self.twins.member(),
        }
    }

    fn perform(&mut self, operation: Operation, number: u64, pick: usize) {
        match operation {
            Operation::New => {
                let value = PoolArc::new_with(|| self.value(number));
                self.owners.push((value, Arc::new(self.twin(number))));
            }
            Operation::NewCyclic => {
                let (mut key, mut weak) = (PoolWeak::new(), Weak::new());
                let value = PoolArc::new_cyclic(|me| {
                    key = *me;
                    assert!(me.upgrade().is_none());
                    self.value(number)
                });
                let twin = Arc::new_cyclic(|me| {
                    weak = me.clone();
                    let twin = self.twin(number);
                    twin.keyed.store(true, SeqCst);
                    twin
                });
                self.owners.push((value, twin));
                self.keys.push((key, weak));
            }
            Operation::FromBox => {
                if let Some((boxed, twin)) = take(&mut self.boxes, pick) {
                    twin.keyed.store(false, SeqCst);
                    self.owners.push((boxed.into(), twin.into()));
                }
            }
            Operation::DropBox => drop(take(&mut self.boxes, pick)),
            Operation::CopyKey => {
                if let Some((key, weak)) = choose(&mut self.keys, pick) {
                    let copy = (PoolWeak::from_bits(key.to_bits()).unwrap(), weak.clone());
                    self.keys.push(copy);
                }
            }
            Operation::DropKey => drop(take(&mut self.keys, pick)),
            Operation::Upgrade => {
                if let Some((key, weak)) = choose(&mut self.keys, pick) {
                    let both = key.upgrade().zip(weak.upgrade());
                    self.owners.extend(both);
                }
            }
            _ => self.perform_on_an_owner(operation, number, pick),
        }
    }

    fn perform_on_an_owner(&mut self, operation: Operation, number: u64, pick: usize) {
        match operation {
            Operation::TryUnwrap
            | Operation::IntoInner
            | Operation::TryIntoBox
            | Operation::Drop => {
                let Some((owner, twin)) = take(&mut self.owners, pick) else {
                    return;
                };
                return self.take_apart(operation, owner, twin);
            }
            _ => (),
        }
        let Some((owner, twin)) = choose(&mut self.owners, pick) else {
            return;
        };
        match operation {
            Operation::Clone => {
                let both = (owner.clone(), twin.clone());
                self.owners.push(both);
            }
            Operation::Downgrade => {
                twin.keyed.store(true, SeqCst);
                let both = (PoolArc::downgrade(owner), Arc::downgrade(twin));
                self.keys.push(both);
            }
            Operation::GetMut => {
                let alone = Arc::strong_count(twin) == 1 && !twin.keyed.load(SeqCst);
                match PoolArc::get_mut(owner) {
                    Some(value) => {
                        assert!(alone);
                        value.number = number;
                        twin.number.store(number, SeqCst);
                    }
                    None => assert!(!alone),
                }
            }
            Operation::MakeMut => {
                let address = PoolArc::as_ptr(owner);
                let alone = Arc::strong_count(twin) == 1;
                PoolArc::make_mut(owner).number = number;
                assert_eq!(
                    PoolArc::as_ptr(owner) == address,
                    alone,
                    "moved if it was cloned"
                );
                let twin = Arc::make_mut(twin);
                twin.number.store(number, SeqCst);
                twin.keyed.store(false, SeqCst);
            }
            Operation::Raw => {
                let raws = (
                    PoolArc::into_raw(owner.clone()),
                    Arc::into_raw(twin.clone()),
                );
                // SAFETY: it came from `into_raw` just now.
                let owner = unsafe { PoolArc::from_raw(raws.0) };
                // SAFETY: as above.
                let twin = unsafe { Arc::from_raw(raws.1) };
                self.owners.push((owner, twin));
            }
            Operation::Assign => {
                let (first, second) = (owner.clone(), twin.clone());
                if let Some(last) = self.owners.last_mut() {
                    *last = (first, second);
                }
            }
            _ => unreachable!("done above"),
        }
    }

    fn take_apart(&mut self, operation: Operation, owner: PoolArc<Value>, twin: Arc<Twin>) {
        match operation {
            Operation::TryUnwrap => match (PoolArc::try_unwrap(owner), Arc::try_unwrap(twin)) {
                (Ok(value), Ok(twin)) => assert_eq!(value.number, twin.number.load(SeqCst)),
                (Err(owner), Err(twin)) => self.owners.push((owner, twin)),
                (value, twin) => panic!("{value:?}, but {twin:?}"),
            },
            Operation::IntoInner => {
                let value = PoolArc::into_inner(owner).map(|value| value.number);
                let twin = Arc::into_inner(twin).map(|twin| twin.number.load(SeqCst));
                assert_eq!(value, twin);
            }
            Operation::TryIntoBox => {
                let address = PoolArc::as_ptr(&owner);
                match (PoolArc::try_into_box(owner), Arc::try_unwrap(twin)) {
                    (Ok(boxed), Ok(twin)) => {
                        assert_eq!(PoolBox::as_ptr(&boxed), address, "not moved");
                        self.boxes.push((boxed, twin.into()));
                    }
                    (Err(owner), Err(twin)) => self.owners.push((owner, twin)),
                    (boxed, twin) => panic!("{boxed:?}, but {twin:?}"),
                }
            }
            _ => drop((owner, twin)),
        }
    }

    fn compare(&self) {
        for (owner, twin) in &self.owners {
            assert_eq!(owner.number, twin.number.load(SeqCst));
            assert_eq!(PoolArc::strong_count(owner), Arc::strong_count(twin));
        }
        for (boxed, twin) in &self.boxes {
            assert_eq!(boxed.number, twin.number.load(SeqCst));
        }
        for (key, weak) in &self.keys {
            let value = key.upgrade().map(|owner| owner.number);
            assert_eq!(value, weak.upgrade().map(|twin| twin.number.load(SeqCst)));
        }
        for (n, (owner, twin)) in self.owners.iter().enumerate() {
            for (other, second) in &self.owners[n..] {
                assert_eq!(PoolArc::ptr_eq(owner, other), Arc::ptr_eq(twin, second));
            }
        }
        for (n, (key, weak)) in self.keys.iter().enumerate() {
            for (other, second) in &self.keys[n..] {
                assert_eq!(key == other, weak.ptr_eq(second));
            }
        }
        assert_eq!(self.values.alive(), self.twins.alive());
        assert_eq!(Value::pool().len() as isize, self.twins.alive());
    }
}

fn take<T>(from: &mut Vec<T>, pick: usize) -> Option<T> {
    let index = pick.checked_rem(from.len())?;
    Some(from.swap_remove(index))
}

fn choose<T>(from: &mut [T], pick: usize) -> Option<&mut T> {
    let index = pick.checked_rem(from.len())?;
    from.get_mut(index)
}

/// The cases count the objects of one pool.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

proptest! {
    #![proptest_config(ProptestConfig {
        cases: scaled(400, 4) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn owners_and_keys_agree_with_arc_and_weak(
        steps in prop::collection::vec((operation(), any::<usize>()), 1..scaled(150, 30)),
    ) {
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut both = Both::default();
        for (number, &(operation, pick)) in steps.iter().enumerate() {
            both.perform(operation, number as u64, pick);
            both.compare();
        }
        let (values, keys) = (both.values.clone(), both.keys.clone());
        drop(both);
        assert_eq!((values.alive(), Value::pool().len()), (0, 0));
        assert!(keys.iter().all(|(key, _)| key.upgrade().is_none()));
    }
}
