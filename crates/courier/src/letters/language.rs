//! Which language somebody reads: what stands with the person, else what their browser asked for.

use serde_json::Value;
use zelos_core::message::Message;

/// The most languages that are looked at in a header.
const MOST: usize = 16;

/// Language tags, the most wanted first.
pub(super) fn wanted(message: &Message) -> Vec<String> {
    let data = &message.template_data;
    let identity = data.get("identity").unwrap_or(&Value::Null);
    // Until there is a person, a registration has traits only.
    let traits = identity.get("traits").or_else(|| data.get("traits")).unwrap_or(&Value::Null);
    let of_person =
        [identity.pointer("/metadata_public/locale"), traits.get("locale"), traits.get("language"), traits.get("lang")];
    let mut tags: Vec<_> = of_person.into_iter().flatten().filter_map(Value::as_str).map(tag).collect();
    tags.extend(accepted(message));
    tags
}

/// `de_AT.UTF-8` means `de-AT`.
fn tag(locale: &str) -> String {
    locale.split(['.', '@']).next().unwrap_or_default().trim().replace('_', "-")
}

/// `Accept-Language`, by weight.
fn accepted(message: &Message) -> Vec<String> {
    let headers = message.request_headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("accept-language"));
    let values = headers.flat_map(|(_, value)| match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    });
    let mut weighed: Vec<_> = values.flat_map(|value| value.split(',')).take(MOST).filter_map(weight).collect();
    weighed.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    weighed.into_iter().map(|(tag, _)| tag).collect()
}

/// A language of the header and its weight in thousandths.
fn weight(item: &str) -> Option<(String, u32)> {
    let (tag, parameters) = item.split_once(';').unwrap_or((item, ""));
    let weight = match parameters.trim().strip_prefix("q=") {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
        Some(weight) => (weight.trim().parse::<f64>().ok()?.clamp(0.0, 1.0) * 1000.0) as u32,
        None => 1000,
    };
    (weight > 0).then(|| (tag.trim().to_owned(), weight))
}

/// The first of the wanted languages that there is: `de-AT` is content with `de` (RFC 4647, lookup), and `pt`, which
/// wants no particular one, with `pt-BR`.
pub(super) fn chosen<'t>(wanted: &[String], there: &[&'t str]) -> Option<&'t str> {
    wanted.iter().find_map(|tag| {
        let shorter = std::iter::successors(Some(tag.as_str()), |tag| Some(tag.rsplit_once('-')?.0));
        let found = shorter.into_iter().find_map(|tag| there.iter().find(|known| is_same(known, tag)));
        found.or_else(|| there.iter().find(|known| is_same(known.split('-').next().unwrap_or_default(), tag))).copied()
    })
}

/// Whether two tags mean one language.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_found_by_their_tags() {
        let there = ["en", "de", "pt-BR", "zh-Hant"];
        for (wanted, expected) in [
            ("de", Some("de")),
            ("DE-at", Some("de")),
            ("de-CH-1901", Some("de")),
            ("pt", Some("pt-BR")),
            ("pt-PT", None),
            ("zh-Hant-TW", Some("zh-Hant")),
            ("den", None),
            ("*", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(chosen(&[wanted.to_owned()], &there), expected, "{wanted}");
        }
        assert_eq!(chosen(&["fr".to_owned(), "de-AT".to_owned()], &there), Some("de"));
    }

    #[test]
    fn locales_are_read_as_tags() {
        for (locale, expected) in [("de_AT.UTF-8", "de-AT"), ("de_DE@euro", "de-DE"), (" fr ", "fr"), ("C", "C")] {
            assert_eq!(tag(locale), expected);
        }
    }

    #[test]
    fn a_header_is_read_by_weight() {
        for (item, expected) in [
            ("de", Some(("de", 1000))),
            (" de-AT ; q=0.8", Some(("de-AT", 800))),
            ("de;q=0", None),
            ("de;q=x", None),
            ("de;q=NaN", None),
            ("de;q=7", Some(("de", 1000))),
            ("", Some(("", 1000))),
        ] {
            assert_eq!(weight(item), expected.map(|(tag, weight)| (tag.to_owned(), weight)), "{item}");
        }
    }
}
