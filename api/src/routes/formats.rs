//! Formats of numbers under the names that the OpenAPI Initiative's registry has for them: `uint32`, where the schemas are
//! derived as `u-int32`, which nobody else knows.

use utoipa::openapi::{
    Content, KnownFormat, OpenApi, RefOr, Schema, SchemaFormat,
    schema::{AdditionalProperties, ArrayItems},
};

/// Renames them in the whole document.
pub(super) fn register(document: &mut OpenApi) {
    for schema in document.components.iter_mut().flat_map(|components| components.schemas.values_mut()) {
        rename(schema);
    }
    for operation in super::docs::operations(document) {
        for parameter in operation.parameters.iter_mut().flatten().filter_map(here) {
            parameter.schema.iter_mut().for_each(rename);
        }
        for body in operation.request_body.iter_mut().filter_map(here) {
            rename_content(body.content.values_mut());
        }
        for response in operation.responses.responses.values_mut().filter_map(here) {
            rename_content(response.content.values_mut());
            for header in response.headers.values_mut().filter_map(here) {
                header.schema.iter_mut().for_each(rename);
            }
        }
    }
}

/// What is not somewhere else, where it is renamed on its own.
fn here<T>(it: &mut RefOr<T>) -> Option<&mut T> {
    match it {
        RefOr::T(it) => Some(it),
        RefOr::Ref(_) => None,
    }
}

fn rename_content<'a>(content: impl Iterator<Item = &'a mut RefOr<Content>>) {
    content.filter_map(here).for_each(|content| content.schema.iter_mut().for_each(rename));
}

fn rename(schema: &mut RefOr<Schema>) {
    if let RefOr::T(schema) = schema {
        rename_within(schema);
    }
}

fn rename_within(schema: &mut Schema) {
    match schema {
        Schema::Object(object) => {
            if let Some(SchemaFormat::KnownFormat(known)) = &object.format
                && let Some(registered) = registered(known)
            {
                object.format = Some(SchemaFormat::Custom(registered.into()));
            }
            object.properties.values_mut().for_each(rename);
            if let Some(AdditionalProperties::RefOr(schema)) = object.additional_properties.as_deref_mut() {
                rename(schema);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                rename(items);
            }
            array.prefix_items.iter_mut().for_each(rename_within);
        }
        Schema::OneOf(one_of) => one_of.items.iter_mut().for_each(rename),
        Schema::AllOf(all_of) => all_of.items.iter_mut().for_each(rename),
        Schema::AnyOf(any_of) => any_of.items.iter_mut().for_each(rename),
        // Whatever comes to be derived otherwise keeps its name, which a test finds.
        _ => {}
    }
}

fn registered(format: &KnownFormat) -> Option<&'static str> {
    match format {
        KnownFormat::UInt8 => Some("uint8"),
        KnownFormat::UInt16 => Some("uint16"),
        KnownFormat::UInt32 => Some("uint32"),
        KnownFormat::UInt64 => Some("uint64"),
        _ => None,
    }
}
