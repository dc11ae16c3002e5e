//! One table of all outcomes.

use super::answer::{Outcome, Part, Piece};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

/// The columns.
pub const HEADERS: [&str; 8] = [
    "pages asked",
    "required",
    "policy",
    "node",
    "reserved",
    "granted",
    "locked",
    "refused, and why",
];

/// Characters of the last column, which is prose.
const PROSE: u16 = 60;

/// A line for each part of each pool; what was asked stands in the first one's.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(200)
        .set_header(HEADERS);
    for outcome in outcomes {
        table.add_rows(rows(outcome));
    }
    for column in [3, 4, 6] {
        let column = table.column_mut(column).expect("it has a header");
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_constraint(match index == HEADERS.len() - 1 {
            true => ColumnConstraint::UpperBoundary(Width::Fixed(PROSE)),
            false => ColumnConstraint::ContentWidth,
        });
    }
    table
}

fn rows(outcome: &Outcome) -> Vec<[String; 8]> {
    let ask = outcome.ask;
    let mut asked = Some([
        match ask.lock {
            true => format!("{}, locked", ask.pages),
            false => ask.pages.to_string(),
        },
        if ask.required { "yes" } else { "no" }.to_owned(),
        ask.policy.to_string(),
    ]);
    let mut row = |rest: [String; 5]| {
        let [pages, required, policy] = asked.take().unwrap_or_default();
        let [node, reserved, granted, locked, refused] = rest;
        let asked = [pages, required, policy, node];
        let answered = [reserved, granted, locked, refused];
        let mut cells = asked.into_iter().chain(answered);
        std::array::from_fn(|_| cells.next().expect("eight of them"))
    };
    let nothing = || "-".to_owned();
    let answer = match &outcome.answer {
        Ok(answer) => answer,
        Err(error) => {
            let rest = [
                nothing(),
                nothing(),
                nothing(),
                nothing(),
                error.to_string(),
            ];
            return vec![row(rest)];
        }
    };
    let cells = |part: &Part| {
        let users = answer.users.iter();
        let users = users.filter(|user| user.node == part.node || part.node.is_none());
        let refused = users.filter_map(|user| user.refused.clone());
        let refused: Vec<_> = part.refused.iter().cloned().chain(refused).collect();
        [
            part.node.map_or_else(nothing, |node| node.to_string()),
            kib(part.reserved),
            or(part.granted.iter().map(granted).collect(), "-"),
            kib(part.locked),
            or(refused, "-"),
        ]
    };
    answer.parts.iter().map(|part| row(cells(part))).collect()
}

/// Lines, or a word if there are none.
fn or(lines: Vec<String>, otherwise: &str) -> String {
    match lines.is_empty() {
        true => otherwise.to_owned(),
        false => lines.join("\n"),
    }
}

fn granted(piece: &Piece) -> String {
    let (size, pages) = (kib(piece.bytes), piece.pages);
    match piece.node {
        Some(node) => format!("{size} {pages} on {node}"),
        None => format!("{size} {pages}"),
    }
}

/// Memory comes in pages of at least so much.
fn kib(bytes: usize) -> String {
    crate::report::Count(bytes as u64 / 1024).to_string()
}
