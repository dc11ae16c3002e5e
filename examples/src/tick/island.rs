//! Islands: bodies that touch each other, directly or by way of others.
//!
//! Found by union-find. An island is as old as its first contact, and its lists are in the order of
//! what they are made of.

use super::contact::Contact;
use super::memory::{List, Memory};

const NONE: u32 = u32::MAX;

/// Bodies that touch each other, and where.
pub struct Island<'m, M: Memory<'m>> {
    /// In ascending order.
    pub bodies: M::Slice<u32>,
    /// In the order in which they were found.
    pub contacts: M::Slice<Contact>,
}

/// The islands of so many bodies. A body that touches none is in no island.
pub fn islands<'m, M: Memory<'m>>(
    memory: M,
    bodies: usize,
    contacts: &[Contact],
) -> M::Slice<Island<'m, M>> {
    let mut parents = memory.slice(bodies, |body| body as u32);
    for contact in contacts {
        let (a, b) = (root(&mut parents, contact.a), root(&mut parents, contact.b));
        // The smaller number stays the root, so that it does not matter who came first.
        parents[a.max(b) as usize] = a.min(b);
    }

    let mut of_root = memory.slice(bodies, |_| NONE);
    let mut chains = memory.list::<(Chain, Chain)>(0);
    let mut next_contact = memory.slice(contacts.len(), |_| NONE);
    let mut next_body = memory.slice(bodies, |_| NONE);
    for (i, contact) in contacts.iter().enumerate() {
        let root = root(&mut parents, contact.a) as usize;
        if of_root[root] == NONE {
            of_root[root] = chains.len() as u32;
            chains.push(Default::default());
        }
        let (_, chain) = &mut chains[of_root[root] as usize];
        chain.push(&mut next_contact, i as u32);
    }
    for body in 0..bodies as u32 {
        let island = of_root[root(&mut parents, body) as usize];
        if let Some((chain, _)) = chains.get_mut(island as usize) {
            chain.push(&mut next_body, body);
        }
    }
    memory.slice(chains.len(), |island| {
        let (bodies, touching) = chains[island];
        let mut body = bodies.walk(&next_body);
        let mut contact = touching.walk(&next_contact);
        Island {
            bodies: memory.slice(bodies.len as usize, |_| body()),
            contacts: memory.slice(touching.len as usize, |_| contacts[contact() as usize]),
        }
    })
}

/// Whom a body belongs to. The way there gets shorter.
fn root(parents: &mut [u32], mut body: u32) -> u32 {
    loop {
        let parent = parents[body as usize];
        if parent == body {
            return body;
        }
        let grand = parents[parent as usize];
        parents[body as usize] = grand;
        body = grand;
    }
}

/// Numbers, each of which says in a slice that they share which one comes next.
#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
    len: u32,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            first: NONE,
            last: NONE,
            len: 0,
        }
    }
}

impl Chain {
    fn push(&mut self, next: &mut [u32], number: u32) {
        match self.len {
            0 => self.first = number,
            _ => next[self.last as usize] = number,
        }
        self.last = number;
        self.len += 1;
    }

    /// One number after the other, as many as there are.
    fn walk(self, next: &[u32]) -> impl FnMut() -> u32 {
        let mut at = self.first;
        move || {
            let here = at;
            at = next[here as usize];
            here
        }
    }
}
