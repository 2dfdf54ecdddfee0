//! The OpenAPI document and the page to browse it.

use super::{batches::ResultsFormat, formats, links};
use crate::{
    http::{
        gate::{SESSION_COOKIE, TEAM},
        problem::PROBLEM_JSON,
    },
    server::AppState,
};
use axum::{Json, Router, routing::get};
use hrm_types::{dataset::Split, problem::Problem};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        self, ContentBuilder, ObjectBuilder, Ref, RefOr, Required, ResponseBuilder, Schema, Type,
        extensions::ExtensionsBuilder,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The header that lets a creation be sent again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Address of the document.
const DOCUMENT: &str = "/api/openapi.json";

/// What the document says before any operation.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "HRM Lab",
        description = "Train, evaluate and use hierarchical reasoning models (HRM).\n\n\
            Lists are pages: pass `next_cursor` of one as `cursor` to get the next. \
            Every refusal is `application/problem+json` (RFC 9457) with a `type` to test for, a `detail` to read, \
            the offending `field` where there is one, and the `request_id` that the server's log bears too.\n\n\
            Where there are accounts, send a token that has the operation's scope: `authorization: Bearer hrm_…`.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "solve", description = "Solve a puzzle with a trained model"),
        (name = "models", description = "Stored checkpoints"),
        (name = "datasets", description = "Stored puzzles"),
        (name = "runs", description = "Training as a queued job"),
        (name = "jobs", description = "The queue, with everything workers do"),
        (name = "scores", description = "Scores of models on datasets"),
        (name = "accounts", description = "Users, teams, tokens"),
        (name = "system", description = "The server and its workers")
    ),
    components(schemas(Problem, ResultsFormat, Split))
)]
struct Preamble;

/// The document before any operation is added.
pub fn preamble() -> openapi::OpenApi {
    Preamble::openapi()
}

/// Serves the document and the page.
pub fn router(document: openapi::OpenApi) -> Router<AppState> {
    let document = Json(document);
    // By default the page would send the document to a validator on the internet.
    let config = Config::from(DOCUMENT).validator_url("none");
    Router::from(SwaggerUi::new("/api/docs").config(config)).route(DOCUMENT, get(async move || document.clone()))
}

/// The document with everything that holds for many operations: who may call them and how, how they refuse, the header
/// that makes a creation safe to repeat; and with the variants of tagged enums as objects of their own.
pub fn complete(mut document: openapi::OpenApi) -> openapi::OpenApi {
    merge_tagged_variants(&mut document);
    describe_callers(&mut document);
    add_commands(&mut document);
    for item in document.paths.paths.values_mut() {
        item.post.iter_mut().for_each(describe_key);
    }
    operations(&mut document).for_each(describe_team);
    describe_refusals(&mut document);
    links::add(&mut document);
    formats::register(&mut document);
    document
}

/// The header that names the team for which a caller asks.
fn describe_team(operation: &mut Operation) {
    if operation.security.as_ref().and_then(|known| scope(known)).is_none() {
        return;
    }
    let team = ParameterBuilder::new()
        .name(TEAM.as_str())
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "A team of the caller's, whose is what is made, and whose things names mean before all others; else the one \
             joined first",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    operation.parameters.get_or_insert_default().push(team.into());
}

/// The header that lets a creation be sent again.
fn describe_key(operation: &mut Operation) {
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(128));
    let key = ParameterBuilder::new()
        .name(IDEMPOTENCY_KEY)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Of the client's making: sent again with the same key and body, the request is carried out once",
        ))
        .schema(Some(schema.pattern(Some("^[!-~]+$"))))
        .build();
    operation.parameters.get_or_insert_default().push(key.into());
}

/// What an operation answers, beside what it says itself, when it is asked wrongly or the server cannot.
fn refusals(operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let any = |fits: &dyn Fn(&Parameter) -> bool| {
        operation.parameters.iter().flatten().any(|parameter| match parameter {
            RefOr::T(parameter) => fits(parameter),
            RefOr::Ref(_) => false,
        })
    };
    let takes = |place: ParameterIn| any(&|parameter| parameter.parameter_in == place);
    let body = match &operation.request_body {
        Some(RefOr::T(body)) => Some(body.content.contains_key("application/json")),
        _ => None,
    };
    let mut refusals = vec![
        ("500", "A mistake of the server"),
        ("503", "The server has no room, or its database is away; `Retry-After` says when to come back"),
        ("504", "It took too long"),
    ];
    if operation.security.as_ref().and_then(|known| scope(known)).is_some() {
        refusals.extend([
            ("401", "Where there are accounts: nobody is signed in"),
            ("403", "The caller may not do that"),
            ("429", "The caller has asked too often; `Retry-After` says when to come back"),
        ]);
    }
    if takes(ParameterIn::Path) {
        refusals.push(("404", "There is no such thing, or it is not the caller's to see"));
    }
    if takes(ParameterIn::Query) || takes(ParameterIn::Header) {
        refusals.push(("422", "A parameter is wrong"));
    }
    if any(&|parameter| parameter.name == IDEMPOTENCY_KEY) {
        refusals.push((
            "409",
            "A request with this key is being worked on, or was carried out and its answer is given once",
        ));
    }
    if body == Some(true) {
        refusals.push(("400", "The body is no JSON"));
        refusals.push(("415", "The body is not declared as JSON"));
    }
    if body.is_some() {
        refusals.push(("413", "The body is too large"));
        refusals.push(("422", "A field is wrong"));
    }
    refusals
}

