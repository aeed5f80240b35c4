//! Lists: which objects come next, and the token that says where to go on.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use store::{Block, Query, Read, Type, Value};

use crate::access::Viewer;
use crate::error::{Error, Result};
use crate::operation::{FilterKind, Key, Listing};
use crate::resource::{Guard, Resource};
use crate::sql::{Bindings, Template};

/// The JOSE header of every token.
const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// Where in an order a page begins: the keys of the last object before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// A value per key of the order; the outer order's rank and gid first when it is nested.
    pub keys: Vec<Value>,
}

/// Makes and reads offset tokens: JSON web tokens that carry a position, bound to the request they continue.
pub struct Tokens {
    key: Vec<u8>,
    /// How long a token is good for, in seconds.
    pub lifetime: i64,
}

impl Tokens {
    /// Tokens signed with `key`, good for `lifetime` seconds.
    pub fn new(key: Vec<u8>, lifetime: i64) -> Self {
        Tokens { key, lifetime }
    }

    fn signature(&self, message: &str, scope: &str) -> Vec<u8> {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return Vec::new();
        };
        mac.update(message.as_bytes());
        mac.update(b"\0");
        mac.update(scope.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    /// A token for the page after `position` of the list that `scope` describes. `now` is in milliseconds.
    pub fn issue(&self, position: &Position, scope: &str, now: i64) -> String {
        let keys = position.keys.iter().map(|key| match key {
            Value::Int(number) => Json::from(*number),
            Value::Text(text) => Json::from(&**text),
            _ => Json::Null,
        });
        let border = Json::Array(keys.collect()).to_string();
        let issued = now / 1000;
        let payload = serde_json::json!({ "border_rank": border, "iat": issued, "exp": issued + self.lifetime });
        let message = format!("{}.{}", BASE64.encode(HEADER), BASE64.encode(payload.to_string()));
        let signature = BASE64.encode(self.signature(&message, scope));
        format!("{message}.{signature}")
    }

    /// The position in a token.
    pub fn read(&self, token: &str, scope: &str, order: &[Key], now: i64) -> Result<Position> {
        let invalid = || Error::field("offset", "Your pagination token is invalid.");
        let (message, signature) = token.rsplit_once('.').ok_or_else(invalid)?;
        let signature = BASE64.decode(signature).map_err(|_| invalid())?;
        let expected = self.signature(message, scope);
        if expected.is_empty() || !bool::from(subtle::ConstantTimeEq::ct_eq(&expected[..], &signature[..])) {
            return Err(invalid());
        }
        let payload =
            message.split_once('.').and_then(|(_, payload)| BASE64.decode(payload).ok()).ok_or_else(invalid)?;
        let payload: Json = serde_json::from_slice(&payload).map_err(|_| invalid())?;
        if payload["exp"].as_i64().is_none_or(|expires| expires <= now / 1000) {
            return Err(Error::field("offset", "Your pagination token has expired."));
        }
        let border = payload["border_rank"].as_str().ok_or_else(invalid)?;
        let keys: Vec<Json> = serde_json::from_str(border).map_err(|_| invalid())?;
        if keys.len() != order.len() {
            return Err(invalid());
        }
        let keys = keys.into_iter().zip(order).map(|(value, key)| match (value, key.text) {
            (Json::String(text), true) => Ok(Value::from(text)),
            (Json::Number(number), false) => number.as_i64().map(Value::Int).ok_or_else(invalid),
            _ => Err(invalid()),
        });
        Ok(Position { keys: keys.collect::<Result<_>>()? })
    }
}

/// A list that a request asks for.
pub struct Listed<'a> {
    /// The list.
    pub listing: &'static Listing,
    /// What it holds.
    pub resource: &'static Resource,
    /// Who looks.
    pub viewer: &'a Viewer,
    /// The moment of the request.
    pub now: i64,
    /// The parents' gids under their names, without `_gid`.
    pub parents: Vec<(&'static str, Value)>,
    /// The filters that are set: their place in the listing's table and their value.
    pub filters: Vec<(usize, Value)>,
    /// Where the page begins.
    pub after: Option<Position>,
    /// How many objects it may have.
    pub limit: usize,
}

/// A page: the gids in order, and where the next one begins if there is one.
#[derive(Debug, Default)]
pub struct Page {
    /// The objects.
    pub gids: Vec<i64>,
    /// The position of the last object, when there are more.
    pub next: Option<Position>,
}

/// Statements of listings, by what they are made for.
#[derive(Default)]
pub struct Listings {
    templates: RwLock<HashMap<(usize, u32, Part), Arc<Template>>>,
}

/// Which statement of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    /// The whole list, from the start or after a position; judged row by row, or found among the few that the viewer sees.
    Whole { after: bool, few: bool },
    /// How many rows the viewer sees at all, up to [`FEW`].
    Seen,
    /// The rows of one outer row, after a position.
    Rest,
    /// The rows of the next few outer rows, one's after another's.
    Parts,
    /// The outer rows.
    Outer { after: bool },
}

