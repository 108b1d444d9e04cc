//! Named moments between two steps, at which a test lets the process end as `kill -9` would: nothing is written any
//! more, nobody is told. So a test can show that whatever was acknowledged is there, at exactly the moments that a
//! signal from outside hits by luck only.
//!
//! One moment is named at the start of the process, in the variable [`VARIABLE`]. In release builds there are none.

use std::sync::OnceLock;

/// The environment variable that names the moment.
pub const VARIABLE: &str = "ZELOS_FAIL_POINT";

static NAMED: OnceLock<String> = OnceLock::new();

/// Takes the moment from the environment, once for the life of the process.
pub fn name(environment: &[(String, String)]) {
    if cfg!(debug_assertions)
        && let Some((_, moment)) = environment.iter().find(|(name, _)| name == VARIABLE)
    {
        NAMED.get_or_init(|| moment.clone());
    }
}

/// The moment is here: the end, if it is the one that was named.
pub fn reached(moment: &str) {
    if cfg!(debug_assertions) && NAMED.get().is_some_and(|named| named == moment) {
        std::process::abort();
    }
}