/// How callers are known; whoever may call with a token may with a browser's session, and is refused alike.
fn describe_callers(document: &mut openapi::OpenApi) {
    let components = document.components.get_or_insert_default();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token: `hrm_…`")).build();
    components.add_security_scheme("token", SecurityScheme::Http(token));
    let session = ApiKeyValue::with_description(SESSION_COOKIE, "A browser that is signed in at /login");
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    for operation in operations(document) {
        let Some(token) = operation.security.as_ref().and_then(|known| scope(known)) else { continue };
        operation.security = Some(["token", "session"].map(|by| SecurityRequirement::new(by, [&token])).into());
    }
}

/// A command to copy for every operation, where documentation pages look for one.
fn add_commands(document: &mut openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            ("GET", &mut item.get),
            ("POST", &mut item.post),
            ("PUT", &mut item.put),
            ("PATCH", &mut item.patch),
            ("DELETE", &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let sample = json!([{"lang": "Shell", "label": "curl", "source": command(method, path, operation)}]);
            let extensions = operation.extensions.get_or_insert_default();
            extensions.merge(ExtensionsBuilder::new().add("x-codeSamples", sample).build());
        }
    }
}

/// The command that calls an operation, with the first example of its body.
fn command(method: &str, path: &str, operation: &Operation) -> String {
    // A path's parameter and a query's are variables of the shell.
    let variable = |name: &str| format!("${}", name.to_uppercase());
    let parameters = || {
        operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        })
    };
    let path = parameters().fold(path.to_owned(), |path, parameter| {
        path.replace(&format!("{{{}}}", parameter.name), &variable(&parameter.name))
    });
    let needed = parameters().filter(|parameter| {
        parameter.required == openapi::Required::True && parameter.parameter_in == ParameterIn::Query
    });
    let needed: Vec<String> =
        needed.map(|parameter| format!("{}={}", parameter.name, variable(&parameter.name))).collect();
    let query = if needed.is_empty() { String::new() } else { format!("?{}", needed.join("&")) };
    let mut command = format!("curl -sS \"$HRM{path}{query}\"");
    if method != "GET" {
        command.extend([" -X ", method]);
    }
    if operation.security.as_ref().and_then(|known| scope(known)).is_some() {
        command += " -H \"authorization: Bearer $TOKEN\"";
    }
    let body = match &operation.request_body {
        Some(RefOr::T(body)) => body.content.iter().next(),
        _ => None,
    };
    if let Some((kind, RefOr::T(content))) = body {
        let named = content.examples.values().find_map(|example| match example {
            RefOr::T(example) => example.value.clone(),
            RefOr::Ref(_) => None,
        });
        let example = content.example.clone().or(named);
        let data = example.map_or_else(|| " --data-binary @FILE".into(), |example| format!(" -d '{example}'"));
        command.extend([" -H 'content-type: ", kind, "'", &data]);
    }
    command
}

/// The scope that a token needs.
fn scope(requirements: &[SecurityRequirement]) -> Option<String> {
    // Its fields are no one else's to read.
    let first = serde_json::to_value(requirements.first()?).ok()?;
    Some(first.get("token")?.get(0)?.as_str()?.to_owned())
}

pub(super) fn operations(document: &mut openapi::OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|item| {
        [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
    })
}

fn describe_refusals(document: &mut openapi::OpenApi) {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    for operation in operations(document) {
        let refusals = refusals(operation);
        let responses = &mut operation.responses.responses;
        for (status, description) in refusals {
            let described = ResponseBuilder::new().description(description).build();
            responses.entry(status.into()).or_insert_with(|| described.into());
        }
        for (status, response) in responses.iter_mut() {
            match response {
                RefOr::T(response) if status.starts_with(['4', '5']) => {
                    response.content.insert(PROBLEM_JSON.into(), problem.clone().into());
                }
                _ => {}
            }
        }
    }
}

