//! What is said when something was tried too often (4900xxx): numbers of our own, far from those of the original.

use crate::text::Text;
use serde_json::json;
use std::time::Duration;

/// Too many wrong guesses: right or wrong, nobody is let in until so much time has passed.
pub fn too_many_attempts(wait: Duration) -> Text {
    waiting(4_900_001, "Too many attempts", wait)
}

/// Too many messages to one address.
pub fn too_many_messages(wait: Duration) -> Text {
    waiting(4_900_002, "Too many messages were asked for", wait)
}

fn waiting(id: u32, what: &str, wait: Duration) -> Text {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let minutes = seconds.div_ceil(60).max(1);
    let long = match minutes {
        1 => "a minute".to_owned(),
        2..=90 => format!("{minutes} minutes"),
        _ => format!("{} hours", minutes.div_ceil(60)),
    };
    Text::error(id, format!("{what}. Wait {long}, then try again.")).with_context(json!({"retry_after": seconds}))
}
