//! A pool that threads on every node use at the same time.

use super::answer::{Answer, User};
use super::{Ask, Object};
use pool::numa::{self, Topology};
use pool::{InitError, Pool, ScopedBox};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

/// A pool, and threads that hold objects of it until this is dropped.
#[derive(Debug)]
pub struct Held {
    pool: Arc<Pool<Object>>,
    users: Vec<User>,
    /// They wait for their sender's end.
    threads: Vec<(Sender<()>, JoinHandle<()>)>,
}

/// The nodes that threads can be tied to. If there is none, one thread runs wherever it does.
#[must_use]
pub fn places(machine: &Topology, notes: &mut Vec<String>) -> Vec<Option<u32>> {
    let mut places = Vec::new();
    for node in machine.nodes().iter().filter(|node| !node.cpus.is_empty()) {
        match numa::spawn_on(node.id, || ()) {
            Ok(thread) => {
                thread.join().expect("it does nothing");
                places.push(Some(node.id));
            }
            Err(error) => notes.push(format!("Not used from node {}: {error}.", node.id)),
        }
    }
    if places.is_empty() {
        places.push(None);
    }
    places
}

impl Ask {
    /// Makes the pool with room for `objects`, and uses all of it: each place has its share.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::with_config`].
    pub fn hold(self, objects: usize, places: &[Option<u32>]) -> Result<Held, InitError> {
        let pool = Arc::new(Pool::with_config(self.config(objects))?);
        let mut held = Held {
            pool,
            users: Vec::new(),
            threads: Vec::new(),
        };
        for (index, &place) in places.iter().enumerate() {
            let before = objects * index / places.len();
            let share = objects * (index + 1) / places.len() - before;
            held.add(place, share);
        }
        Ok(held)
    }
}

impl Held {
    /// Has a thread make objects, and waits until it has.
    fn add(&mut self, place: Option<u32>, objects: usize) {
        let pool = Arc::clone(&self.pool);
        let (done, made) = mpsc::channel();
        let (keep, end) = mpsc::channel();
        let body = move || work(&pool, place, objects, &done, &end);
        let thread = match place {
            Some(node) => numa::spawn_on(node, body).expect("it did before"),
            None => thread::spawn(body),
        };
        self.users.push(made.recv().expect("the thread says so"));
        self.threads.push((keep, thread));
    }

    /// What the system says of it now.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer::new(&self.pool.memory(), self.users.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for (keep, thread) in self.threads.drain(..) {
            drop(keep);
            // A panic was seen by who waited for its objects.
            let _ = thread.join();
        }
    }
}

/// Makes objects, and keeps them until the end.
fn work(
    pool: &Pool<Object>,
    node: Option<u32>,
    objects: usize,
    done: &Sender<User>,
    end: &Receiver<()>,
) {
    let mut user = User {
        node,
        ..User::default()
    };
    let mut kept: Vec<ScopedBox<'_, Object>> = Vec::with_capacity(objects);
    for n in 0..objects as u64 {
        match pool.try_alloc(Object([n; 8])) {
            Ok(object) => kept.push(object),
            Err(full) => {
                user.refused = Some(full.to_string());
                break;
            }
        }
    }
    let elsewhere = |object: &&ScopedBox<'_, Object>| {
        let of = pool.node_of(object);
        of.is_some() && node.is_some() && of != node
    };
    user.objects = kept.len();
    user.elsewhere = kept.iter().filter(elsewhere).count();
    if done.send(user).is_ok() {
        // Nothing is ever sent: it returns when the other side is gone.
        let _ = end.recv();
    }
    let whole = kept.iter().zip(0..).all(|(object, n)| object.0 == [n; 8]);
    assert!(whole, "objects are kept as they were made");
}
