//! The functions of sprig's hermetic set, as Kratos gives them to templates.
//!
//! Left out are those that take time, chance, keys or a cipher as hidden input ([`LEFT_OUT`]); a template that calls one
//! is refused when it is compiled. Where a function of Go cuts text within a letter, ours cuts before it.

mod arguments;
mod collections;
mod encoding;
mod numbers;
mod paths;
mod text;
mod words;

use super::meter;
use arguments::{Arguments, Function};
use gotmpl::{FuncMap, TemplateError, Value};
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

/// What sprig's hermetic set has and this does not.
const LEFT_OUT: [&str; 27] = [
    "ago",
    "bcrypt",
    "buildCustomCert",
    "decryptAES",
    "derivePassword",
    "encryptAES",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "hello",
    "htpasswd",
    "must_date_modify",
    "mustDateModify",
    "mustToDate",
    "randInt",
    "semver",
    "semverCompare",
    "shuffle",
    "toDate",
    "unixEpoch",
    "env",
    "expandenv",
    "now",
];

/// Every function that templates may call, besides those of the language, and the meters.
pub(super) fn all() -> &'static FuncMap {
    static ALL: LazyLock<FuncMap> = LazyLock::new(|| {
        let tables = [
            text::TABLE,
            words::TABLE,
            encoding::TABLE,
            numbers::TABLE,
            paths::TABLE,
            collections::lists::TABLE,
            collections::dictionaries::TABLE,
            collections::choices::TABLE,
        ];
        let mut functions = FuncMap::new();
        for (name, least, most, function) in tables.into_iter().flatten().copied() {
            functions.insert(name.to_owned(), Arc::new(move |given| checked(name, (least, most), function, given)));
        }
        functions.insert(meter::STEP.to_owned(), Arc::new(meter::step));
        functions.insert(meter::METER.to_owned(), Arc::new(meter::meter));
        functions.insert(meter::FORMAT.to_owned(), Arc::new(meter::format));
        functions
    });
    &ALL
}

/// Those that are named, and the meters.
pub(super) fn only(names: &BTreeSet<String>) -> FuncMap {
    let meters = [meter::STEP, meter::METER, meter::FORMAT];
    let names = names.iter().map(String::as_str).chain(meters);
    names
        .filter_map(|name| all().get_key_value(name))
        .map(|(name, function)| (name.clone(), Arc::clone(function)))
        .collect()
}

fn checked(
    name: &str,
    (least, most): (usize, usize),
    function: Function,
    given: &[Value],
) -> Result<Value, TemplateError> {
    if given.len() < least || given.len() > most {
        let wanted = if given.len() < least { least } else { most };
        let message = format!("wrong number of arguments for {name}: want {wanted}, got {}", given.len());
        return Err(TemplateError::Exec(message));
    }
    function(Arguments(given)).map_err(|error| match error {
        TemplateError::Exec(message) => TemplateError::Exec(format!("{name}: {message}")),
        other => other,
    })
}

/// Why a name is not a function.
pub(super) fn missing(name: &str) -> String {
    if LEFT_OUT.contains(&name) {
        format!("the function {name:?} is not available here")
    } else {
        format!("function {name:?} not defined")
    }
}
