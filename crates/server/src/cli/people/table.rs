//! People in a table (CSV, RFC 4180): the first line names the columns, and a mapping says where in a person each belongs.
//! An empty cell is nothing.

use serde_json::{Map, Value};
use std::io::BufRead;

/// Arrays in a person are short.
const LONGEST_ARRAY: usize = 100;

/// Longer records, in bytes, are a quote that does not end.
const LONGEST_RECORD: usize = 1 << 20;

/// A column, and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    name: String,
    path: Vec<String>,
    kind: Kind,
}

/// What a cell means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bool,
    Json,
}

impl Column {
    /// Reads `column=path:kind`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or("a column and where it belongs, as in mail=traits.email")?;
        Self::at(name, path)
    }

    fn at(name: &str, path: &str) -> Result<Self, String> {
        let (path, kind) = match path.rsplit_once(':') {
            None => (path, Kind::Text),
            Some((path, "text")) => (path, Kind::Text),
            Some((path, "number")) => (path, Kind::Number),
            Some((path, "bool")) => (path, Kind::Bool),
            Some((path, "json")) => (path, Kind::Json),
            Some((_, kind)) => return Err(format!("kinds are text, number, bool and json, not {kind:?}")),
        };
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err("a path is made of names with dots between them, as in traits.email".to_owned());
        }
        Ok(Self { name: name.to_owned(), path, kind })
    }

    fn value(&self, cell: &str) -> Result<Value, String> {
        let is_none = |what: &str| format!("{} is no {what}", self.name);
        match self.kind {
            Kind::Text => Ok(cell.into()),
            Kind::Number => cell.trim().parse().map(Value::Number).map_err(|_| is_none("number")),
            Kind::Bool => match cell.trim().to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "1" => Ok(true.into()),
                "false" | "f" | "no" | "0" => Ok(false.into()),
                _ => Err(is_none("truth value")),
            },
            Kind::Json => serde_json::from_str(cell).map_err(|_| is_none("JSON")),
        }
    }
}

/// The people of one file, with the line where each begins.
pub(super) struct People<'a, R> {
    records: Records<R>,
    map: &'a [Column],
    /// What the columns of the file mean, once the first line is read: one may mean several things, or nothing.
    columns: Option<Vec<Vec<Column>>>,
    over: bool,
}

impl<'a, R: BufRead> People<'a, R> {
    pub(super) fn new(input: R, map: &'a [Column]) -> Self {
        Self { records: Records { input, line: 1, begun: 1 }, map, columns: None, over: false }
    }

    fn head(&mut self) -> Result<Vec<Vec<Column>>, String> {
        let names = cells(&self.records.next()?.ok_or("holds no identity")??)?;
        let names: Vec<String> =
            names.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        if let Some(missing) = self.map.iter().find(|column| !names.contains(&column.name)) {
            return Err(format!("there is no column {:?}", missing.name));
        }
        let meant = |name: &String| match self.map {
            [] => Column::at(name, name)
                .map(|column| vec![column])
                .map_err(|reason| format!("the column {name:?}: {reason}")),
            map => Ok(map.iter().filter(|column| column.name == *name).cloned().collect()),
        };
        names.iter().map(meant).collect()
    }

    fn person(columns: &[Vec<Column>], cells: &[String]) -> Result<Value, String> {
        if cells.len() != columns.len() {
            return Err(format!("has {} cells, the first line {}", cells.len(), columns.len()));
        }
        let mut person = Value::Object(Map::new());
        let filled = columns.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
        for (column, cell) in filled.flat_map(|(columns, cell)| columns.iter().map(move |column| (column, cell))) {
            put(&mut person, &column.path, column.value(cell)?)
                .ok_or_else(|| format!("{} has no place in the person", column.name))?;
        }
        Ok(person)
    }
}

impl<R: BufRead> Iterator for People<'_, R> {
    type Item = (usize, Result<Value, String>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        if self.columns.is_none() {
            match self.head() {
                Ok(columns) => self.columns = Some(columns),
                Err(reason) => {
                    self.over = true;
                    return Some((1, Err(reason)));
                }
            }
        }
        let record = self.records.next();
        self.over = record.is_err();
        let columns = self.columns.as_deref().unwrap_or_default();
        let person = record.transpose()?.and_then(|record| Self::person(columns, &cells(&record?)?));
        Some((self.records.begun, person))
    }
}

/// Puts a value where a path leads to; numbers in the path are places in an array. None if something else is there.
fn put(into: &mut Value, path: &[String], value: Value) -> Option<()> {
    let Some((step, rest)) = path.split_first() else {
        *into = value;
        return Some(());
    };
    if let Ok(index) = step.parse::<usize>() {
        if into.is_null() {
            *into = Value::Array(Vec::new());
        }
        let items = into.as_array_mut().filter(|_| index < LONGEST_ARRAY)?;
        if items.len() <= index {
            items.resize(index + 1, Value::Null);
        }
        return put(items.get_mut(index)?, rest, value);
    }
    if into.is_null() {
        *into = Value::Object(Map::new());
    }
    put(into.as_object_mut()?.entry(step.as_str()).or_insert(Value::Null), rest, value)
}

/// The lines of a table: cells between commas, those with quotes around them may hold commas, quotes (twice) and line ends.
struct Records<R> {
    input: R,
    line: usize,
    /// Where the last record began.
    begun: usize,
}

