use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::HashMap;

fn millis(millis: u64) -> Expiry {
    Expiry::In(NonZeroU64::new(millis).expect("not now"))
}

#[test]
fn what_nobody_looks_at_is_swept() {
    let mut store = Store::default();
    for n in 0..100_u64 {
        let set = store.set(&n.to_le_bytes(), b"", millis(n + 1), When::Always);
        assert!(matches!(set, Ok(true)));
    }
    assert!(matches!(
        store.set(b"stays", b"", Expiry::Never, When::Always),
        Ok(true)
    ));
    assert_eq!(
        (store.len(), store.expiring(), store.sweep(100)),
        (101, 100, 0)
    );
    store.set_now(50);
    // No more than it is told, and the oldest first.
    assert_eq!(store.sweep(20), 20);
    assert!(!store.contains(&19_u64.to_le_bytes()));
    assert_eq!(store.figures().expired, 20);
    // One that was over and is seen is gone by that.
    assert_eq!(store.left(&49_u64.to_le_bytes()), Left::Absent);
    assert_eq!(store.sweep(100), 29);
    assert_eq!(
        (store.len(), store.expiring(), store.sweep(100)),
        (51, 50, 0)
    );
    // Time does not go back.
    store.set_now(1);
    assert_eq!(store.left(&50_u64.to_le_bytes()), Left::Millis(1));
    // What was given another deadline, or none, is not swept at the first.
    assert!(store.expire(&50_u64.to_le_bytes(), 1000));
    assert!(matches!(
        store.set(&51_u64.to_le_bytes(), b"", Expiry::Never, When::Always),
        Ok(true)
    ));
    store.set_now(200);
    assert_eq!(
        (store.sweep(100), store.len(), store.expiring()),
        (48, 3, 1)
    );
    store.clear();
    assert_eq!((store.len(), store.expiring()), (0, 0));
}

#[test]
fn keys_and_values_may_be_long() {
    let mut store = Store::default();
    let long = vec![b'x'; if cfg!(miri) { 1000 } else { 1 << 20 }];
    for len in [0, 1, 22, 23, 30, 31, long.len()] {
        let key = &long[..len];
        assert!(matches!(
            store.set(key, &key[len / 2..], Expiry::Never, When::Absent),
            Ok(true)
        ));
        assert_eq!(store.get(key), Some(&key[len / 2..]));
        assert!(matches!(
            store.set(key, key, Expiry::Never, When::Present),
            Ok(true)
        ));
        assert_eq!(store.get(key), Some(key));
    }
    assert_eq!(store.len(), 7);
}

#[derive(Debug, Clone)]
enum Step {
    Set(u8, u8, Option<u64>, u8),
    Keep(u8, u8),
    Remove(u8),
    Expire(u8, i64),
    Incr(u8),
    Pass(u64),
    Sweep(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0_u8..12;
    prop_oneof![
        4 => (key(), any::<u8>(), prop::option::of(1_u64..50), 0_u8..3)
            .prop_map(|(key, value, millis, when)| Step::Set(key, value, millis, when)),
        1 => (key(), any::<u8>()).prop_map(|(key, value)| Step::Keep(key, value)),
        1 => key().prop_map(Step::Remove),
        1 => (key(), -2_i64..50).prop_map(|(key, millis)| Step::Expire(key, millis)),
        1 => key().prop_map(Step::Incr),
        2 => (0_u64..20).prop_map(Step::Pass),
        1 => (0_usize..5).prop_map(Step::Sweep),
    ]
}

/// What a store should do, in as few words as there are: a map, of which what is over is taken at each
/// step.
#[derive(Default)]
struct Model {
    now: u64,
    entries: HashMap<u8, (u64, Option<u64>)>,
}

impl Model {
    fn step(&mut self, step: &Step) -> Option<i64> {
        let now = self.now;
        let mut answer = None;
        match *step {
            Step::Set(key, value, millis, when) => {
                let is_there = self.entries.contains_key(&key);
                if when == 0 || (when == 1) != is_there {
                    let deadline = millis.map(|millis| now + millis);
                    self.entries.insert(key, (value.into(), deadline));
                }
            }
            Step::Keep(key, value) => self.entries.entry(key).or_default().0 = value.into(),
            Step::Remove(key) => drop(self.entries.remove(&key)),
            Step::Expire(key, millis) => {
                if let Some(entry) = self.entries.get_mut(&key) {
                    entry.1 = Some(now.saturating_add_signed(millis));
                }
            }
            Step::Incr(key) => {
                let entry = self.entries.entry(key).or_default();
                entry.0 += 1;
                answer = Some(entry.0.cast_signed());
            }
            Step::Pass(millis) => self.now += millis,
            Step::Sweep(_) => {}
        }
        let now = self.now;
        self.entries
            .retain(|_, (_, deadline)| deadline.is_none_or(|deadline| deadline > now));
        answer
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 500 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_store_is_a_map(steps in vec(step(), 0..100)) {
        let (mut store, mut model) = (Store::default(), Model { now: 100, ..Model::default() });
        store.set_now(100);
        for step in steps {
            let expected = model.step(&step);
            let key = |key: u8| vec![key; usize::from(key) * 4];
            let text = |value: u8| value.to_string().into_bytes();
            match step {
                Step::Set(k, value, ms, when) => {
                    let when = [When::Always, When::Absent, When::Present][usize::from(when)];
                    let expiry = ms.map_or(Expiry::Never, millis);
                    prop_assert!(store.set(&key(k), &text(value), expiry, when).is_ok());
                }
                Step::Keep(k, value) => {
                    prop_assert!(store.set(&key(k), &text(value), Expiry::Keep, When::Always).is_ok());
                }
                Step::Remove(k) => drop(store.remove(&key(k))),
                Step::Expire(k, millis) => drop(store.expire(&key(k), millis)),
                Step::Incr(k) => prop_assert_eq!(store.incr(&key(k)).ok(), expected),
                Step::Pass(_) => store.set_now(model.now),
                Step::Sweep(most) => prop_assert!(store.sweep(most) <= most),
            }
            prop_assert!(store.len() >= model.entries.len());
            prop_assert!(store.expiring() <= store.len());
        }
        for k in 0..12_u8 {
            let key = vec![k; usize::from(k) * 4];
            let entry = model.entries.get(&k);
            let value = entry.map(|(value, _)| value.to_string().into_bytes());
            prop_assert_eq!(store.get(&key), value.as_deref());
            let left = match entry {
                None => Left::Absent,
                Some((_, None)) => Left::Forever,
                Some((_, Some(deadline))) => Left::Millis(deadline - model.now),
            };
            prop_assert_eq!(store.left(&key), left);
        }
        // All that was over was seen just now.
        prop_assert_eq!(store.len(), model.entries.len());
        let expiring = model.entries.values().filter(|(_, deadline)| deadline.is_some());
        prop_assert_eq!(store.expiring(), expiring.count());
    }
}
