//! Tables as CSV and Markdown.

use crate::experiments::exhibit::Table;

/// Comma-separated values with a header line.
pub(super) fn csv(table: &Table) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    for row in std::iter::once(&table.header).chain(&table.rows) {
        writer.write_record(row).expect("rows are as wide as the header; memory does not fail");
    }
    writer.into_inner().expect("memory does not fail")
}

/// A Markdown table.
pub(super) fn markdown(table: &Table) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = vec!["---".to_string(); table.header.len()];
    let mut text = line(&table.header) + &line(&rule);
    table.rows.iter().for_each(|row| text += &line(row));
    text
}

/// Text that does not end its cell.
pub(super) fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace(['\r', '\n'], " ")
}
