//! What cannot be, whatever the machine is.

use super::answer::{Answer, Outcome};
use super::{Ask, Object};
use pool::{InitError, NumaPolicy, PageSize};

/// What contradicts itself in an outcome, a sentence each: nothing, if all is well.
#[must_use]
pub fn contradictions(outcome: &Outcome, objects: usize) -> Vec<String> {
    let Ask {
        pages,
        required,
        policy,
        lock,
    } = outcome.ask;
    let found = match &outcome.answer {
        Ok(answer) => of_answer(outcome.ask, answer, objects),
        Err(error) => of_error(outcome.ask, error),
    };
    let name =
        |fault| format!("`{pages}` pages, required: {required}, lock: {lock}, `{policy}`: {fault}");
    found.into_iter().map(name).collect()
}

fn of_error(ask: Ask, error: &InitError) -> Vec<String> {
    let asked = match error {
        InitError::Pages { pages, .. } => ask.required && *pages == ask.pages,
        InitError::Lock { .. } => ask.lock,
        InitError::Node { .. } | InitError::NoMemoryOnNode { .. } => {
            ask.policy == NumaPolicy::LocalOnly
        }
        _ => true,
    };
    match asked {
        true => Vec::new(),
        false => vec![format!("refused for what was not asked: {error}")],
    }
}

