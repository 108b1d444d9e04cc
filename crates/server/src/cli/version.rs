//! `zelos version`: the lines that scripts cut apart.

use crate::{VERSION, out};

pub(super) fn print() {
    out::line(format_args!("Version:\t\t\t{VERSION}"));
    out::line(format_args!("Build Commit:\t{}", option_env!("ZELOS_BUILD_COMMIT").unwrap_or("unknown")));
    out::line(format_args!("Build Timestamp:\t{}", option_env!("ZELOS_BUILD_TIMESTAMP").unwrap_or("unknown")));
}