/// Who sees fewer objects than that sees few.
const FEW: i64 = 1_000;

/// Outer rows that are looked into at once.
const PARTS_AT_ONCE: usize = 4;
/// What their gids are bound as; the tie of a nested listing says `:part`.
const PARTS: [&str; PARTS_AT_ONCE] = ["part0", "part1", "part2", "part3"];

impl Listings {
    /// Loads the page. `beside` runs together with the first query; its results come back too.
    pub async fn page(
        &self,
        read: &mut Read,
        list: &Listed<'_>,
        beside: Vec<Query>,
    ) -> Result<(Page, Vec<Block>), store::Error> {
        let extra = beside.len();
        let mut queries = beside;
        let mut found = Found { gids: Vec::new(), limit: list.limit, last: None };
        let Some(nested) = &list.listing.nested else {
            let few = self.sees_few(read, list).await?;
            queries.push(self.rows(list, Part::Whole { after: list.after.is_some(), few }, found.wanted(), &[]));
            let mut blocks = read.level(&queries).await?;
            found.add(&blocks.split_off(extra)[0], list.listing.order, &[]);
            return Ok((found.page(), blocks));
        };
        let inner = &list.listing.order[2..];
        let mut outer = list.after.as_ref().map(|position| [position.keys[0].clone(), position.keys[1].clone()]);
        queries.push(match (&list.after, &outer) {
            (Some(position), Some([_, part])) => {
                let mut named = vec![("part", part.clone())];
                named.extend(NAMES.iter().copied().zip(position.keys[2..].iter().cloned()));
                self.rows(list, Part::Rest, found.wanted(), &named)
            }
            _ => self.outer(list, nested, None),
        });
        let mut blocks = read.level(&queries).await?;
        let first = blocks.split_off(extra);
        let mut parts = match &outer {
            Some(outer) => {
                found.add(&first[0], inner, outer);
                if found.full() { Block::new(2) } else { read.one(self.outer(list, nested, Some(outer))).await? }
            }
            None => first.into_iter().next().unwrap_or_default(),
        };
        while !parts.is_empty() && !found.full() {
            let each: Vec<[Value; 2]> = (0..parts.len())
                .map(|row| [parts.text(row, 0).unwrap_or_default().into(), parts.int(row, 1).into()])
                .collect();
            // Fewer than asked for: the last ones are NULL and have no rows.
            let gid = |at: usize| each.get(at).map_or(Value::Null, |[_, gid]| gid.clone());
            let named: Vec<(&str, Value)> = PARTS.iter().enumerate().map(|(at, name)| (*name, gid(at))).collect();
            let block = read.one(self.rows(list, Part::Parts, found.wanted(), &named)).await?;
            found.add_parts(&block, inner, &each);
            outer = each.last().cloned();
            if found.full() || each.len() < PARTS_AT_ONCE {
                break;
            }
            parts = match &outer {
                Some(outer) => read.one(self.outer(list, nested, Some(outer))).await?,
                None => break,
            };
        }
        Ok((found.page(), blocks))
    }

    /// Whether a list is better found among what the viewer sees than judged row by row. That is so for guests, to whom a
    /// few objects have been shown, in lists of what the whole workspace has.
    async fn sees_few(&self, read: &mut Read, list: &Listed<'_>) -> Result<bool, store::Error> {
        let viewer = list.viewer;
        let guest = !viewer.workspaces.iter().any(|workspace| viewer.is_member(*workspace));
        let Guard::Scopes { table, .. } = list.resource.guard else {
            return Ok(false);
        };
        if !guest || list.listing.covered {
            return Ok(false);
        }
        let template = self.template(list, Part::Seen, || {
            let text = format!(
                "SELECT count(*) FROM (SELECT 1 FROM {{each_principal}} p CROSS JOIN grants g CROSS JOIN {table} x \
                 WHERE g.principal_id = p.column1 AND x.scope_id = g.scope_id LIMIT {FEW}) seen"
            );
            Template::new(&text, &[Type::Int])
        });
        let seen = read.one(template.bind(&Bindings { viewer, now: list.now, ids: &[], named: &[] })).await?;
        Ok(seen.int(0, 0).is_some_and(|seen| seen < FEW))
    }

