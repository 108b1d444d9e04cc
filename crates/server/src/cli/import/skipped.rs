//! The report of an import: a file with a line of JSON for each row that was skipped, and why.
//!
//! It is opened before anything is imported, so that a path that cannot be written is told at once, and removed at the end
//! if it is empty.

use crate::{cli::Failure, out};
use serde::Serialize;
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::PathBuf,
};

/// An open report.
#[derive(Debug)]
pub(super) struct Skipped {
    path: PathBuf,
    /// None where it could not be made: nobody asked for it by name.
    file: Option<BufWriter<File>>,
    rows: u64,
}

impl Skipped {
    /// Makes the file that was asked for, or else one of that name in the working directory.
    pub(super) fn create(asked: Option<PathBuf>, default: &str) -> Result<Self, Failure> {
        let must = asked.is_some();
        let path = asked.unwrap_or_else(|| default.into());
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file: Some(BufWriter::new(file)), rows: 0 }),
            Err(error) if must => Err(Failure::new(format!("--report: {}: {error}", path.display()))),
            Err(error) => {
                out::error(format_args!(
                    "no report is written, as {} cannot be: {error}; name another file with --report",
                    path.display()
                ));
                Ok(Self { path, file: None, rows: 0 })
            }
        }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: &impl Serialize) -> Result<(), Failure> {
        self.rows += 1;
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = serde_json::to_writer(&mut *file, row).map_err(std::io::Error::from);
        written.and_then(|()| file.write_all(b"\n")).map_err(|error| failed(&self.path, &error))
    }

    /// What was added so far stands in the file.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush().map_err(|error| failed(&self.path, &error))
    }

    /// Closes the file and tells where it is.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        self.flush()?;
        let Some(file) = self.file.take() else { return Ok(()) };
        let is_file = file.get_ref().metadata().is_ok_and(|metadata| metadata.is_file());
        drop(file);
        if self.rows > 0 {
            out::line(format_args!("skipped rows: {} in {}", self.rows, self.path.display()));
        } else if is_file {
            let _ = fs::remove_file(&self.path);
        }
        Ok(())
    }
}

fn failed(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("the report {} cannot be written: {error}", path.display()))
}
