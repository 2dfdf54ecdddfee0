//! The parameters `order`, `cursor` and `limit` of lists.

use super::page_limit;
use crate::{
    http::error::ApiError,
    store::slices::{CREATED, Slice},
};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

/// The part of a list that is asked for, of one that can be ordered by these and by its rows' creation.
///
/// # Errors
/// When the list declares no such order, when the cursor is none of that order, or when the limit is too high or 0.
pub(super) fn slice(
    declared: &[&'static str],
    order: Option<&str>,
    cursor: Option<&str>,
    limit: Option<u32>,
) -> Result<Slice, ApiError> {
    let limit = page_limit(limit)?;
    let order = order.unwrap_or("-created");
    let by = order.strip_prefix('-').unwrap_or(order);
    let Some(known) = [CREATED].iter().chain(declared).find(|known| **known == by) else {
        let known: Vec<&str> = [CREATED].iter().chain(declared).copied().collect();
        let detail =
            format!("expected {}, with `-` before it for the highest first, found {order:?}", known.join(", "));
        return Err(ApiError::field("order", detail));
    };
    let slice = Slice::ordered(known, order.starts_with('-'), limit);
    let Some(cursor) = cursor else { return Ok(slice) };
    slice.behind(cursor).ok_or_else(|| {
        ApiError::field("cursor", format!("expected `next_cursor` of a page in the order {order}, found {cursor:?}"))
    })
}

/// What `order` may be, for the OpenAPI document.
pub(super) fn orders(declared: &[&str]) -> RefOr<Schema> {
    let both = |by: &&str| [(*by).to_owned(), format!("-{by}")];
    let values: Vec<String> = [CREATED].iter().chain(declared).flat_map(both).collect();
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values)).default(Some("-created".into())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_declared_orders_their_own_cursors_and_limits_are_taken() {
        let field = |order, cursor, limit| slice(&["name"], order, cursor, limit).err().and_then(|e| e.wrong_field());
        let id = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77";
        let (of_name, of_age) = (format!("name~a~{id}"), format!("created~~{id}"));
        for fine in
            [(None, None), (Some("created"), Some(&*of_age)), (Some("-name"), None), (Some("name"), Some(&*of_name))]
        {
            assert_eq!(field(fine.0, fine.1, Some(1)), None, "{fine:?}");
        }
        for order in ["", "-", "owner", "--name", "name,created", "Name"] {
            assert_eq!(field(Some(order), None, None).as_deref(), Some("order"), "{order:?}");
        }
        for (order, cursor) in
            [(None, "x"), (None, &*of_name), (Some("-name"), &*of_name), (Some("name"), id), (Some("created"), id)]
        {
            assert_eq!(field(order, Some(cursor), None).as_deref(), Some("cursor"), "{cursor:?}");
        }
        assert_eq!(field(None, None, Some(0)).as_deref(), Some("limit"));
    }
}
