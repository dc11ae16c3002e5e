//! The standard library's collections, held against each other.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use tests::{Dice, scaled};

/// Two kinds of map get the same, and have the same.
fn maps(seed: u64, rounds: usize) {
    let dice = Dice::new(seed);
    let mut hashed = HashMap::new();
    let mut ordered = BTreeMap::new();
    for n in 0..rounds {
        let key = format!("key {}", dice.below(rounds / 4 + 1));
        if dice.below(3) == 0 {
            assert_eq!(hashed.remove(&key), ordered.remove(&key));
        } else {
            let value = vec![n; dice.below(100)];
            let before = ordered.insert(key.clone(), value.clone());
            assert_eq!(hashed.insert(key, value), before);
        }
    }
    let mut found: Vec<_> = hashed.into_iter().collect();
    found.sort();
    assert!(found.into_iter().eq(ordered));
}

#[test]
fn maps_agree() {
    maps(1, scaled(20_000, 100));
}

#[test]
fn maps_agree_on_many_threads() {
    thread::scope(|scope| {
        for seed in 0..scaled(8, 2) as u64 {
            scope.spawn(move || maps(seed + 2, scaled(4000, 40)));
        }
    });
}

#[test]
fn strings_grow_and_are_joined() {
    let words: Vec<String> = (0..scaled(20_000, 100)).map(|n| n.to_string()).collect();
    let joined = words.join(" ");
    let mut pushed = String::new();
    for word in &words {
        if !pushed.is_empty() {
            pushed.push(' ');
        }
        pushed.push_str(word);
    }
    assert_eq!(joined, pushed);
    pushed.shrink_to_fit();
    assert!(pushed.split(' ').eq(words.iter().map(String::as_str)));
    let sum: usize = pushed
        .split(' ')
        .map(|word| word.parse::<usize>().expect("a number"))
        .sum();
    assert_eq!(sum, words.len() * (words.len() - 1) / 2);
}

#[test]
fn vectors_of_vectors() {
    let count = scaled(1000, 20);
    let mut rows: Vec<Vec<u32>> = Vec::new();
    for n in 0..count {
        rows.push((0..n as u32).collect());
    }
    for row in &mut rows {
        row.extend_from_within(..);
        row.shrink_to_fit();
    }
    for (n, row) in rows.iter().enumerate() {
        assert!(row.iter().copied().eq((0..n as u32).chain(0..n as u32)));
    }
}

#[test]
fn queues_lists_heaps_and_counted_owners() {
    let dice = Dice::new(11);
    let mut queue = VecDeque::new();
    let mut list = LinkedList::new();
    let mut heap = BinaryHeap::new();
    let shared: Rc<[String]> = (0..10).map(|n| format!("owner {n}")).collect();
    for _ in 0..scaled(20_000, 100) {
        let n = dice.below(1 << 20);
        queue.push_back((n, Rc::clone(&shared)));
        list.push_back(n);
        heap.push(n);
        if dice.below(3) == 0 {
            assert_eq!(queue.pop_front().map(|front| front.0), list.pop_front());
            heap.pop();
        }
    }
    assert_eq!(Rc::strong_count(&shared), queue.len() + 1);
    assert!(queue.iter().map(|entry| entry.0).eq(list));
    assert_eq!(heap.len(), queue.len());
    assert!(heap.into_sorted_vec().is_sorted());
}

/// A pipeline: what one thread makes another turns into something else, and a third counts.
#[test]
fn channels_carry_what_is_freed_elsewhere() {
    let count = scaled(20_000, 50);
    let (numbers, of_numbers) = mpsc::channel();
    let (texts, of_texts) = mpsc::channel();
    let seen = Arc::new(Mutex::new(HashSet::new()));
    thread::scope(|scope| {
        scope.spawn(move || (0..count).for_each(|n| numbers.send(Box::new(n)).expect("room")));
        scope.spawn(move || {
            for number in of_numbers {
                texts.send(number.to_string()).expect("room");
            }
        });
        let seen = Arc::clone(&seen);
        scope.spawn(move || {
            for text in of_texts {
                assert!(seen.lock().expect("no panic").insert(text));
            }
        });
    });
    assert_eq!(seen.lock().expect("no panic").len(), count);
}