/// A variant that holds a struct is derived as `allOf` the struct's schema and the tag. When the struct takes no
/// unknown fields, the tag is one, and nothing would be valid.
fn merge_tagged_variants(document: &mut openapi::OpenApi) {
    let Some(components) = &mut document.components else { return };
    let known = components.schemas.clone();
    let alternatives = components.schemas.values_mut().filter_map(|schema| match schema {
        RefOr::T(Schema::OneOf(one_of)) => Some(&mut one_of.items),
        _ => None,
    });
    for variant in alternatives.flatten() {
        if let Some(merged) = merged_variant(variant, &known) {
            *variant = merged.into();
        }
    }
}

/// The struct's object with the tag added, if `variant` is of that shape.
fn merged_variant(variant: &RefOr<Schema>, known: &BTreeMap<String, RefOr<Schema>>) -> Option<Schema> {
    let RefOr::T(Schema::AllOf(all_of)) = variant else { return None };
    let [RefOr::Ref(inner), RefOr::T(Schema::Object(tag))] = all_of.items.as_slice() else { return None };
    let RefOr::T(Schema::Object(inner)) = known.get(inner.ref_location.rsplit('/').next()?)? else { return None };
    let mut merged = inner.clone();
    merged.properties.extend(tag.properties.clone());
    merged.required.extend(tag.required.clone());
    merged.description.clone_from(&all_of.description);
    Some(Schema::Object(merged))
}

#[cfg(test)]
mod tests {
    use crate::server::openapi;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_has_an_id_of_its_own_a_group_and_a_described_outcome() {
        let document = serde_json::to_value(openapi()).expect("the document is JSON");
        assert_eq!(document["openapi"], "3.1.0");
        let tags: BTreeSet<&str> =
            document["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str()).collect();
        let mut ids = BTreeSet::new();
        let paths = document["paths"].as_object().expect("there are paths");
        for (path, operation) in paths.iter().flat_map(|(path, item)| {
            item.as_object()
                .into_iter()
                .flatten()
                .map(move |(method, operation)| (format!("{method} {path}"), operation))
        }) {
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{path} has no id"));
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            assert!(operation["summary"].is_string(), "{path} has no summary");
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            assert!(tags.contains(tag), "{path} has the unknown tag {tag:?}");
            let security = operation["security"].as_array().unwrap_or_else(|| panic!("{path} declares no scope"));
            assert!(
                *security == [json!({})] || security.iter().any(|one| one["token"][0].is_string()),
                "{path}: {security:?}"
            );
            let command = operation["x-codeSamples"][0]["source"].as_str().unwrap_or_default();
            assert!(
                command.starts_with("curl ") && !command.contains('{') || command.contains(" -d '"),
                "{path}: {command}"
            );
            let responses = operation["responses"].as_object().expect("responses are an object");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{path} never succeeds");
            for (status, response) in responses.iter().filter(|(status, _)| !status.starts_with(['2', '3'])) {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, &Value::from("#/components/schemas/Problem"), "{path} {status}");
            }
        }
        assert!(ids.contains("solve_puzzle"));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = serde_json::to_value(openapi()).expect("the document is JSON");
        let text = document.to_string();
        let references: BTreeSet<&str> =
            text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 20, "{references:?}");
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn every_format_is_registered_and_says_what_is_taken() {
        let document = serde_json::to_value(openapi()).expect("the document is JSON");
        let text = document.to_string();
        let formats: BTreeSet<&str> =
            text.split("\"format\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let registered = [
            "binary",
            "date-time",
            "double",
            "float",
            "int16",
            "int32",
            "int64",
            "uint16",
            "uint32",
            "uint64",
            "uint8",
            "uuid",
        ];
        assert!(formats.contains("uint32") && formats.is_subset(&registered.into()), "{formats:?}");
        let n = &document["components"]["schemas"]["Evaluation"]["properties"]["n"];
        assert_eq!((&n["format"], &n["minimum"]), (&json!("uint32"), &json!(0)), "{n}");
    }

    #[test]
    fn a_tagged_variant_is_one_object_with_its_tag() {
        let document = serde_json::to_value(openapi()).expect("the document is JSON");
        let variants = document["components"]["schemas"]["DataSpec"]["oneOf"].as_array().expect("the variants");
        let tags: Vec<&Value> = variants.iter().map(|variant| &variant["properties"]["source"]["enum"][0]).collect();
        assert_eq!(tags, ["generate", "csv", "arc", "folder", "stored"]);
        let required = variants[0]["required"].as_array().expect("required fields");
        assert!(
            ["source", "side", "train"].iter().all(|field| required.contains(&Value::from(*field))),
            "{required:?}"
        );
    }
}
