//! The particles: the same world whatever the memory, the laws and what happens if they are broken, and
//! the broad phase and islands beside what looks at all pairs.

use bumpalo::Bump;
use examples::tick::body::{Body, NARROWEST, Room, WIDEST, gas};
use examples::tick::contact::{Contact, contact};
use examples::tick::grid::Grid;
use examples::tick::island::islands;
use examples::tick::laws::{Breach, Violation};
use examples::tick::memory::{Backing, Counted, Heap};
use examples::tick::rules::{Bounce, Hard, Rules};
use examples::tick::step::Tally;
use examples::tick::vector::Vector;
use examples::tick::world::World;
use pool::{Arena, ArenaConfig};
use proptest::prelude::*;

const ELASTIC: Hard = Hard { restitution: 1.0 };

/// Few, where each instruction is looked at.
const TICKS: usize = if cfg!(miri) { 3 } else { 100 };
const BODIES: usize = if cfg!(miri) { 30 } else { 500 };

fn start(bodies: usize, seed: u64, restitution: f64) -> World<Hard> {
    let (room, bodies) = gas(bodies, seed);
    World::new(Hard { restitution }, room, bodies)
}

/// All ticks' tallies, and the checksum in the end.
fn run<R: Rules>(
    mut world: World<R>,
    ticks: usize,
    mut memory: impl Backing,
) -> Result<(Vec<Tally>, u64), Violation> {
    let tallies: Result<_, _> = (0..ticks).map(|_| Ok(world.tick(&mut memory)?.0)).collect();
    Ok((tallies?, world.checksum()))
}

#[test]
fn all_memories_come_to_the_same_world() {
    for restitution in [1.0, 0.8, 0.0] {
        let world = start(BODIES, 3, restitution);
        let heap = run(world.clone(), TICKS, Heap).expect("the laws are kept");
        let last = heap.0.last().expect("there were ticks");
        assert!(last.pairs >= last.contacts && last.contacts >= last.collisions);
        assert!(last.events >= last.walls + last.collisions);
        assert_eq!(last.in_cells, BODIES);
        if !cfg!(miri) {
            assert!(last.collisions > 10 && last.islands > 10, "{last:?}");
        }

        let tiny = ArenaConfig::new().chunk(4096).chunk_max(16384);
        let tiny = Arena::with_config(tiny).expect("there is memory");
        for other in [
            run(world.clone(), TICKS, Arena::new()),
            run(world.clone(), TICKS, tiny),
            run(world.clone(), TICKS, Bump::new()),
            run(world.clone(), TICKS, Counted::default()),
        ] {
            assert_eq!(other.as_ref(), Ok(&heap));
        }
        let other = run(start(BODIES, 4, restitution), TICKS, Heap);
        assert_ne!(other.expect("the laws are kept").1, heap.1);
    }
}

#[test]
fn the_arena_gives_all_back_and_stays_the_same_size() {
    let mut world = start(BODIES, 3, 1.0);
    let mut arena = Arena::new();
    let mut reserved = Vec::new();
    for _ in 0..TICKS {
        world.tick(&mut arena).expect("the laws are kept");
        assert_eq!(arena.stats().allocated, 0);
        reserved.push(arena.stats().reserved);
    }
    let half = &reserved[TICKS / 2..];
    assert!(half.iter().all(|&bytes| bytes == half[0]), "{reserved:?}");
}

/// Bits that must come out on every machine, and with every compiler. A program in another language, which
/// finds islands by flooding, came to the same.
#[test]
fn a_small_run_has_its_known_answer() {
    let (tallies, checksum) = run(start(64, 1, 1.0), 10, Arena::new()).expect("the laws are kept");
    let last = tallies.last().expect("there were ticks");
    let counts = [last.pairs, last.contacts, last.islands, last.events];
    assert_eq!((counts, checksum), ([34, 9, 7, 13], 0x13b2_8fcf_82fb_752b));
}

