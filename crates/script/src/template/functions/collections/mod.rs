//! Lists, dictionaries, and choosing among values.

pub(super) mod choices;
pub(super) mod dictionaries;
pub(super) mod lists;
