//! Columns aligned with tabs, eight letters apart, as Go's `text/tabwriter` does it: a column is as wide as its widest
//! cell within an unbroken run of lines that have the column.

use crate::out;
use std::borrow::Cow;

const TAB: usize = 8;

/// The lines of the rows, each ending in a tab as the original's do. What would steer a terminal is escaped.
pub(super) fn align(rows: &[Vec<&str>]) -> String {
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|cell| out::quoted(cell)).collect()).collect();
    let mut tabs: Vec<Vec<usize>> = rows.iter().map(|row| vec![0; row.len()]).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    for column in 0..columns {
        let mut at = 0;
        while at < rows.len() {
            let run = rows[at..].iter().take_while(|row| row.len() > column).count();
            let letters = |row: &Vec<Cow<'_, str>>| row[column].chars().count();
            let widest = rows[at..at + run].iter().map(letters).max().unwrap_or_default();
            let width = (widest + 1).next_multiple_of(TAB);
            for line in at..at + run {
                tabs[line][column] = (width - letters(&rows[line])).div_ceil(TAB);
            }
            at += run.max(1);
        }
    }
    let mut text = String::new();
    for (row, tabs) in rows.iter().zip(tabs) {
        for (cell, tabs) in row.iter().zip(tabs) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n('\t', tabs));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the original printed it.
    #[test]
    fn columns_end_where_the_run_of_lines_ends() {
        let id = "517cc801-42bd-4ed8-bd9c-00831e0cb685";
        let rows = [
            vec!["ID", "EXTERNAL ID", "VERIFIED ADDRESSES", "RECOVERY ADDRESSES", "SCHEMA ID", "SCHEMA URL"],
            vec![
                id,
                "<none>",
                "c@example.com",
                "c@example.com",
                "default",
                "http://127.0.0.1:24033/schemas/ZGVmYXVsdA",
            ],
            vec![""],
            vec!["NEXT PAGE TOKEN", id],
        ];
        let expected = [
            "ID\t\t\t\t\tEXTERNAL ID\tVERIFIED ADDRESSES\tRECOVERY ADDRESSES\tSCHEMA ID\tSCHEMA URL\t\t\t\t\t\n",
            "517cc801-42bd-4ed8-bd9c-00831e0cb685\t<none>\t\tc@example.com\t\tc@example.com\t\tdefault\t\t",
            "http://127.0.0.1:24033/schemas/ZGVmYXVsdA\t\n",
            "\t\t\t\t\t\n",
            "NEXT PAGE TOKEN\t\t\t\t517cc801-42bd-4ed8-bd9c-00831e0cb685\t\n",
        ];
        assert_eq!(align(&rows), expected.concat());
    }

    #[test]
    fn letters_count_and_not_bytes() {
        assert_eq!(align(&[vec!["ÄÖÜäöüß", "x"], vec!["1234567", "y"]]), "ÄÖÜäöüß\tx\t\n1234567\ty\t\n");
    }
}
