//! Lists of identities: by what they are filtered, in which order, and where a page goes on.
//!
//! Whatever is asked for, one index gives the order and a page ends the reading: a page far behind costs what the first
//! one costs. So the conditions that this index does not serve are written such that no database is tempted to take
//! another index for them and to sort what it finds. Only a look-up by a whole identifier reads all it finds, as that is
//! few.

use crate::{
    db::Store,
    error::Error,
    faults::listed,
    identities::{COLUMNS, identity_with, is_unstorable},
    page::{List, Page, marks, padded},
    value::{Micros, NETWORK, Row, Value},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use zelos_core::{
    id::IdentityId,
    identity::{Identity, State},
};

/// Which identities a list holds. What is given is combined with "and"; the default is all of them.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these; empty for any.
    pub ids: Vec<IdentityId>,
    /// Only of that organization.
    pub organization_id: Option<Uuid>,
    /// Only who uses that identifier.
    pub identifier: Option<IdentifierFilter>,
    /// Only in that state.
    pub state: Option<State>,
    /// Only of that schema.
    pub schema_id: Option<String>,
    /// Only who was made in that time.
    pub created: Span,
    /// Only who was last changed in that time.
    pub updated: Span,
    /// Only with these values of indexed traits: name and value as the index holds it.
    pub traits: Vec<(String, String)>,
}

impl Filter {
    /// Whether it asks for the beginning of an identifier and nothing else.
    pub fn is_beginning_only(&self) -> bool {
        self.identifier.as_ref().is_some_and(|identifier| identifier.prefix)
            && self.ids.is_empty()
            && self.organization_id.is_none()
            && self.state.is_none()
            && self.schema_id.is_none()
            && !self.created.is_given()
            && !self.updated.is_given()
            && self.traits.is_empty()
    }
}

/// From a time on, and until before another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub from: Option<OffsetDateTime>,
    pub before: Option<OffsetDateTime>,
}

impl Span {
    /// Whether it bounds anything.
    pub fn is_given(&self) -> bool {
        self.from.is_some() || self.before.is_some()
    }
}

/// An identifier to look for.
#[derive(Debug, Clone)]
pub struct IdentifierFilter {
    /// As password, code and WebAuthn credentials have it: normalised.
    pub normalized: String,
    /// As OIDC and SAML credentials have it: verbatim.
    pub verbatim: String,
    /// Whether it need only be the beginning.
    pub prefix: bool,
}

impl IdentifierFilter {
    /// Who has such an identifier, each person once: a table for a `FROM`, and its values.
    ///
    /// SQLite takes no index for what an `OR` asks of two columns at once, so there are two selects; and where it could
    /// get people in order by reading all identifiers of everybody it would, but for the `LIMIT`s, which bound nothing:
    /// an identifier is in each type but once.
    fn table(&self) -> (String, Vec<Value<'static>>) {
        let (condition, limits) = if self.prefix {
            ("n.identifier >= ? AND n.identifier < ?", [1_000_000_000, 1_000_000_000])
        } else {
            ("n.identifier = ?", [3, 2])
        };
        let one = |types: &str, limit: i64| {
            format!(
                "SELECT n.identity_id FROM credential_identifiers n \
                 WHERE n.nid = ? AND n.type IN ({types}) AND {condition} LIMIT {limit}"
            )
        };
        let mut values = Vec::new();
        for text in [&self.normalized, &self.verbatim] {
            values.extend([NETWORK, text.clone().into()]);
            values.extend(self.prefix.then(|| end(text).into()));
        }
        let table = format!(
            "(SELECT DISTINCT u.identity_id FROM (SELECT * FROM ({}) b0 UNION ALL SELECT * FROM ({}) b1) u)",
            one("'password', 'code', 'webauthn'", limits[0]),
            one("'oidc', 'saml'", limits[1])
        );
        (table, values)
    }
}

/// What follows all texts that begin so.
fn end(beginning: &str) -> String {
    format!("{beginning}{}", char::MAX)
}

/// In which order a list comes; equals come by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    pub by: Sort,
    /// The last come first.
    pub descending: bool,
}

/// By what a list is sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Id,
    CreatedAt,
    UpdatedAt,
    /// By an indexed trait; whoever lacks it is not in the list.
    Trait(String),
    /// By the first of their identifiers that begins as the filter says, never descending. Where the filter asks for
    /// anything else, too, by id.
    Identifier,
}

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The last one's value of what the list is sorted by; none where that is the id.
    pub by: Option<By>,
    /// The last one's id.
    pub id: IdentityId,
}

/// A value that lists are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    Time(Micros),
    Text(String),
}

