//! Tables that can stand in a document.

use crate::turns::Figures;
use comfy_table::{CellAlignment, Table, presets};

/// A table with `names` columns of names before those of numbers.
#[must_use]
pub fn table<const N: usize>(headers: [&str; N], names: usize) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(headers);
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A number as the tables have it.
#[must_use]
pub fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"))
}

/// All figures.
#[must_use]
pub fn figures(figures: &[Figures]) -> Table {
    let mut table = table(["workload", "subject", "median", "min", "max"], 2);
    for figure in figures {
        let numbers = [figure.median, figure.min, figure.max].map(|ns| number(Some(ns)));
        let names = [figure.workload.clone(), figure.subject.to_owned()];
        table.add_row(names.into_iter().chain(numbers));
    }
    table
}

/// Prints what is to be known of a table besides.
pub fn print_notes(what: &str, notes: &[String]) {
    for note in notes {
        println!("\n{what}: {note}");
    }
}

/// All figures, and each one's median over that of a subject of the same workload.
#[must_use]
pub fn beside(figures: &[Figures], subject: &str) -> Table {
    let ratio = format!("/ {subject}");
    let headers = ["workload", "subject", "median", "min", "max", &ratio];
    let mut table = table(headers, 2);
    for figure in figures {
        let names = [figure.workload.clone(), figure.subject.to_owned()];
        let times = ratio_to(figures, figure, subject);
        let numbers = [
            Some(figure.median),
            Some(figure.min),
            Some(figure.max),
            times,
        ];
        table.add_row(names.into_iter().chain(numbers.map(number)));
    }
    table
}

/// A figure's median over that of a subject of the same workload.
#[must_use]
pub fn ratio_to(figures: &[Figures], figure: &Figures, subject: &str) -> Option<f64> {
    let mut same = figures
        .iter()
        .filter(|other| other.workload == figure.workload);
    let other = same.find(|other| other.subject == subject)?;
    Some(figure.median / other.median)
}