impl<R: BufRead> Records<R> {
    /// The next record that is not empty, or why it is no text. An error is that nothing after it can be read.
    fn next(&mut self) -> Result<Option<Result<String, String>>, String> {
        let open = || "a quote does not end; nothing after it was read".to_owned();
        let mut text = Vec::new();
        loop {
            if text.is_empty() {
                self.begun = self.line;
            }
            let begun = text.len();
            let read = self.input.read_until(b'\n', &mut text).map_err(|error| format!("cannot be read: {error}"))?;
            self.line += usize::from(text.ends_with(b"\n"));
            if text.len() > LONGEST_RECORD {
                return Err(open());
            }
            if read == 0 {
                return if begun == 0 { Ok(None) } else { Err(open()) };
            }
            // An odd number of quotes: the cell goes on in the next line.
            if text.iter().fold(false, |is_odd, byte| is_odd ^ (*byte == b'"')) {
                continue;
            }
            if text.trim_ascii().is_empty() {
                text.clear();
                continue;
            }
            let record = String::from_utf8(text).map_err(|_| "is not UTF-8".to_owned());
            return Ok(Some(record.map(|record| record.trim_end_matches(['\r', '\n']).to_owned())));
        }
    }
}

fn cells(mut record: &str) -> Result<Vec<String>, String> {
    let mut cells = Vec::new();
    loop {
        let mut cell = String::new();
        if let Some(quoted) = record.strip_prefix('"') {
            let mut rest = quoted;
            loop {
                let (part, after) = rest.split_once('"').ok_or("a quote does not end")?;
                cell.push_str(part);
                let Some(more) = after.strip_prefix('"') else {
                    record = after;
                    break;
                };
                cell.push('"');
                rest = more;
            }
        } else {
            let end = record.find(',').unwrap_or(record.len());
            let (plain, after) = record.split_at(end);
            if plain.contains('"') {
                return Err("a quote stands within a cell".to_owned());
            }
            cell.push_str(plain);
            record = after;
        }
        cells.push(cell);
        match record.strip_prefix(',') {
            Some(after) => record = after,
            None if record.is_empty() => return Ok(cells),
            None => return Err("something stands after a quote".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str, map: &[&str]) -> Vec<(usize, Result<Value, String>)> {
        let map: Vec<Column> = map.iter().map(|column| Column::parse(column).unwrap()).collect();
        People::new(text.as_bytes(), &map).collect()
    }

    #[test]
    fn columns_go_where_the_mapping_says() {
        let text =
            "Mail,Age,Ignored,Verified,Tags\r\nada@example.org,36,x,yes,\"[\"\"a\"\"]\"\r\nbob@example.org,,,,\n";
        let map = [
            "Mail=traits.email",
            "Mail=verifiable_addresses.0.value",
            "Age=traits.age:number",
            "Verified=verifiable_addresses.0.verified:bool",
            "Tags=metadata_public.tags:json",
        ];
        let first = json!({
            "traits": { "email": "ada@example.org", "age": 36 },
            "verifiable_addresses": [{ "value": "ada@example.org", "verified": true }],
            "metadata_public": { "tags": ["a"] },
        });
        let second = json!({
            "traits": { "email": "bob@example.org" },
            "verifiable_addresses": [{ "value": "bob@example.org" }],
        });
        assert_eq!(read(text, &map), [(2, Ok(first)), (3, Ok(second))]);
    }

    #[test]
    fn without_a_mapping_columns_are_called_after_their_places() {
        let text = "\u{feff}traits.email, traits.name \n\na@b.c,\"Bond, James\nJunior\"\nd@e.f,Eve\n";
        let found = read(text, &[]);
        assert_eq!(found[0], (3, Ok(json!({ "traits": { "email": "a@b.c", "name": "Bond, James\nJunior" } }))));
        assert_eq!(found[1], (5, Ok(json!({ "traits": { "email": "d@e.f", "name": "Eve" } }))));
    }

    #[test]
    fn one_who_cannot_be_read_is_one_less() {
        let found = read("m,n\na,1\nb\nc,x\nd,4\n", &["m=traits.email", "n=traits.n:number"]);
        let told: Vec<_> = found.iter().map(|(line, what)| (*line, what.as_ref().err().map(String::as_str))).collect();
        assert_eq!(
            told,
            [(2, None), (3, Some("has 1 cells, the first line 2")), (4, Some("n is no number")), (5, None)]
        );
    }

    #[test]
    fn a_record_that_cannot_be_read_does_not_end_the_table() {
        let text = b"m\na\n\xff\n\"x\"y\nx\"y\"z\nb\n".as_slice();
        let map = [Column::parse("m=traits.email").unwrap()];
        let told: Vec<_> = People::new(text, &map).map(|(line, what)| (line, what.err())).collect();
        let because = |why: &str| Some(why.to_owned());
        assert_eq!(
            told,
            [
                (2, None),
                (3, because("is not UTF-8")),
                (4, because("something stands after a quote")),
                (5, because("a quote stands within a cell")),
                (6, None),
            ]
        );
    }

    #[test]
    fn what_is_no_table_is_told() {
        for (text, map, reason) in [
            ("", &[][..], "holds no identity"),
            ("a..b\n", &[], "the column \"a..b\": a path is made of names with dots between them, as in traits.email"),
            ("mail\n", &["male=traits.email"], "there is no column \"male\""),
            ("a\n\"x", &[], "a quote does not end; nothing after it was read"),
            ("a,b\n\"x\"y,z\n", &[], "something stands after a quote"),
            ("a\nx\"y\"\n", &[], "a quote stands within a cell"),
            ("a,a.b\nx,y\n", &[], "a.b has no place in the person"),
            ("a.5000\nx\n", &[], "a.5000 has no place in the person"),
        ] {
            assert_eq!(read(text, map).last().unwrap().1, Err(reason.to_owned()), "{text}");
        }
        for wrong in ["mail", "mail=", "mail=a.", "mail=a:date"] {
            assert!(Column::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_file_comes_to_its_end(text in "[a,\"\n\r.0]{0,80}") {
            let _ = People::new(text.as_bytes(), &[]).count();
        }
    }
}
