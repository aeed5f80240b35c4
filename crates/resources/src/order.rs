//! Manual order: where in its list a thing goes when somebody drags it there.
//!
//! A list is the rows of a table with the same scope, in the order of (rank, gid). Putting a thing somewhere takes a rank
//! between its new neighbours and writes nothing but the thing's own row, which the caller does. Only when the neighbours
//! leave no room are the rows around the gap spread anew.

use engine::body::Given;
use engine::call::Call;
use engine::error::{Error, Result};
use model::rank::{self, RankError};
use store::{Block, Type, Value};

/// A list in manual order. Its column of ranks is `rank`.
#[derive(Clone, Copy, Debug)]
pub struct Ordered {
    /// The table: `sections`.
    pub table: &'static str,
    /// The column that says which list a row is in: `project_id`.
    pub scope_column: &'static str,
    /// Its value for this list. The list is locked under this number while something goes next to something.
    pub scope: i64,
    /// The column that holds the gid of the thing in the row: `gid`, `task_id`.
    pub key_column: &'static str,
}

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before everything else.
    First,
    /// After everything else.
    Last,
    /// Right before this one.
    Before(i64),
    /// Right after this one.
    After(i64),
}

/// Rows that are spread anew together, at first; twice as many each time that it is not enough.
const NEIGHBOURHOOD: i64 = 32;

/// A rank for `moving` at this place. The caller writes it, into a row that may be in the list already or not.
///
/// Who goes to an end of the list waits for nobody: two at once may take the same rank, and the gid tells which of them
/// comes first. Whoever goes between such two spreads them. A place next to something takes the list's lock.
///
/// # Errors
///
/// 400 when the place names something that is not in the list. [`place_asked`] refuses it with the property's name.
pub fn place(call: &mut Call<'_>, ordered: &Ordered, moving: i64, place: Place) -> Result<String> {
    if let Place::Before(anchor) | Place::After(anchor) = place {
        call.lock(ordered.scope)?;
        if anchor == moving {
            // Next to itself is where it is.
            return rank_of(call, ordered, moving)?.ok_or_else(|| not_in_list("insert", moving));
        }
    }
    let gap = Gap::find(call, ordered, moving, place)?;
    if let Ok(rank) = gap.rank() {
        return Ok(rank);
    }
    // The end of the list, too, is spread under its lock, and may be another one by now.
    call.lock(ordered.scope)?;
    let gap = Gap::find(call, ordered, moving, place)?;
    gap.rank().or_else(|_| gap.widen(call, ordered, moving))
}

/// Holds a list while something goes to one of its ends, together with others who do the same; alone when a property of
/// the body names a neighbour.
pub fn hold(call: &mut Call<'_>, ordered: &Ordered, before: &str, after: &str) -> Result<()> {
    match call.body.gid(before).or(call.body.gid(after)) {
        Some(_) => call.lock(ordered.scope),
        None => call.share(ordered.scope),
    }
}

/// The place that two properties of the body ask for: `insert_before` and `insert_after`. `null` before is the end of the
/// list, `null` after its beginning. `None` when neither is there.
///
/// # Errors
///
/// 400 when both are there, and when the one that is there names something outside the list.
pub fn place_asked(call: &mut Call<'_>, ordered: &Ordered, before: &str, after: &str) -> Result<Option<Place>> {
    let place = match (call.body.get(before), call.body.get(after)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Error::bad(format!("You may only provide one of {before} or {after}!")));
        }
        (Some(Given::Gid(anchor)), None) => Place::Before(*anchor),
        (Some(_), None) => Place::Last,
        (None, Some(Given::Gid(anchor))) => Place::After(*anchor),
        (None, Some(_)) => Place::First,
    };
    if let Place::Before(anchor) | Place::After(anchor) = place {
        call.lock(ordered.scope)?;
        if rank_of(call, ordered, anchor)?.is_none() {
            let property = match place {
                Place::Before(_) => before,
                _ => after,
            };
            return Err(not_in_list(property, anchor));
        }
    }
    Ok(Some(place))
}

fn not_in_list(property: &str, gid: i64) -> Error {
    Error::field(property, format_args!("Not in the same list: {gid}"))
}