fn of_answer(ask: Ask, answer: &Answer, objects: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let mut unless = |holds: bool, fault: String| {
        if !holds {
            faults.push(fault);
        }
    };
    let net = objects * size_of::<Object>();
    let resident = answer.bytes(|_| true);
    let as_asked = answer.bytes(|pages| pages == ask.pages);
    // Where pages are the heap's, the system is not asked about them.
    let known = resident > 0;
    let reserved: usize = answer.parts.iter().map(|part| part.reserved).sum();
    let locked = answer.locked();
    unless(
        !known || resident >= net || answer.users.iter().any(|user| user.refused.is_some()),
        format!("{net} bytes of objects are live, and {resident} are there"),
    );
    unless(
        resident <= reserved,
        format!("{resident} bytes are there, of {reserved} reserved"),
    );
    unless(
        locked <= resident,
        format!("{locked} bytes are locked, and {resident} are there"),
    );
    unless(
        !known || !ask.lock || locked >= net,
        format!("{locked} bytes are locked, of {net} that were to be"),
    );
    unless(
        !known || !ask.required || as_asked >= net,
        format!("{as_asked} bytes are on the pages that are required for {net}"),
    );
    let explained = answer.parts.iter().any(|part| !part.refused.is_empty());
    unless(
        !known || ask.pages.bytes().is_none() || as_asked >= net || explained,
        format!(
            "{as_asked} bytes of {net} are on the pages that were asked for, and nobody says why"
        ),
    );
    for piece in answer.pieces() {
        let set_aside = |pages: PageSize| pages.bytes().unwrap_or(0);
        unless(
            set_aside(piece.pages) <= set_aside(ask.pages),
            format!("{} bytes are on `{}` pages", piece.bytes, piece.pages),
        );
    }
    if ask.policy == NumaPolicy::LocalOnly {
        for part in answer.parts.iter().filter(|part| part.node.is_some()) {
            for piece in part.granted.iter().filter(|piece| piece.node.is_some()) {
                unless(
                    piece.node == part.node,
                    format!(
                        "{} bytes are on node {:?}, not {:?}",
                        piece.bytes, piece.node, part.node
                    ),
                );
            }
        }
        for user in &answer.users {
            unless(
                user.elsewhere == 0,
                format!(
                    "a thread on node {:?} has {} objects of others",
                    user.node, user.elsewhere
                ),
            );
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Part, Piece, User};
    use super::*;

    const OBJECTS: usize = 1 << 15; // 2 MiB

    /// A pool on 2 MiB pages of two nodes as it should be, locked.
    fn good() -> (Ask, Answer) {
        let ask = Ask {
            pages: PageSize::Huge2M,
            required: true,
            policy: NumaPolicy::LocalOnly,
            lock: true,
        };
        let part = |node| Part {
            node: Some(node),
            reserved: 64 << 20,
            granted: vec![Piece {
                pages: PageSize::Huge2M,
                node: Some(node),
                bytes: 2 << 20,
            }],
            locked: 2 << 20,
            refused: Vec::new(),
        };
        let user = |node| User {
            node: Some(node),
            objects: OBJECTS / 2,
            ..User::default()
        };
        let answer = Answer {
            parts: vec![part(0), part(1)],
            users: vec![user(0), user(1)],
        };
        (ask, answer)
    }

    /// How many contradictions there are after a change.
    fn after(change: impl FnOnce(&mut Ask, &mut Answer)) -> usize {
        let (mut ask, mut answer) = good();
        change(&mut ask, &mut answer);
        let outcome = Outcome {
            ask,
            answer: Ok(answer),
        };
        contradictions(&outcome, OBJECTS).len()
    }

    #[test]
    fn what_is_as_asked_is_no_contradiction() {
        assert_eq!(after(|_, _| ()), 0);
        // The heap's, of which nobody knows anything.
        let forget = |answer: &mut Answer| {
            for part in &mut answer.parts {
                part.granted.clear();
                part.locked = 0;
            }
        };
        assert_eq!(after(|_, answer| forget(answer)), 0);
    }

    #[test]
    fn each_contradiction_is_found() {
        let halve = |answer: &mut Answer| {
            for part in &mut answer.parts {
                part.granted[0].bytes /= 4;
                part.locked = part.granted[0].bytes;
            }
        };
        // Too little is there: of all, of what is locked, and of the pages; and it is not said why.
        assert_eq!(after(|_, answer| halve(answer)), 4);
        let refused = |_: &mut Ask, answer: &mut Answer| {
            halve(answer);
            answer.users[0].refused = Some("full".to_owned());
        };
        assert_eq!(after(refused), 3);
        assert_eq!(after(|_, answer| answer.parts[0].reserved = 1 << 20), 0);
        let shrink = |part: &mut Part| part.reserved = 1 << 20;
        assert_eq!(
            after(|_, answer| answer.parts.iter_mut().for_each(shrink)),
            1
        );
        assert_eq!(after(|_, answer| answer.parts[0].locked = 3 << 20), 1);
        let unlock = |part: &mut Part| part.locked = 0;
        let unlock_all = |answer: &mut Answer| answer.parts.iter_mut().for_each(unlock);
        assert_eq!(after(|_, answer| unlock_all(answer)), 1);
        let unlocked = |ask: &mut Ask, answer: &mut Answer| {
            ask.lock = false;
            unlock_all(answer);
        };
        assert_eq!(after(unlocked), 0);
        let smaller = |answer: &mut Answer| {
            let pieces = answer.parts.iter_mut().flat_map(|part| &mut part.granted);
            pieces.for_each(|piece| piece.pages = PageSize::Transparent);
        };
        // Required; and nobody says why.
        assert_eq!(after(|_, answer| smaller(answer)), 2);
        let fallen_back = |ask: &mut Ask, answer: &mut Answer| {
            smaller(answer);
            ask.required = false;
            answer.parts[1].refused.push("mmap: no".to_owned());
        };
        assert_eq!(after(fallen_back), 0);
        assert_eq!(after(|ask, _| ask.pages = PageSize::Transparent), 2 + 1);
        assert_eq!(
            after(|_, answer| answer.parts[0].granted[0].node = Some(1)),
            1
        );
        assert_eq!(after(|_, answer| answer.users[1].elsewhere = 1), 1);
        let preferred = |ask: &mut Ask, answer: &mut Answer| {
            ask.policy = NumaPolicy::Preferred;
            answer.users[1].elsewhere = 1;
            answer.parts[0].granted[0].node = Some(1);
        };
        assert_eq!(after(preferred), 0);
    }

    #[test]
    fn an_error_is_about_what_was_asked() {
        let refused = |ask: Ask, objects| {
            let error = ask.hold(objects, &[None]).err();
            let answer = Err(error.expect("so many do not fit"));
            contradictions(&Outcome { ask, answer }, objects).len()
        };
        let ask = good().0;
        assert_eq!(refused(ask, usize::MAX), 0);
        assert_eq!(of_error(ask, &InitError::ZeroCapacity).len(), 0);
        for (policy, faults) in [(NumaPolicy::LocalOnly, 0), (NumaPolicy::Preferred, 1)] {
            let error = InitError::NoMemoryOnNode { node: 1 };
            assert_eq!(of_error(Ask { policy, ..ask }, &error).len(), faults);
        }
        for lock in [true, false] {
            let error = InitError::Lock {
                bytes: 1,
                call: "mlock",
                errno: None,
                limit: None,
            };
            let faults = usize::from(!lock);
            assert_eq!(of_error(Ask { lock, ..ask }, &error).len(), faults);
        }
    }
}
