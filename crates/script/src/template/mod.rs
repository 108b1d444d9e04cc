//! Go templates, as operators have them for Kratos: `text/template` for subjects, plain text and short messages,
//! `html/template` (escaping by context) for the HTML of mails, and the functions of sprig's hermetic set.
//!
//! The language itself is `gotmpl`. What it lacks is a budget, and it has no hook for one: a template could compute for
//! hours or fill the memory without writing a byte. So every parsed tree gets meters put into it before it is used
//! ([`instrument`]): one in front of each action, which also remembers the line for errors, and one behind each value.
//! The meters draw on a budget that belongs to the thread while it renders ([`meter`]). Functions that can make much out
//! of little (`repeat`, `untilStep`, `indent`, `printf` with a width) pay before they work.

mod functions;
mod includes;
mod instrument;
mod meter;
mod set;
mod value;

pub use set::{Escape, Limits, Set, TemplateError};