impl From<By> for Value<'static> {
    fn from(by: By) -> Self {
        match by {
            By::Time(at) => at.into(),
            By::Text(text) => text.into(),
        }
    }
}

/// Identities in the order of their ids, without credentials.
pub async fn list(store: &Store, filter: &Filter, page: Page<IdentityId>) -> Result<List<Identity, IdentityId>, Error> {
    let page = match page {
        Page::After { key, size } => Page::After { key: key.map(|id| Place { by: None, id }), size },
        Page::Number { page, size } => Page::Number { page, size },
    };
    let List { items, next } = search(store, filter, &Order::default(), page).await?;
    Ok(List { items, next: next.map(|place| place.id) })
}

/// A part of all identities, for what must not take a part of one for the whole.
#[derive(Debug)]
pub struct Whole {
    /// Those that can be read in full, without credentials.
    pub items: Vec<Identity>,
    /// The others, by their id; none where that cannot be read either.
    pub broken: Vec<Option<IdentityId>>,
    /// Where to go on.
    pub next: Option<IdentityId>,
}

/// Identities in the order of their ids, apart from those that cannot be read in full.
pub async fn list_whole(store: &Store, after: Option<IdentityId>, size: usize) -> Result<Whole, Error> {
    let page = Page::After { key: after.map(|id| Place { by: None, id }), size };
    let rows = rows(store, &Filter::default(), &Order::default(), &page).await?;
    let nameless = rows.iter().filter(|row| row.is_none()).map(|_| None).collect();
    let mut list = Whole { items: Vec::new(), broken: nameless, next: None };
    let listed = page.list(rows, |row| row.place.clone());
    list.next = listed.next.map(|place| place.id);
    for row in listed.items {
        if row.whole {
            list.items.push(row.identity);
        } else {
            list.broken.push(Some(row.identity.id));
        }
    }
    Ok(list)
}

/// An identity as it stands in a list.
#[derive(Debug)]
struct Listed {
    identity: Identity,
    place: Place,
    /// Whether it was read in full.
    whole: bool,
}

/// Identities in any order, without credentials.
pub async fn search(
    store: &Store,
    filter: &Filter,
    order: &Order,
    page: Page<Place>,
) -> Result<List<Identity, Place>, Error> {
    let rows = rows(store, filter, order, &page).await?;
    Ok(page.list(rows, |row| row.place.clone()).map(|row| row.identity))
}

/// The rows of a page, and the one after it; none for those whose id cannot be read.
async fn rows(store: &Store, filter: &Filter, order: &Order, page: &Page<Place>) -> Result<Vec<Option<Listed>>, Error> {
    let texts = filter.identifier.iter().flat_map(|of| [&of.normalized, &of.verbatim]);
    if texts.chain(filter.traits.iter().map(|(_, value)| value)).any(|text| is_unstorable(text)) {
        return Ok(Vec::new());
    }
    let by_identifier = order.by == Sort::Identifier && filter.is_beginning_only();
    let (sql, values) = match &filter.identifier {
        Some(identifier) if by_identifier => beginnings(identifier, page.key(), page.bounds()),
        _ => {
            let mut query = Query::of(filter, order);
            query.filter(filter);
            if let Some(after) = page.key() {
                query.go_on(after);
            }
            query.finish(page.bounds())
        }
    };
    let by = order.by.clone();
    let read = move |row: &Row<'_>| {
        let Some((identity, whole)) = listed("identities", row, identity_with) else { return Ok(None) };
        let by = match by {
            Sort::Id => None,
            Sort::CreatedAt => Some(By::Time(row.get(COLUMN_OF_CREATED_AT)?)),
            Sort::UpdatedAt => Some(By::Time(row.get(COLUMN_OF_CREATED_AT + 1)?)),
            Sort::Identifier if !by_identifier => None,
            Sort::Trait(_) | Sort::Identifier => Some(By::Text(row.get(COLUMN_OF_TEXT)?)),
        };
        let place = Place { by, id: identity.id };
        Ok(Some(Listed { identity, place, whole }))
    };
    store.scan(sql, values, read).await
}

/// Where the time of creation stands among the columns of the identity; that of the last change follows.
const COLUMN_OF_CREATED_AT: usize = 10;

/// A text that a list is sorted by is read after the columns of the identity.
const COLUMN_OF_TEXT: usize = 12;

/// Types of credentials whose identifiers are looked at, and whether these are verbatim.
const NAMED: [(&str, bool); 5] =
    [("password", false), ("code", false), ("webauthn", false), ("oidc", true), ("saml", true)];