    fn outer(&self, list: &Listed<'_>, nested: &crate::operation::Nested, after: Option<&[Value; 2]>) -> Query {
        let template = self.template(list, Part::Outer { after: after.is_some() }, || {
            let after = if after.is_some() { " AND (o.rank, o.gid) > (:key0, :key1)" } else { "" };
            let text = format!(
                "SELECT o.rank, o.gid FROM {} o WHERE {} AND {}{after} ORDER BY o.rank, o.gid LIMIT {PARTS_AT_ONCE}",
                nested.table, nested.filter, nested.filled
            );
            Template::new(&text, &[Type::Text, Type::Int])
        });
        let mut named = list.parents.clone();
        if let Some(after) = after {
            named.extend(NAMES.iter().copied().zip(after.iter().cloned()));
        }
        template.bind(&Bindings { viewer: list.viewer, now: list.now, ids: &[], named: &named })
    }

    fn rows(&self, list: &Listed<'_>, part: Part, limit: usize, beside: &[(&'static str, Value)]) -> Query {
        let template = self.template(list, part, || rows_template(list, part));
        let mut named: Vec<(&str, Value)> = list.parents.clone();
        named.extend_from_slice(beside);
        if let (Part::Whole { after: true, .. }, Some(position)) = (part, &list.after) {
            named.extend(NAMES.iter().copied().zip(position.keys.iter().cloned()));
        }
        for (at, value) in &list.filters {
            named.push((FILTERS[*at], value.clone()));
        }
        named.push(("limit", Value::Int(limit as i64)));
        template.bind(&Bindings { viewer: list.viewer, now: list.now, ids: &[], named: &named })
    }

    fn template(&self, list: &Listed<'_>, part: Part, make: impl FnOnce() -> Template) -> Arc<Template> {
        let filters = list.filters.iter().fold(0, |mask, (at, _)| mask | 1 << at);
        let key = (std::ptr::from_ref(list.listing) as usize, filters, part);
        if let Some(known) = self.templates.read().ok().and_then(|templates| templates.get(&key).cloned()) {
            return known;
        }
        let made = Arc::new(make());
        match self.templates.write() {
            Ok(mut templates) => Arc::clone(templates.entry(key).or_insert(made)),
            Err(_) => made,
        }
    }
}

/// What a position's keys are bound as.
const NAMES: [&str; 4] = ["key0", "key1", "key2", "key3"];
/// What a listing's filters are bound as; each condition says `:value`.
const FILTERS: [&str; 8] = ["value0", "value1", "value2", "value3", "value4", "value5", "value6", "value7"];

fn rows_template(list: &Listed<'_>, part: Part) -> Template {
    let listing = list.listing;
    let order = if listing.nested.is_some() { &listing.order[2..] } else { listing.order };
    let keys: Vec<&str> = order.iter().map(|key| key.expression).collect();
    let keys = keys.join(", ");
    let Listing { gid, from, filter, .. } = listing;
    let mut text = match (part, list.resource.guard) {
        (Part::Whole { few: true, .. }, Guard::Scopes { table, owner }) => format!(
            "SELECT DISTINCT {gid}, {keys} FROM {{each_principal}} p CROSS JOIN grants g CROSS JOIN {table} x \
             CROSS JOIN {from} WHERE g.principal_id = p.column1 AND x.scope_id = g.scope_id AND {gid} = x.{owner} \
             AND {filter}"
        ),
        _ => format!("SELECT {gid}, {keys} FROM {from} WHERE {filter}"),
    };
    if let (Part::Rest | Part::Parts, Some(nested)) = (part, &listing.nested) {
        text.push_str(&format!(" AND {}", nested.tie));
    }
    for (at, _) in &list.filters {
        text.push_str(&format!(
            " AND {}",
            listing.filters[*at].condition.replace(":value", &format!(":{}", FILTERS[*at]))
        ));
    }
    if let Part::Whole { after: true, .. } | Part::Rest = part {
        let names: Vec<String> = NAMES[..order.len()].iter().map(|name| format!(":{name}")).collect();
        text.push_str(&format!(" AND ({keys}) > ({})", names.join(", ")));
    }
    if !listing.covered && !matches!(part, Part::Whole { few: true, .. }) {
        text.push_str(&format!(" AND {}", list.resource.guard.predicate(listing.gid)));
    }
    text.push_str(&format!(" ORDER BY {keys} LIMIT :limit"));
    let mut types = vec![Type::Int];
    types.extend(order.iter().map(|key| if key.text { Type::Text } else { Type::Int }));
    if part == Part::Parts {
        // The parts are walked in turn, and no further than the page is long.
        let each = PARTS.iter().enumerate().map(|(at, name)| {
            format!("SELECT {at}, p{at}.* FROM ({}) p{at}", text.replace(":part", &format!(":{name}")))
        });
        text = format!("{} LIMIT :limit", each.collect::<Vec<_>>().join(" UNION ALL "));
        types.insert(0, Type::Int);
    }
    Template::new(&text, &types)
}

