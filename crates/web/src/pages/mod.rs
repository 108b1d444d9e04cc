//! Our own self-service pages: what a browser sees where an operator has configured no user interface of their own.
//!
//! The pages are clients like any other: they are drawn from the wire's JSON of a flow or a session, never from our
//! types, so they cannot know more than any front end could, which can ask for identity schemas as [`traits`] does; only
//! the [`mailbox`] of development reads what nobody else may. One template serves all kinds of flows. All words
//! for people stand in the templates, which an operator may replace file by file; [`form`] decides only structure: which
//! nodes share an HTML form, what the Enter key presses, where the cursor starts.
//!
//! Everything works without JavaScript. The policy forbids inline scripts and styles, so no template may carry any.

mod form;
pub(crate) mod mailbox;
mod moment;
mod parts;
mod render;
mod site;
mod start;
pub(crate) mod traits;

pub(crate) use render::csp;
pub use render::{ConfirmPage, ErrorPage, FlowPage, MailPage, Offers, Pages, StartPage};