/// The broken rules: what they do in each tick, after what is right.
#[derive(Clone, Copy)]
struct Broken {
    after: fn(&mut Vec<Body>),
    bounce: fn(&mut Body, &mut Body, Bounce) -> Bounce,
    /// What a wall says of what it gave.
    wall: f64,
}

const RIGHT: Broken = Broken {
    after: |_| (),
    bounce: |_, _, bounce| bounce,
    wall: 1.0,
};

impl Rules for Broken {
    fn advance(&self, room: Room, bodies: &mut Vec<Body>, mut wall: impl FnMut(u32, Vector)) {
        ELASTIC.advance(room, bodies, |body, impulse| {
            wall(body, impulse * self.wall)
        });
        (self.after)(bodies);
    }

    fn collide(&self, a: &mut Body, b: &mut Body, normal: Vector) -> Option<Bounce> {
        let bounce = ELASTIC.collide(a, b, normal)?;
        Some((self.bounce)(a, b, bounce))
    }
}

/// How a world with these rules comes to its end. Its first tick has walls and collisions.
fn end_of(rules: Broken) -> Violation {
    let (room, mut bodies) = gas(100, 1);
    // Two that meet, and one that meets a wall.
    bodies[41].place = bodies[40].place + Vector::new(bodies[40].radius + bodies[41].radius, 0.0);
    bodies[40].velocity = Vector::new(1.0, 0.0);
    bodies[41].velocity = Vector::new(-1.0, 0.0);
    bodies[0].place.x = bodies[0].radius;
    bodies[0].velocity.x = -1.0;
    let (tally, _) = World::new(RIGHT, room, bodies.clone())
        .tick(&mut Heap)
        .expect("these rules are right");
    assert!(tally.walls > 0 && tally.collisions > 0);
    let mut world = World::new(rules, room, bodies);
    let violation = world.tick(&mut Arena::new());
    violation.expect_err("the rules are broken")
}

#[test]
fn a_lost_body_is_noticed() {
    let violation = end_of(Broken {
        after: |bodies| bodies.truncate(99),
        ..RIGHT
    });
    assert_eq!(
        violation.to_string(),
        "tick 1: the number of bodies is not kept: 100 before, 99 after"
    );
}

#[test]
fn a_body_outside_is_noticed() {
    let violation = end_of(Broken {
        after: |bodies| bodies[7].place.x = -1.0,
        ..RIGHT
    });
    let said = violation.to_string();
    assert!(
        said.starts_with("tick 1: body 7 is not in the room: its centre is at (-1, "),
        "{said}"
    );
    let (_, bodies) = gas(100, 1);
    let least = bodies[7].radius;
    assert!(
        said.contains(&format!("between ({least}, {least}) and (")),
        "{said}"
    );

    let violation = end_of(Broken {
        after: |bodies| bodies[7].place.y = f64::NAN,
        ..RIGHT
    });
    assert!(matches!(violation.breach, Breach::Outside { body: 7, .. }));
}

#[test]
fn momentum_from_nowhere_is_noticed() {
    let one_sided: fn(&mut Body, &mut Body, Bounce) -> Bounce = |a, _, bounce| {
        // As if only the other one had been answered, with the energy right.
        a.velocity = -a.velocity;
        bounce
    };
    let drift: fn(&mut Vec<Body>) = |bodies| {
        let body = &mut bodies[7];
        body.velocity.x *= 1.0 + 1e-7;
    };
    for rules in [
        Broken {
            bounce: one_sided,
            ..RIGHT
        },
        Broken {
            after: drift,
            ..RIGHT
        },
        // The walls keep quiet, or say too much.
        Broken { wall: 0.0, ..RIGHT },
        Broken {
            wall: 1.0 + 1e-7,
            ..RIGHT
        },
    ] {
        let violation = end_of(rules);
        let Breach::Momentum {
            expected,
            found,
            bound,
        } = violation.breach
        else {
            panic!("{violation}");
        };
        let apart = expected - found;
        assert!(apart.x.abs() > bound || apart.y.abs() > bound);
        let said = violation.to_string();
        assert!(
            said.starts_with("tick 1: momentum is not conserved: ("),
            "{said}"
        );
        for value in [expected.x, expected.y, found.x, found.y] {
            assert!(said.contains(&value.to_string()), "no {value} in: {said}");
        }
    }
    let not_a_number = end_of(Broken {
        after: |bodies| bodies[7].velocity.x = f64::NAN,
        ..RIGHT
    });
    assert!(matches!(not_a_number.breach, Breach::Momentum { .. }));
}

