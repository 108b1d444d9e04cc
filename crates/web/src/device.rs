//! The cookie by which a browser is known again to the accounts that have signed in with it: guesses from there draw on
//! other budgets than strangers' (`docs/attempt-budgets.md`). It opens nothing; whoever steals it gets some guesses more.
//!
//! It holds the accounts, each with the assurance that was shown, and when it was made, sealed: nobody can read who
//! signs in here, or say so without having done it.

use crate::cookies;
use http::{HeaderMap, HeaderValue};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use zelos_core::{
    id::IdentityId,
    rng::Rng,
    session::{Aal, Session},
    snapshot::Snapshot,
};

const PURPOSE: &str = "known device";

/// So many accounts are remembered, those that signed in last.
const MOST: usize = 5;

/// What one account takes: its id, and the level.
const ENTRY: usize = 17;

/// Who has signed in with this browser, and how much they showed. Nobody while nothing is counted.
pub(crate) fn known(snapshot: &Snapshot, headers: &HeaderMap, now: OffsetDateTime) -> Vec<(IdentityId, Aal)> {
    if !snapshot.security.attempt_budgets.enabled {
        return Vec::new();
    }
    let name = snapshot.device_cookie_name.as_str();
    let mut found = cookies::all(headers).filter(|(found, _)| *found == name);
    found.find_map(|(_, value)| open(snapshot, value, now)).unwrap_or_default()
}

/// The `Set-Cookie` that remembers one more, if browsers are remembered.
pub(crate) fn remember(
    snapshot: &Snapshot,
    rng: &dyn Rng,
    now: OffsetDateTime,
    known: &[(IdentityId, Aal)],
    session: &Session,
) -> Option<HeaderValue> {
    if !snapshot.security.attempt_budgets.enabled {
        return None;
    }
    let (same, others): (Vec<_>, Vec<_>) = known.iter().partition(|(known, _)| *known == session.identity_id);
    let shown = same.iter().map(|(_, aal)| *aal).fold(session.aal, Aal::max);
    let mut plain = now.unix_timestamp().to_be_bytes().to_vec();
    for (known, aal) in std::iter::once((session.identity_id, shown)).chain(others).take(MOST) {
        plain.extend(known.0.as_bytes());
        plain.push(u8::from(aal == Aal::Aal2));
    }
    let sealed = snapshot.keys.seal(rng, PURPOSE, &plain);
    cookies::set_lasting(snapshot, &snapshot.device_cookie_name, &sealed)
}

fn open(snapshot: &Snapshot, sealed: &str, now: OffsetDateTime) -> Option<Vec<(IdentityId, Aal)>> {
    let plain = snapshot.keys.open(PURPOSE, sealed)?;
    let (made, entries) = plain.split_first_chunk::<8>()?;
    let made = OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*made)).ok()?;
    if now - made > Duration::seconds(cookies::LASTING) {
        return None;
    }
    let entry = |entry: &[u8]| {
        let (id, aal) = entry.split_first_chunk::<16>()?;
        let aal = if aal == [1] { Aal::Aal2 } else { Aal::Aal1 };
        Some((IdentityId(Uuid::from_bytes(*id)), aal))
    };
    entries.chunks_exact(ENTRY).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, snapshot, with};
    use serde_json::json;
    use time::macros::datetime;
    use zelos_core::{id::SessionId, rng::SeededRng};

    const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

    fn session(person: u128, aal: Aal) -> Session {
        Session {
            id: SessionId(Uuid::nil()),
            identity_id: IdentityId(Uuid::from_u128(person)),
            active: true,
            issued_at: NOW,
            authenticated_at: NOW,
            expires_at: NOW,
            aal,
            methods: Vec::new(),
            devices: Vec::new(),
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn after(snapshot: &Snapshot, known: &[(IdentityId, Aal)], session: &Session) -> HeaderMap {
        let cookie = remember(snapshot, &SeededRng::new(1), NOW, known, session).unwrap();
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.contains("; HttpOnly") && cookie.contains("; Max-Age=31536000"), "{cookie}");
        let pair = cookie.split(';').next().unwrap();
        HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_str(pair).unwrap())])
    }

    #[test]
    fn the_last_five_accounts_are_known_with_the_most_they_showed() {
        let snapshot = snapshot(config());
        let mut seen = Vec::new();
        for (person, aal) in [(1, Aal::Aal1), (2, Aal::Aal2), (3, Aal::Aal1), (2, Aal::Aal1), (4, Aal::Aal1)] {
            seen = known(&snapshot, &after(&snapshot, &seen, &session(person, aal)), NOW);
        }
        let people =
            |seen: &[(IdentityId, Aal)]| seen.iter().map(|(id, aal)| (id.0.as_u128(), *aal)).collect::<Vec<_>>();
        assert_eq!(people(&seen), [(4, Aal::Aal1), (2, Aal::Aal2), (3, Aal::Aal1), (1, Aal::Aal1)]);
        for person in 5..=8 {
            seen = known(&snapshot, &after(&snapshot, &seen, &session(person, Aal::Aal1)), NOW);
        }
        assert_eq!(people(&seen).iter().map(|(id, _)| *id).collect::<Vec<_>>(), [8, 7, 6, 5, 4]);
    }

    #[test]
    fn what_is_old_spoiled_or_switched_off_is_no_acquaintance() {
        let on = snapshot(config());
        let headers = after(&on, &[], &session(1, Aal::Aal1));
        assert_eq!(known(&on, &headers, NOW + Duration::days(365)).len(), 1);
        assert!(known(&on, &headers, NOW + Duration::days(366)).is_empty());
        let spoiled = headers[http::header::COOKIE].to_str().unwrap().replace('=', "=A");
        let spoiled = HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_str(&spoiled).unwrap())]);
        assert!(known(&on, &spoiled, NOW).is_empty());
        let off = snapshot(with("security", json!({ "attempt_budgets": { "enabled": false } })));
        assert!(known(&off, &headers, NOW).is_empty());
        assert!(remember(&off, &SeededRng::new(1), NOW, &[], &session(1, Aal::Aal1)).is_none());
    }
}
