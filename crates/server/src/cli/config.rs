//! `zelos config …`: about the configuration itself.

use crate::out;

/// Prints the JSON Schema that the types of the configuration amount to.
pub(super) fn schema() {
    out::line(format_args!("{:#}", zelos_core::config::json_schema()));
}
