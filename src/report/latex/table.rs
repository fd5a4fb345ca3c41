//! Tables in the manner of `booktabs`.

use super::escape::escaped;
use crate::experiments::exhibit::Table;

/// A `tabular`; the document that inputs it loads `booktabs`.
pub(in crate::report) fn table(table: &Table) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
        format!("{} \\\\\n", cells.join(" & "))
    };
    let columns = "l".repeat(table.header.len());
    let rows: String = table.rows.iter().map(|row| line(row)).collect();
    let header = line(&table.header);
    format!(
        "\\begin{{tabular}}{{{columns}}}\n\\toprule\n{header}\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}\n"
    )
}
