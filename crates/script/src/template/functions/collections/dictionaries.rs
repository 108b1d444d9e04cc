//! Dictionaries. What Go changes in place is made anew here; `set` and `unset` on a variable change the variable
//! (see `instrument`). Keys come in order, where Go's come in none.

use super::super::{
    arguments::{Answer, Arguments, MANY, Row, as_dictionary, as_text, dictionary, failed, list, shown, texts},
    text::all_texts,
};
use super::choices::is_empty;
use gotmpl::Value;
use std::{collections::BTreeMap, sync::Arc};

pub(in super::super) const TABLE: &[Row] = &[
    ("dict", 0, MANY, dict),
    ("get", 2, 2, |a| Ok(a.dictionary(0)?.get(a.text(1)?).cloned().unwrap_or_else(|| Value::String(Arc::from(""))))),
    ("set", 3, 3, set),
    ("unset", 2, 2, unset),
    ("hasKey", 2, 2, |a| Ok(Value::Bool(a.dictionary(0)?.contains_key(a.text(1)?)))),
    ("pluck", 1, MANY, pluck),
    ("keys", 0, MANY, keys),
    ("values", 1, 1, |a| list(a.dictionary(0)?.values().cloned())),
    ("pick", 1, MANY, |a| chosen(a, true)),
    ("omit", 1, MANY, |a| chosen(a, false)),
    ("merge", 1, MANY, |a| merge(a, false)),
    ("mustMerge", 1, MANY, |a| merge(a, false)),
    ("mergeOverwrite", 1, MANY, |a| merge(a, true)),
    ("mustMergeOverwrite", 1, MANY, |a| merge(a, true)),
    ("dig", 3, MANY, dig),
    ("deepCopy", 1, 1, |a| Ok(a.value(0).clone())),
    ("mustDeepCopy", 1, 1, |a| Ok(a.value(0).clone())),
    ("deepEqual", 2, 2, |a| Ok(Value::Bool(a.value(0) == a.value(1)))),
];

type Members = BTreeMap<Arc<str>, Value>;

fn dict(a: Arguments<'_>) -> Answer {
    let pair = |pair: &[Value]| {
        let key = pair.first().map(shown).unwrap_or_default();
        (Arc::from(key), pair.get(1).cloned().unwrap_or_else(|| Value::String(Arc::from(""))))
    };
    dictionary(a.0.chunks(2).map(pair).collect())
}

fn set(a: Arguments<'_>) -> Answer {
    let mut members = a.dictionary(0)?.clone();
    members.insert(Arc::from(a.text(1)?), a.value(2).clone());
    dictionary(members)
}

fn unset(a: Arguments<'_>) -> Answer {
    let mut members = a.dictionary(0)?.clone();
    members.remove(a.text(1)?);
    dictionary(members)
}

fn pluck(a: Arguments<'_>) -> Answer {
    let key = a.text(0)?;
    let mut found = Vec::new();
    for value in a.from(1) {
        found.extend(as_dictionary(value)?.get(key).cloned());
    }
    list(found)
}

fn keys(a: Arguments<'_>) -> Answer {
    let mut found = Vec::new();
    for value in a.0 {
        found.extend(as_dictionary(value)?.keys().cloned());
    }
    texts(found)
}

fn chosen(a: Arguments<'_>, named: bool) -> Answer {
    let keys = all_texts(a.from(1))?;
    let members = a.dictionary(0)?.iter().filter(|(key, _)| keys.contains(&&***key) == named);
    dictionary(members.map(|(key, value)| (Arc::clone(key), value.clone())).collect())
}

fn merge(a: Arguments<'_>, overwrite: bool) -> Answer {
    let mut members = a.dictionary(0)?.clone();
    for source in a.from(1) {
        merge_into(&mut members, as_dictionary(source)?, overwrite);
    }
    dictionary(members)
}

/// Empty values give way, full ones only when they are to be overwritten; dictionaries are merged within.
fn merge_into(target: &mut Members, source: &Members, overwrite: bool) {
    for (key, value) in source {
        match (target.get_mut(key), value) {
            (Some(Value::Map(old)), Value::Map(new)) => merge_into(Arc::make_mut(old), new, overwrite),
            (Some(old), new) if is_empty(old) || (overwrite && !is_empty(new)) => *old = new.clone(),
            (Some(_), _) => {}
            (None, new) => {
                target.insert(Arc::clone(key), new.clone());
            }
        }
    }
}

fn dig(a: Arguments<'_>) -> Answer {
    let (path, end) = a.0.split_at(a.0.len() - 2);
    let [instead, _] = end else { return Err(failed("needs at least three arguments")) };
    let mut value = a.last();
    for key in path {
        match as_dictionary(value)?.get(as_text(key)?) {
            Some(inner) => value = inner,
            None => return Ok(instead.clone()),
        }
    }
    Ok(value.clone())
}