fn rank_of(call: &mut Call<'_>, ordered: &Ordered, gid: i64) -> Result<Option<String>> {
    let Ordered { table, scope_column, key_column, .. } = ordered;
    call.text(
        &format!("SELECT rank FROM {table} WHERE {scope_column} = ?1 AND {key_column} = ?2"),
        &[ordered.scope.into(), gid.into()],
    )
}

/// A row of a list.
#[derive(Clone, Debug)]
struct Row {
    rank: String,
    gid: i64,
}

fn rows(block: &Block) -> Vec<Row> {
    (0..block.len())
        .map(|row| Row {
            rank: block.text(row, 0).unwrap_or_default().to_owned(),
            gid: block.int(row, 1).unwrap_or_default(),
        })
        .collect()
}

/// Which way to look in a list.
#[derive(Clone, Copy)]
enum Towards {
    Start,
    End,
}

/// The rows next to `from` in one direction, the nearest first; without `from`, those at the far end. Never `moving`.
fn next_rows(
    call: &mut Call<'_>,
    ordered: &Ordered,
    moving: i64,
    from: Option<&Row>,
    towards: Towards,
    most: i64,
) -> Result<Vec<Row>> {
    let Ordered { table, scope_column, key_column: key, scope } = ordered;
    let (compare, direction) = match towards {
        Towards::Start => ("<", "DESC"),
        Towards::End => (">", "ASC"),
    };
    let mut parameters: Vec<Value> = vec![(*scope).into(), moving.into(), most.into()];
    let mut beyond = String::new();
    if let Some(from) = from {
        beyond = format!(" AND (rank, {key}) {compare} (?4, ?5)");
        parameters.extend([from.rank.as_str().into(), from.gid.into()]);
    }
    let block = call.query(
        &format!(
            "SELECT rank, {key} FROM {table} WHERE {scope_column} = ?1 AND {key} <> ?2{beyond} \
             ORDER BY rank {direction}, {key} {direction} LIMIT ?3"
        ),
        &[Type::Text, Type::Int],
        &parameters,
    )?;
    Ok(rows(&block))
}

/// Where something goes: between these two.
#[derive(Debug)]
struct Gap {
    low: Option<Row>,
    high: Option<Row>,
}

impl Gap {
    fn find(call: &mut Call<'_>, ordered: &Ordered, moving: i64, place: Place) -> Result<Gap> {
        let mut next = |from: Option<&Row>, towards| -> Result<Option<Row>> {
            Ok(next_rows(call, ordered, moving, from, towards, 1)?.pop())
        };
        Ok(match place {
            Place::First => Gap { low: None, high: next(None, Towards::End)? },
            Place::Last => Gap { low: next(None, Towards::Start)?, high: None },
            Place::Before(gid) | Place::After(gid) => {
                let rank = rank_of(call, ordered, gid)?.ok_or_else(|| not_in_list("insert", gid))?;
                let anchor = Row { rank, gid };
                let mut next = |towards| -> Result<Option<Row>> {
                    Ok(next_rows(call, ordered, moving, Some(&anchor), towards, 1)?.pop())
                };
                match place {
                    Place::Before(_) => Gap { low: next(Towards::Start)?, high: Some(anchor) },
                    _ => Gap { high: next(Towards::End)?, low: Some(anchor) },
                }
            }
        })
    }

    /// A rank in it, if there is room.
    fn rank(&self) -> std::result::Result<String, RankError> {
        let rank = |row: &Option<Row>| row.as_ref().map(|row| row.rank.clone());
        rank::between(rank(&self.low).as_deref(), rank(&self.high).as_deref())
    }