/// The rows found so far, one more than the page at most.
struct Found {
    gids: Vec<i64>,
    limit: usize,
    /// The position of the page's last row, once it is full.
    last: Option<Position>,
}

impl Found {
    fn full(&self) -> bool {
        self.gids.len() > self.limit
    }

    /// How many more are wanted.
    fn wanted(&self) -> usize {
        self.limit + 1 - self.gids.len()
    }

    fn add(&mut self, block: &Block, order: &[Key], outer: &[Value]) {
        for row in 0..block.len() {
            self.add_row(block, row, 0, order, outer);
        }
    }

    /// Rows whose first column says which of the outer rows they belong to.
    fn add_parts(&mut self, block: &Block, order: &[Key], parts: &[[Value; 2]]) {
        for row in 0..block.len() {
            let part = block.int(row, 0).and_then(|at| parts.get(usize::try_from(at).ok()?));
            if let Some(part) = part {
                self.add_row(block, row, 1, order, part);
            }
        }
    }

    fn add_row(&mut self, block: &Block, row: usize, first: usize, order: &[Key], outer: &[Value]) {
        if self.full() {
            return;
        }
        self.gids.push(block.int(row, first).unwrap_or_default());
        if self.gids.len() == self.limit {
            let own = order.iter().zip(first + 1..).map(|(key, column)| match key.text {
                true => block.text(row, column).into(),
                false => block.int(row, column).into(),
            });
            self.last = Some(Position { keys: outer.iter().cloned().chain(own).collect() });
        }
    }

    fn page(mut self) -> Page {
        let next = if self.full() { self.last } else { None };
        self.gids.truncate(self.limit);
        Page { gids: self.gids, next }
    }
}

/// Reads a filter's value.
pub fn filter_value(kind: FilterKind, name: &str, value: &str, now: i64) -> Result<Value> {
    Ok(match kind {
        FilterKind::Bool => Value::Bool(crate::parameter::bool_value(name, value)?),
        FilterKind::Time if value == "now" => Value::Int(now),
        FilterKind::Time => match model::time::parse_time(value) {
            Some(time) => Value::Int(time),
            None => {
                let value = crate::parameter::shortened(value);
                return Err(Error::field(
                    name,
                    format_args!("Time must be in ISO-8601 (yyyy-mm-ddThh:mm:ssZ) format, not: {value}"),
                ));
            }
        },
        FilterKind::Text => Value::from(value),
        FilterKind::Gid => match model::gid::parse(value) {
            Some(gid) => Value::Int(gid),
            None => {
                return Err(Error::field(name, format_args!("Not a Long: {}", crate::parameter::shortened(value))));
            }
        },
    })
}

/// What a token is bound to: the operation, the parents and the filters, so that it continues no other list.
pub fn scope(operation: &str, list: &Listed<'_>) -> String {
    let mut digest = Sha256::new();
    digest.update(format!(
        "{operation} {:?} {:?}",
        list.parents,
        list.filters
            .iter()
            .filter(|(at, _)| {
                // A moment such as `now` moves from page to page.
                list.listing.filters[*at].kind != FilterKind::Time
            })
            .collect::<Vec<_>>()
    ));
    BASE64.encode(&digest.finalize()[..12])
}
