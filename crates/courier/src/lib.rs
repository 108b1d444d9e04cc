//! Mail and short messages: how they are written, and how they leave the house.
//!
//! Imports core, store and script. Read [`letters`] first: it writes the rows of the outbox. Then [`dispatch`], the
//! courier that takes them from there, and [`channel`], the ways out that it has. [`call`] is one of them, and of use to
//! whoever else asks an operator's server. [`remote`] keeps what templates and bodies come from elsewhere.

mod backoff;
pub mod call;
pub mod channel;
mod channels;
pub mod dispatch;
pub mod letters;
pub mod remote;

pub use channels::Channels;
pub use dispatch::Courier;
pub use letters::Letters;
pub use remote::Remotes;
