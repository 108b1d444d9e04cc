//! Times as the databases and Kratos' drivers write them.

use ::time::{Date, OffsetDateTime, Time, UtcOffset, macros::format_description};
use zelos_core::timestamp::{self, Unusable};

/// `2026-01-02 03:04:05`, with or without a fraction and a zone, or RFC 3339; without a zone it is UTC. Cut to the
/// microseconds that are stored.
pub(super) fn parse(text: &str) -> Result<OffsetDateTime, Unusable> {
    timestamp::in_range(local(text).ok_or(Unusable::Malformed)?)
}

fn local(text: &str) -> Option<OffsetDateTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let (clock, rest) = rest.strip_prefix([' ', 'T'])?.split_at_checked(8)?;
    let date = Date::parse(date, format_description!("[year]-[month]-[day]")).ok()?;
    let clock = Time::parse(clock, format_description!("[hour]:[minute]:[second]")).ok()?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
    };
    let micros: u32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let clock = clock.replace_microsecond(micros).ok()?;
    Some(date.with_time(clock).assume_offset(offset(zone.trim())?))
}

/// `Z`, `+02`, `+0200`, `+02:00`; Go adds the name of the zone.
fn offset(zone: &str) -> Option<UtcOffset> {
    let zone = zone.split(' ').next().unwrap_or_default();
    if matches!(zone, "" | "Z" | "UTC") {
        return Some(UtcOffset::UTC);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i8 = digits.get(..2)?.parse().ok()?;
    let minutes: i8 = digits.get(2..).filter(|rest| !rest.is_empty()).map_or(Ok(0), str::parse).ok()?;
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::time::macros::datetime;

    #[test]
    fn times_of_all_drivers_are_read() {
        let whole = datetime!(2026-11-25 16:27:13 UTC);
        for text in [
            "2026-11-25 16:27:13",
            "2026-11-25T16:27:13Z",
            "2026-11-25 16:27:13+00:00",
            "2026-11-25 18:27:13+02:00",
            "2026-11-25 18:27:13+02",
            "2026-11-25 14:57:13.000-0130",
            "2026-11-25 16:27:13 +0000 UTC",
        ] {
            assert_eq!(parse(text), Ok(whole), "{text}");
        }
        assert_eq!(parse("2026-11-25 16:27:13.898813123+00:00"), Ok(datetime!(2026-11-25 16:27:13.898813 UTC)));
        assert_eq!(parse("2026-11-25 16:27:13.5"), Ok(datetime!(2026-11-25 16:27:13.5 UTC)));
    }

    #[test]
    fn what_is_no_time_is_an_error_and_no_panic() {
        for text in [
            "",
            "2026",
            "2026-13-01 00:00:00",
            "0000-00-00 00:00:00",
            "2026-11-25x16:27:13",
            "2026-11-25 16:27:13 CET",
            "2026-11-25 16:27:13-00-128",
            "2026-11-25 16:27:13+-9",
            "2026-11-25 16:27:13+99:99",
            "2026-11-25 16:27:13+é",
            "infinity",
            "é".repeat(9).as_str(),
        ] {
            assert_eq!(parse(text), Err(Unusable::Malformed), "{text}");
        }
        for text in ["0000-01-01T00:00:00+23:59", "9999-12-31 23:59:59-23:59", "9999-12-31 23:59:59.999999999-00:01"] {
            assert_eq!(parse(text), Err(Unusable::OutOfRange), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[0-9+:.TZ -]{0,40}|.{0,40}|[0-9]{4}-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]:[0-5][0-9].{0,12}") {
            if let Ok(at) = parse(&text) {
                proptest::prop_assert!((0..=9999).contains(&at.year()));
            }
        }
    }
}
