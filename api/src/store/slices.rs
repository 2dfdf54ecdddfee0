//! Which part of a list is asked for: its order, the row before it, its length.
//!
//! Every list that declares orders selects, for each of its rows, the key of the order that is asked for: a text whose bytes are
//! in the same order, empty where the row has nothing to be ordered by. Of equal keys the one made first comes first, or last
//! where the order descends. A part begins behind a key and an id and not behind a row, so that it begins in the same place
//! whatever has happened to the row that bore them. Ordered by creation all keys are empty, and the primary key is an
//! index for that.

use hrm_types::Page;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The order that every list declares.
pub const CREATED: &str = "created";

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    pub(super) by: &'static str,
    pub(super) descending: bool,
    pub(super) after: Option<Keyed>,
    limit: u32,
}

/// A row's place in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyed {
    pub(super) id: Uuid,
    pub(super) key: String,
}

impl Slice {
    /// The newest rows.
    pub fn newest(limit: u32) -> Self {
        Self { by: CREATED, descending: true, after: None, limit }
    }

    /// Rows in the order of this name, the highest first if it descends.
    pub fn ordered(by: &'static str, descending: bool, limit: u32) -> Self {
        Self { by, descending, after: None, limit }
    }

    /// The same behind the row that a page's `next_cursor` names; none if it is no cursor of this order.
    pub fn behind(self, cursor: &str) -> Option<Self> {
        let (key, id) = if self.is_plain() {
            ("", cursor)
        } else {
            cursor.strip_prefix(&self.name())?.strip_prefix('~')?.rsplit_once('~')?
        };
        let after = Some(Keyed { id: id.parse().ok()?, key: key.to_owned() });
        Some(Self { after, ..self })
    }

    /// The order as it is asked for.
    fn name(&self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.by)
    }

    /// Whether a row's id alone is its cursor: in the order that lists have when none is asked for.
    fn is_plain(&self) -> bool {
        self.by == CREATED && self.descending
    }

    fn cursor(&self, last: &Keyed) -> String {
        if self.is_plain() { last.id.to_string() } else { format!("{}~{}~{}", self.name(), last.key, last.id) }
    }

    pub(super) fn id(&self) -> Option<Uuid> {
        self.after.as_ref().map(|after| after.id)
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.after.as_ref().map(|after| after.key.as_str())
    }

    /// Rows to select: one more than the limit, which only tells that there is a next page.
    pub(super) fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The ids of a page, and where the next one begins, of the selected places.
    pub(super) fn cut(&self, mut places: Vec<Keyed>) -> (Vec<Uuid>, Option<String>) {
        let more = places.len() > self.limit as usize;
        places.truncate(self.limit as usize);
        let next = places.last().filter(|_| more).map(|last| self.cursor(last));
        (places.into_iter().map(|place| place.id).collect(), next)
    }

    /// The same with the rows themselves.
    pub(super) fn page<T>(&self, rows: Vec<(Keyed, T)>) -> Page<T> {
        let (places, mut items): (Vec<Keyed>, Vec<T>) = rows.into_iter().unzip();
        let (ids, next_cursor) = self.cut(places);
        items.truncate(ids.len());
        Page { items, next_cursor }
    }
}

/// Items in the order of these ids. What was deleted since the ids were selected is missing.
pub(super) fn arranged<T>(ids: &[Uuid], items: Vec<T>, id: impl Fn(&T) -> Uuid) -> Vec<T> {
    let mut found: BTreeMap<Uuid, T> = items.into_iter().map(|item| (id(&item), item)).collect();
    ids.iter().filter_map(|id| found.remove(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_behind_its_row_and_belongs_to_its_order() {
        let row = Keyed { id: Uuid::now_v7(), key: "a~name ~ with ~".into() };
        let slice = Slice::ordered("name", true, 1);
        let (ids, next) = slice.cut(vec![row.clone(), row.clone()]);
        assert_eq!(ids, [row.id]);
        let next = next.expect("there is another");
        assert_eq!(slice.clone().behind(&next).expect("a cursor").after, Some(row.clone()));
        for other in [Slice::ordered("name", false, 1), Slice::ordered("owner", true, 1), Slice::newest(1)] {
            assert_eq!(other.clone().behind(&next), None, "{other:?}");
        }
        assert_eq!(slice.behind(&row.id.to_string()), None);
        let (_, next) = Slice::newest(1).cut(vec![Keyed { key: String::new(), ..row.clone() }, row.clone()]);
        assert_eq!(next, Some(row.id.to_string()), "what it always was");
        let oldest = Slice::ordered(CREATED, false, 1);
        assert_eq!(oldest.clone().behind(&row.id.to_string()), None, "a cursor of the other direction");
        let (_, next) = oldest.cut(vec![Keyed { key: String::new(), ..row.clone() }, row.clone()]);
        let next = next.expect("there is another");
        assert_eq!(oldest.behind(&next).and_then(|slice| slice.id()), Some(row.id));
        assert_eq!(Slice::newest(2).cut(vec![row.clone(), row]).1, None, "there is no other");
    }
}
