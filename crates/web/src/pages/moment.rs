//! A point in time on a page.

use serde::Serialize;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::format_description};
use zelos_core::timestamp;

/// A point in time for machines and for people (UTC; the script on the page rewrites it in local time).
#[derive(Debug, Serialize)]
pub(super) struct Moment {
    pub(super) machine: String,
    pub(super) text: String,
}

impl Moment {
    /// Reads the wire's text of a time.
    pub(super) fn read(machine: &str) -> Option<Self> {
        let at = timestamp::parse(machine).ok()?;
        Some(Self { machine: machine.to_owned(), ..Self::of(at)? })
    }

    /// Writes a time.
    pub(super) fn of(at: OffsetDateTime) -> Option<Self> {
        let format = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
        let text = at.to_offset(UtcOffset::UTC).format(format).ok()?;
        Some(Self { machine: at.format(&Rfc3339).ok()?, text })
    }
}
