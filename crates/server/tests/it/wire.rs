//! What several stories say in the same words.

use serde_json::Value;
use zelos_testkit::{Answer, Mode, Persona};

/// A password that every policy takes.
pub(crate) const PASSWORD: &str = "correct-horse-Battery-9";

/// The flow behind an answer that shows it again: a redirect to its page, or 400 with the flow.
pub(crate) async fn refused(visitor: &mut Persona, kind: &str, answer: &Answer) -> Value {
    if visitor.mode == Mode::Page {
        let status = if kind == "registration" { 302 } else { 303 };
        // The next screen of a registration is reached by 303, a refusal by 302.
        assert!(answer.status == status || answer.status == 303, "{} {}", answer.status, answer.text);
        assert!(answer.location().starts_with(&format!("http://ui.example.org/{kind}?flow=")), "{}", answer.location());
    } else {
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
    visitor.flow(kind, answer).await
}