/// Who has an identifier that begins so, in the order of identifiers: of each type no more is read than a page holds, so
/// that two letters among a million people cost what a whole name costs. Whoever has several is found by the first.
fn beginnings(
    identifier: &IdentifierFilter,
    after: Option<Place>,
    (limit, offset): (i64, i64),
) -> (String, Vec<Value<'static>>) {
    let after = after.and_then(|place| match place.by {
        Some(By::Text(text)) => Some((text, place.id)),
        _ => None,
    });
    let (mut parts, mut values) = (Vec::new(), Vec::new());
    for (index, (kind, verbatim)) in NAMED.into_iter().enumerate() {
        let beginning = if verbatim { &identifier.verbatim } else { &identifier.normalized };
        let from = after.iter().map(|(text, _)| text).chain([beginning]).max().cloned().unwrap_or_default();
        let mut part = format!(
            "SELECT * FROM (SELECT n.identity_id, n.identifier FROM credential_identifiers n \
             WHERE n.nid = ? AND n.type = '{kind}' AND n.identifier >= ? AND n.identifier < ?"
        );
        values.extend([NETWORK, from.into(), end(beginning).into()]);
        if let Some((text, id)) = &after {
            part.push_str(" AND (n.identifier > ? OR n.identity_id > ?)");
            values.extend([text.clone().into(), (*id).into()]);
        }
        part.extend([
            " AND NOT EXISTS (SELECT 1 FROM credential_identifiers e WHERE e.nid = n.nid \
             AND e.identity_id = n.identity_id \
             AND ((e.type IN ('password', 'code', 'webauthn') AND e.identifier >= ? AND e.identifier < ?) \
             OR (e.type IN ('oidc', 'saml') AND e.identifier >= ? AND e.identifier < ?)) \
             AND (e.identifier < n.identifier OR (e.identifier = n.identifier AND e.type < n.type))) \
             ORDER BY n.identifier LIMIT ?) b",
            &index.to_string(),
        ]);
        for text in [&identifier.normalized, &identifier.verbatim] {
            values.extend([text.clone().into(), end(text).into()]);
        }
        values.push(limit.saturating_add(offset).into());
        parts.push(part);
    }
    let mut sql = format!(
        "SELECT {COLUMNS}, m.identifier FROM ({}) m CROSS JOIN identities i WHERE i.nid = ? AND i.id = m.identity_id \
         ORDER BY m.identifier, i.id LIMIT ?",
        parts.join(" UNION ALL ")
    );
    values.extend([NETWORK, limit.into()]);
    if offset > 0 {
        sql.push_str(" OFFSET ?");
        values.push(offset.into());
    }
    (sql, values)
}

/// A statement that is being written.
struct Query {
    from: String,
    condition: String,
    /// Values of what stands in `from`, which come first.
    from_values: Vec<Value<'static>>,
    values: Vec<Value<'static>>,
    /// The columns of the order: what is sorted by, if it is not the id, and the id.
    by: Option<&'static str>,
    id: &'static str,
    descending: bool,
    is_by_trait: bool,
    /// How many of the filter's traits are dealt with.
    traits: usize,
    /// Which conditions the index that gives the order may serve as well.
    served: Served,
}

/// See [`Query::served`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    Words,
    Created,
    Updated,
    Nothing,
}

impl Query {
    /// The tables, and what leads to the rows. They are read in the order in which they stand here: SQLite keeps to it
    /// where tables are joined by `CROSS JOIN`.
    fn of(filter: &Filter, order: &Order) -> Self {
        let mut query = Self {
            from: "identities i".to_owned(),
            condition: "i.nid = ?".to_owned(),
            from_values: Vec::new(),
            values: vec![NETWORK],
            by: None,
            id: "i.id",
            descending: order.descending,
            is_by_trait: false,
            traits: 0,
            served: Served::Nothing,
        };
        match &order.by {
            // Without a beginning there is nothing to sort by but the id.
            Sort::Id | Sort::Identifier => query.served = Served::Words,
            Sort::CreatedAt => (query.by, query.served) = (Some("i.created_at"), Served::Created),
            Sort::UpdatedAt => (query.by, query.served) = (Some("i.updated_at"), Served::Updated),
            Sort::Trait(_) => (query.by, query.is_by_trait) = (Some("s.value"), true),
        }
        if let Some(identifier) = &filter.identifier {
            query.by_identifier(identifier);
        }
        match &order.by {
            Sort::Trait(name) if filter.identifier.is_some() => {
                query.from.push_str(" CROSS JOIN indexed_traits s");
                query.and("s.nid = i.nid AND s.identity_id = i.id AND s.name = ?", [name.clone().into()]);
            }
            Sort::Trait(name) => {
                "indexed_traits s CROSS JOIN identities i".clone_into(&mut query.from);
                query.id = "s.identity_id";
                query.and("s.nid = ? AND s.name = ?", [NETWORK, name.clone().into()]);
                query.and("i.id = s.identity_id", []);
            }
            Sort::Id | Sort::Identifier if filter.identifier.is_none() => {
                if let Some((name, value)) = filter.traits.first() {
                    "indexed_traits t CROSS JOIN identities i".clone_into(&mut query.from);
                    query.id = "t.identity_id";
                    let values = [NETWORK, name.clone().into(), value.clone().into()];
                    query.and("t.nid = ? AND t.name = ? AND t.value = ?", values);
                    query.and("i.id = t.identity_id", []);
                    (query.traits, query.served) = (1, Served::Nothing);
                }
            }
            _ => {}
        }
        query
    }

