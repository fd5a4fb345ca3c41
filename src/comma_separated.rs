//! Rows as comma-separated values.

/// Flat rows, headed by the names of their fields.
pub(crate) fn csv_bytes<T: serde::Serialize>(rows: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).expect("a row is flat and memory does not fail");
    }
    writer.into_inner().expect("memory does not fail")
}
