//! Choosing among values, and giving up.

use super::super::arguments::{MANY, Row, failed};
use gotmpl::Value;

pub(in super::super) const TABLE: &[Row] = &[
    ("default", 1, 2, |a| Ok(a.0.get(1).filter(|given| !is_empty(given)).unwrap_or(a.value(0)).clone())),
    ("empty", 1, 1, |a| Ok(Value::Bool(is_empty(a.value(0))))),
    ("coalesce", 0, MANY, |a| Ok(a.0.iter().find(|value| !is_empty(value)).cloned().unwrap_or(Value::Nil))),
    ("all", 0, MANY, |a| Ok(Value::Bool(!a.0.iter().any(is_empty)))),
    ("any", 0, MANY, |a| Ok(Value::Bool(!a.0.iter().all(is_empty)))),
    ("ternary", 3, 3, |a| Ok(if a.truth(2)? { a.value(0) } else { a.value(1) }.clone())),
    ("fail", 1, 1, |a| Err(failed(a.text(0)?))),
];

/// What counts as nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.is_truthy()
}
