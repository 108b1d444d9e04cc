//! stub
use super::Failure;
#[derive(Debug, clap::Args)]
pub(super) struct Format {}
#[derive(Debug, clap::Args)]
pub(super) struct Lint {}
pub(super) fn format(_: &Format) -> Result<(), Failure> {
    Ok(())
}
pub(super) fn lint(_: &Lint) -> Result<(), Failure> {
    Ok(())
}