#[test]
fn energy_from_nowhere_is_noticed() {
    let push: fn(&mut Body, &mut Body, Bounce) -> Bounce = |a, b, bounce| {
        // Both push off: their momentum stays.
        let more = Vector::new(1e-6, 0.0);
        a.velocity -= more * (1.0 / a.mass);
        b.velocity += more * (1.0 / b.mass);
        bounce
    };
    let unsaid: fn(&mut Body, &mut Body, Bounce) -> Bounce = |_, _, bounce| Bounce {
        lost: 1e-7,
        ..bounce
    };
    for bounce in [push, unsaid] {
        let violation = end_of(Broken { bounce, ..RIGHT });
        let Breach::Energy {
            expected,
            found,
            bound,
        } = violation.breach
        else {
            panic!("{violation}");
        };
        assert!((expected - found).abs() > bound);
        let said = violation.to_string();
        assert!(
            said.starts_with("tick 1: kinetic energy is not conserved: "),
            "{said}"
        );
        for value in [expected, found] {
            assert!(said.contains(&value.to_string()), "no {value} in: {said}");
        }
    }
}

#[test]
fn a_law_broken_later_names_the_tick() {
    let slow_leak = Broken {
        after: |bodies| {
            let outside = bodies[0].place.x > 3.0;
            bodies[0].place.x += if outside { 1e3 } else { 1.0 };
        },
        ..RIGHT
    };
    let (room, mut bodies) = gas(100, 1);
    bodies[0].velocity = Vector::default();
    bodies[0].place.x = 0.5;
    let mut world = World::new(slow_leak, room, bodies);
    let ends = (1..9).find_map(|tick| Some((tick, world.tick(&mut Heap).err()?)));
    let (tick, violation) = ends.expect("it goes outside");
    assert!(tick > 2 && violation.tick == tick, "{violation}");
}

/// Any bodies: fast ones and slow ones, light and heavy, in each other and at walls.
fn crowd() -> impl Strategy<Value = (Room, Vec<Body>)> {
    let side = || 2.0 * WIDEST..20.0;
    let unit = || 0.0..=1.0;
    let body = (
        (unit(), unit()),
        (-5.0..5.0, -5.0..5.0),
        NARROWEST..=WIDEST,
        0.01..100.0,
    );
    let bodies = prop::collection::vec(body, 1..if cfg!(miri) { 10 } else { 60 });
    ((side(), side()), bodies).prop_map(|((width, height), bodies)| {
        let room = Room { width, height };
        let bodies = bodies.into_iter().map(|((x, y), (vx, vy), radius, mass)| {
            let (least, most) = room.bounds(radius);
            let along = |part: f64, least: f64, most: f64| {
                (least + part * (most - least)).clamp(least, most)
            };
            let place = Vector::new(along(x, least.x, most.x), along(y, least.y, most.y));
            let body = Body::new(place, Vector::new(vx, vy), radius);
            Body { mass, ..body }
        });
        (room, bodies.collect())
    })
}

fn energy(bodies: &[Body]) -> f64 {
    let twice = |body: &Body| body.mass * (body.velocity.x.powi(2) + body.velocity.y.powi(2));
    bodies.iter().map(|body| 0.5 * twice(body)).sum()
}

/// Contacts in an order of their own.
fn sorted(mut contacts: Vec<Contact>) -> Vec<Contact> {
    contacts.sort_by_key(|contact| (contact.a, contact.b));
    contacts
}

