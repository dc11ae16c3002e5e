//! Who waits, in the order in which they came: `event_listener`'s queue; under loom one that loom knows.

pub(crate) use imp::{Event, Listener};

#[cfg(not(loom))]
mod imp {
    use event_listener::{EventListener, IntoNotification, Listener as _};
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Instant;

    /// A queue of those who wait for a `T`.
    #[derive(Debug)]
    pub(crate) struct Event<T>(event_listener::Event<T>);

    /// A place in the queue.
    #[derive(Debug)]
    pub(crate) struct Listener<T>(EventListener<T>);

    impl<T> Event<T> {
        pub(crate) fn new() -> Self {
            Self(event_listener::Event::with_tag())
        }

        /// Takes a place at the end.
        pub(crate) fn listen(&self) -> Listener<T> {
            Listener(self.0.listen())
        }

        /// Gives the first who was given nothing yet what `tag` makes. False: there is nobody, and
        /// `tag` was not called.
        pub(crate) fn give(&self, tag: impl FnMut() -> T) -> bool {
            self.0.notify(1.additional().tag_with(tag)) > 0
        }
    }

    impl<T> Listener<T> {
        /// Sleeps until something is given, or until a deadline.
        pub(crate) fn wait(self, deadline: Option<Instant>) -> Option<T> {
            match deadline {
                Some(deadline) => self.0.wait_deadline(deadline),
                None => Some(self.0.wait()),
            }
        }

        /// Asks whether something was given.
        pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<T> {
            Pin::new(&mut self.0).poll(context)
        }
    }
}

#[cfg(loom)]
mod imp {
    use loom::sync::{Arc, Condvar, Mutex};
    use std::collections::VecDeque;
    use std::task::{Context, Poll};
    use std::time::Instant;

    type Queue<T> = Mutex<VecDeque<Arc<Place<T>>>>;

    #[derive(Debug)]
    pub(crate) struct Event<T>(Arc<Queue<T>>);

    #[derive(Debug)]
    struct Place<T> {
        given: Mutex<Option<T>>,
        told: Condvar,
    }

    #[derive(Debug)]
    pub(crate) struct Listener<T> {
        place: Arc<Place<T>>,
        queue: Arc<Queue<T>>,
    }

    impl<T> Event<T> {
        pub(crate) fn new() -> Self {
            Self(Arc::new(Mutex::new(VecDeque::new())))
        }

        pub(crate) fn listen(&self) -> Listener<T> {
            let place = Arc::new(Place {
                given: Mutex::new(None),
                told: Condvar::new(),
            });
            self.0.lock().unwrap().push_back(Arc::clone(&place));
            let queue = Arc::clone(&self.0);
            Listener { place, queue }
        }

        pub(crate) fn give(&self, mut tag: impl FnMut() -> T) -> bool {
            let Some(place) = self.0.lock().unwrap().pop_front() else {
                return false;
            };
            *place.given.lock().unwrap() = Some(tag());
            place.told.notify_one();
            true
        }
    }

    impl<T> Listener<T> {
        /// For ever: loom has no clock, and says so if nobody comes.
        pub(crate) fn wait(self, _: Option<Instant>) -> Option<T> {
            let mut given = self.place.given.lock().unwrap();
            loop {
                match given.take() {
                    Some(tag) => return Some(tag),
                    None => given = self.place.told.wait(given).unwrap(),
                }
            }
        }

        pub(crate) fn poll(&mut self, _: &mut Context<'_>) -> Poll<T> {
            unreachable!("models sleep")
        }
    }

    impl<T> Drop for Listener<T> {
        fn drop(&mut self) {
            let mut queue = self.queue.lock().unwrap();
            queue.retain(|place| !Arc::ptr_eq(place, &self.place));
        }
    }
}