    fn by_identifier(&mut self, identifier: &IdentifierFilter) {
        let (table, values) = identifier.table();
        self.from = format!("{table} m CROSS JOIN identities i");
        self.from_values = values;
        self.and("i.id = m.identity_id", []);
        self.served = Served::Nothing;
    }

    fn and<const N: usize>(&mut self, condition: &str, values: [Value<'static>; N]) {
        self.condition.extend([" AND ", condition]);
        self.values.extend(values);
    }

    /// A condition that an index serves, or else one that no index is taken for.
    fn and_if_served(&mut self, served: bool, condition: &str, value: Value<'static>) {
        if served {
            self.and(condition, [value]);
        } else {
            self.and(&format!("({condition}) IS TRUE"), [value]);
        }
    }

    fn filter(&mut self, filter: &Filter) {
        if !filter.ids.is_empty() {
            self.condition.extend([" AND i.id IN (", &marks(filter.ids.len()), ")"]);
            self.values.extend(padded(&filter.ids).map(Value::from));
        }
        let words = self.served == Served::Words && filter.ids.is_empty();
        if let Some(organization) = filter.organization_id {
            self.and_if_served(words, "i.organization_id = ?", organization.into());
        }
        if let Some(state) = filter.state {
            self.and_if_served(words && filter.organization_id.is_none(), "i.state = ?", state.as_str().into());
        }
        if let Some(schema_id) = filter.schema_id.clone() {
            self.and_if_served(false, "i.schema_id = ?", schema_id.into());
        }
        self.span(filter.created, Served::Created, ["i.created_at >= ?", "i.created_at < ?"]);
        self.span(filter.updated, Served::Updated, ["i.updated_at >= ?", "i.updated_at < ?"]);
        for (name, value) in filter.traits.iter().skip(self.traits) {
            self.and(
                "EXISTS (SELECT 1 FROM indexed_traits t WHERE t.nid = ? AND t.identity_id = i.id AND t.name = ? \
                 AND t.value = ?)",
                [NETWORK, name.clone().into(), value.clone().into()],
            );
        }
    }

    fn span(&mut self, span: Span, served: Served, [from, before]: [&str; 2]) {
        let served = self.served == served;
        if let Some(at) = span.from {
            self.and_if_served(served, from, at.into());
        }
        if let Some(at) = span.before {
            self.and_if_served(served, before, at.into());
        }
    }

    /// What comes after that place. The first comparison is what every database finds the place in the index by.
    fn go_on(&mut self, Place { by, id: after }: Place) {
        let sign = if self.descending { '<' } else { '>' };
        let id = self.id;
        match (self.by, by) {
            (Some(column), Some(by)) => {
                let condition = format!("{column} {sign}= ? AND ({column} {sign} ? OR {id} {sign} ?)");
                self.and(&condition, [by.clone().into(), by.into(), after.into()]);
            }
            _ => self.and(&format!("{id} {sign} ?"), [after.into()]),
        }
    }

    fn finish(mut self, (limit, offset): (i64, i64)) -> (String, Vec<Value<'static>>) {
        let direction = if self.descending { " DESC" } else { "" };
        let mut sql = format!("SELECT {COLUMNS}");
        if self.is_by_trait {
            sql.push_str(", s.value");
        }
        sql.extend([" FROM ", &self.from, " WHERE ", &self.condition, " ORDER BY "]);
        if let Some(by) = self.by {
            sql.extend([by, direction, ", "]);
        }
        sql.extend([self.id, direction, " LIMIT ?"]);
        self.values.push(limit.into());
        if offset > 0 {
            sql.push_str(" OFFSET ?");
            self.values.push(offset.into());
        }
        self.from_values.extend(self.values);
        (sql, self.from_values)
    }
}

/// How many identities there are.
pub async fn count(store: &Store) -> Result<i64, Error> {
    let sql = "SELECT COUNT(*) FROM identities WHERE nid = ?";
    store.scan(sql, vec![NETWORK], |row| row.get(0)).await?.pop().ok_or(Error::Missing)
}
