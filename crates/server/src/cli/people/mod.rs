//! People in files, as every command that brings some along reads them: JSON – one person, an array, or one after the
//! other –, and tables (CSV) whose columns say where in a person they belong.
//!
//! They are read one at a time: a file may be larger than memory.

mod json;
mod table;

use super::Failure;
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};
use table::Column;

/// Where people stand written.
#[derive(Debug, Args)]
pub(super) struct Files {
    /// Files with identities: JSON with one, an array, or one after the other, or CSV. None, or `-`: standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files hold; without it, the name tells: `.csv` is CSV, anything else JSON.
    #[arg(long, value_name = "FORMAT")]
    file_format: Option<FileFormat>,
    /// Where columns of CSV belong, as in `mail=traits.email,age=traits.age:number`; kinds are text, number, bool and json.
    /// Other columns are left out. Without it, columns are called after where they belong.
    #[arg(long, value_name = "COLUMN=PATH", value_delimiter = ',', value_parser = Column::parse)]
    map: Vec<Column>,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    Json,
    Csv,
}

/// Where in the files somebody stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: String,
    /// Counted from 0.
    pub(super) index: usize,
    pub(super) line: usize,
}

impl Place {
    /// In the way of the original's commands, which count people.
    pub(super) fn by_number(&self) -> String {
        format!("{}[{}]", self.file, self.index)
    }
}

/// For long files: the line.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Somebody, or why it cannot be told who.
pub(super) type Found = (Place, Result<Value, String>);

/// The people of one file, with the line where each begins.
type People<'a> = Box<dyn Iterator<Item = (usize, Result<Value, String>)> + 'a>;

impl Files {
    /// Everybody, one at a time. Files are opened when it is their turn.
    pub(super) fn people(&self) -> impl Iterator<Item = Result<Found, Failure>> + '_ {
        let standard_input = [PathBuf::from("-")];
        let files = if self.files.is_empty() { standard_input.to_vec() } else { self.files.clone() };
        files.into_iter().flat_map(move |file| {
            let name = if file == Path::new("-") { "STD_IN".to_owned() } else { file.display().to_string() };
            let people: Box<dyn Iterator<Item = Result<Found, Failure>> + '_> = match self.of(&file) {
                Ok(people) => Box::new(
                    people
                        .enumerate()
                        .map(move |(index, (line, what))| Ok((Place { file: name.clone(), index, line }, what))),
                ),
                Err(error) => Box::new(std::iter::once(Err(Failure::new(format!("{name}: cannot be read: {error}"))))),
            };
            people
        })
    }

    /// Everybody at once, for commands that begin only when all is well.
    pub(super) fn all(&self) -> Result<Vec<(Place, Value)>, Failure> {
        self.people()
            .map(|found| {
                let (place, what) = found?;
                let person = what
                    .map_err(|reason| Failure::new(format!("{}, line {}: {reason}", place.by_number(), place.line)))?;
                Ok((place, person))
            })
            .collect()
    }

    fn of(&self, file: &Path) -> io::Result<People<'_>> {
        let input: Box<dyn BufRead> = if file == Path::new("-") {
            Box::new(BufReader::new(io::stdin()))
        } else {
            Box::new(BufReader::new(File::open(file)?))
        };
        let is_csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let format = self.file_format.unwrap_or(if is_csv { FileFormat::Csv } else { FileFormat::Json });
        Ok(match format {
            FileFormat::Json => Box::new(json::People::new(input)),
            FileFormat::Csv => Box::new(table::People::new(input, &self.map)),
        })
    }
}