fn by_grid(room: Room, bodies: &[Body]) -> Vec<Contact> {
    let grid = Grid::new(Heap, room, bodies);
    assert_eq!(grid.bodies(), bodies.len());
    let pairs = grid.pairs(Heap);
    let pairs = pairs.iter().flatten();
    pairs.filter_map(|&pair| contact(bodies, pair)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 128 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_laws_are_kept((room, bodies) in crowd(), restitution in 0.0..=1.0) {
        let ticks = TICKS.min(40);
        for restitution in [restitution, 1.0] {
            let mut worlds = [(); 3].map(|()| World::new(Hard { restitution }, room, bodies.clone()));
            let (mut arena, mut bump) = (Arena::new(), Bump::new());
            for _ in 0..ticks {
                let [one, two, three] = &mut worlds;
                one.tick(&mut arena).map_err(|why| TestCaseError::fail(why.to_string()))?;
                two.tick(&mut bump).map_err(|why| TestCaseError::fail(why.to_string()))?;
                three.tick(&mut Heap).map_err(|why| TestCaseError::fail(why.to_string()))?;
            }
            let [one, two, three] = &worlds;
            prop_assert_eq!(one.checksum(), two.checksum());
            prop_assert_eq!(one.checksum(), three.checksum());

            // Beside the world's own book.
            let (before, after) = (energy(&bodies), energy(one.bodies()));
            prop_assert!(after <= before * (1.0 + 1e-9), "{} then {}", before, after);
            if restitution == 1.0 {
                prop_assert!(after >= before * (1.0 - 1e-9), "{} then {}", before, after);
            }
            prop_assert_eq!(one.bodies().len(), bodies.len());
            for body in one.bodies() {
                prop_assert!(body.place.x >= body.radius && body.place.x <= room.width - body.radius);
                prop_assert!(body.place.y >= body.radius && body.place.y <= room.height - body.radius);
            }
        }
    }

    #[test]
    fn the_grid_finds_what_touches((room, bodies) in crowd()) {
        let all = (0..bodies.len() as u32).flat_map(|b| (0..b).map(move |a| (a, b)));
        let all = all.filter_map(|pair| contact(&bodies, pair)).collect();
        prop_assert_eq!(sorted(by_grid(room, &bodies)), sorted(all));
    }

    #[test]
    fn islands_are_what_can_be_reached((room, bodies) in crowd()) {
        let contacts = by_grid(room, &bodies);
        let islands = islands(Heap, bodies.len(), &contacts);
        let mut seen = vec![false; bodies.len()];
        for island in &islands {
            // From the first body on, along the contacts, as far as it goes.
            let mut reached = vec![island.bodies[0]];
            let mut next = 0;
            while let Some(&body) = reached.get(next) {
                next += 1;
                for contact in &contacts {
                    let other = match body {
                        body if body == contact.a => contact.b,
                        body if body == contact.b => contact.a,
                        _ => continue,
                    };
                    if !reached.contains(&other) {
                        reached.push(other);
                    }
                }
            }
            reached.sort_unstable();
            prop_assert_eq!(&reached, &island.bodies);
            for &body in &reached {
                prop_assert!(!std::mem::replace(&mut seen[body as usize], true));
            }
            let own = |contact: &&Contact| reached.contains(&contact.a);
            let own: Vec<_> = contacts.iter().filter(own).copied().collect();
            prop_assert_eq!(&own, &island.contacts);
        }
        for (body, &seen) in seen.iter().enumerate() {
            let body = body as u32;
            let touches = contacts.iter().any(|contact| contact.a == body || contact.b == body);
            prop_assert_eq!(seen, touches);
        }
    }
}

/// What runs the binary.
#[cfg(not(miri))]
mod binary {
    use super::{Arena, run, start};
    use serde_json::Value;
    use std::process::{Command, Output};

    const SMALL: [&str; 6] = ["--particles", "300", "--ticks", "40", "--warm-up", "5"];

    fn tick_arena(args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tick_arena"));
        command.args(args).output().expect("the binary runs")
    }

    fn json(args: &[&str]) -> Value {
        let output = tick_arena(&[SMALL.as_slice(), &["--json"], args].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert_eq!(stderr, "");
        serde_json::from_slice(&output.stdout).expect("one JSON object and nothing else")
    }

    fn names(report: &Value) -> Vec<&str> {
        let versions = report["versions"].as_array().expect("a list");
        let names = versions.iter().map(|version| &version["memory"]);
        names.map(|name| name.as_str().expect("a name")).collect()
    }

    #[test]
    fn every_memory_is_reported() {
        let all = json(&["--seed", "7"]);
        assert_eq!(names(&all), ["arena", "heap", "bumpalo"]);
        for name in names(&all) {
            let one = json(&["--seed", "7", "--memory", name]);
            assert_eq!(names(&one), [name]);
            for key in ["checksum", "tick", "particles", "ticks", "seed"] {
                assert_eq!(one[key], all[key], "{key}");
            }
        }
        let (_, checksum) = run(start(300, 7, 1.0), 45, Arena::new()).expect("the laws are kept");
        assert_eq!(all["checksum"], format!("{checksum:016x}"));
        assert_ne!(json(&["--seed", "8"])["checksum"], all["checksum"]);
        assert_ne!(
            json(&["--seed", "7", "--restitution", "0.5"])["checksum"],
            all["checksum"]
        );

        assert!(all["tick"]["allocations"].as_u64() > Some(20));
        for version in all["versions"].as_array().expect("a list") {
            assert!(version["ticks_per_second"].as_f64() > Some(0.0));
            let times = ["p50", "p99", "p99.9", "max"];
            let times = times.map(|key| version["tick_ns"][key].as_u64().expect("a number"));
            assert!(times.is_sorted() && times[0] > 0);
        }
        let arena = &all["versions"][0]["held"];
        assert!(arena["high_water"].as_u64() > Some(0));
        assert!(arena["reserved"].as_u64() >= arena["high_water"].as_u64());
    }

    #[test]
    fn the_text_has_what_the_json_has() {
        let output = tick_arena(&SMALL);
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).expect("the report is UTF-8");
        let report = json(&[]);
        for words in [
            "300 particles, 40 ticks after 5",
            report["checksum"].as_str().expect("a string"),
            "the same for all",
            "allocations",
            "ticks/s",
            "p99.9",
            "| arena ",
            "| heap ",
            "| bumpalo ",
            "arena     holds",
        ] {
            assert!(text.contains(words), "no `{words}` in:\n{text}");
        }
    }

    #[test]
    fn bad_arguments_are_named() {
        for (args, words) in [
            (["--memory", "stack"], "'stack'"),
            (["--particles", "0"], "0 is not in 1..="),
            (["--particles", "-1"], "-1"),
            (["--ticks", "0"], "0 is not in 1.."),
            (["--ticks", "many"], "'many'"),
            (
                ["--warm-up", "18446744073709551615"],
                "18446744073709551615 is not in",
            ),
            (["--seed", "x"], "'x'"),
            (["--restitution", "1.5"], "'1.5'"),
            (["--restitution", "NaN"], "not a number from 0 to 1"),
        ] {
            let output = tick_arena(&args);
            assert_eq!(output.status.code(), Some(2), "{args:?}");
            assert_eq!(output.stdout, b"");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(error.contains(words), "no `{words}` in:\n{error}");
        }
    }

    #[test]
    fn help_says_what_is_compared() {
        let output = tick_arena(&["--help"]);
        let help = String::from_utf8(output.stdout).expect("the help is UTF-8");
        for words in [
            "bit by bit",
            "bumpalo",
            "momentum",
            "island",
            "--restitution",
        ] {
            assert!(help.contains(words), "no `{words}` in:\n{help}");
        }
    }
}