    /// Spreads the rows around the gap anew, with room for one more in it, and answers that one's rank.
    fn widen(&self, call: &mut Call<'_>, ordered: &Ordered, moving: i64) -> Result<String> {
        let mut around = NEIGHBOURHOOD;
        loop {
            let mut near = |row: &Option<Row>, towards| -> Result<Vec<Row>> {
                let Some(row) = row else {
                    return Ok(Vec::new());
                };
                let further = next_rows(call, ordered, moving, Some(row), towards, around / 2)?;
                Ok(std::iter::once(row.clone()).chain(further).collect())
            };
            let mut below = near(&self.low, Towards::Start)?;
            let mut above = near(&self.high, Towards::End)?;
            // One row more than half: it stays where it is and bounds the rest.
            let bound = |side: &mut Vec<Row>| match side.len() as i64 > around / 2 {
                true => side.pop(),
                false => None,
            };
            let (lowest, highest) = (bound(&mut below), bound(&mut above));
            below.reverse();
            let spread = rank::spread_between(
                lowest.as_ref().map(|row| row.rank.as_str()),
                highest.as_ref().map(|row| row.rank.as_str()),
                below.len() + 1 + above.len(),
            );
            let Some(mut ranks) = spread else {
                around *= 2;
                continue;
            };
            let own = ranks.remove(below.len());
            for (row, rank) in below.iter().chain(&above).zip(ranks) {
                let Ordered { table, scope_column, key_column, scope } = ordered;
                call.execute(
                    &format!("UPDATE {table} SET rank = ?3 WHERE {scope_column} = ?1 AND {key_column} = ?2"),
                    &[(*scope).into(), row.gid.into(), rank.into()],
                )?;
            }
            return Ok(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::call::Call;
    use engine::error::Result;
    use model::Random;
    use testkit::both;

    use super::{Ordered, Place, place};
    use crate::world::{Small, small};

    /// A list that nothing else looks at.
    const LIST: Ordered = Ordered { table: "sections", scope_column: "project_id", scope: 1, key_column: "gid" };

    fn add(call: &mut Call<'_>, gid: i64, rank: &str) -> Result<()> {
        let columns = [
            ("gid", gid.into()),
            ("workspace_id", 1.into()),
            ("project_id", 1.into()),
            ("name", "".into()),
            ("rank", rank.into()),
            ("created_at", 0.into()),
        ];
        call.insert("sections", &columns);
        Ok(())
    }

    fn move_to(call: &mut Call<'_>, moving: i64, at: Place) -> Result<()> {
        let rank = place(call, &LIST, moving, at)?;
        call.update("sections", moving, &[("rank", rank.into())])
    }

    fn list(call: &mut Call<'_>) -> Result<Vec<i64>> {
        call.numbers("SELECT gid FROM sections WHERE project_id = 1 ORDER BY rank, gid", &[])
    }

    /// The same move in memory.
    fn move_in(list: &mut Vec<i64>, moving: i64, at: Place) {
        if matches!(at, Place::Before(anchor) | Place::After(anchor) if anchor == moving) {
            return;
        }
        list.retain(|gid| *gid != moving);
        let position = |anchor: i64| list.iter().position(|gid| *gid == anchor).expect("it is in the list");
        let to = match at {
            Place::First => 0,
            Place::Last => list.len(),
            Place::Before(anchor) => position(anchor),
            Place::After(anchor) => position(anchor) + 1,
        };
        list.insert(to, moving);
    }

    both!(any_moves_give_what_was_shown, small, |small: Small| async move {
        let shown = |call: &mut Call<'_>| {
            let random = Random::seeded(7);
            let pick = |most: usize| (random.number() % most as u64) as usize;
            let mut expected: Vec<i64> = Vec::new();
            // Half of them share a rank to begin with.
            for gid in 1..=60 {
                let rank = if gid % 2 == 0 { "a5".to_owned() } else { place(call, &LIST, gid, Place::Last)? };
                add(call, gid, &rank)?;
            }
            expected.extend(list(call)?);
            for step in 0..400 {
                let moving = expected[pick(expected.len())];
                // Mostly into the same few gaps, so that they are used up.
                let anchor = expected[pick(if step % 3 == 0 { expected.len() } else { 3 })];
                let at = match pick(8) {
                    0 => Place::First,
                    1 => Place::Last,
                    2..5 => Place::Before(anchor),
                    _ => Place::After(anchor),
                };
                move_to(call, moving, at)?;
                move_in(&mut expected, moving, at);
                assert_eq!(list(call)?, expected, "step {step}: {moving} {at:?}");
            }
            Ok(())
        };
        small.world.write(shown).await;
    });

    both!(a_gap_that_is_used_up_is_widened, small, |small: Small| async move {
        let filled = |call: &mut Call<'_>| {
            let mut expected = vec![1, 2];
            add(call, 1, "a0")?;
            add(call, 2, "a1")?;
            for gid in 3..=400 {
                let rank = place(call, &LIST, gid, Place::After(1))?;
                assert!(rank.len() <= model::rank::MAX_LEN);
                add(call, gid, &rank)?;
                expected.insert(1, gid);
            }
            assert_eq!(list(call)?, expected);
            Ok(())
        };
        small.world.write(filled).await;
    });
}
