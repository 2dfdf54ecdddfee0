//! The OpenAPI document and the page to browse it.

use crate::{http::problem::PROBLEM_JSON, server::AppState};
use axum::{Json, Router, routing::get};
use hrm_types::problem::Problem;
use utoipa::{
    OpenApi, ToSchema,
    openapi::{self, ContentBuilder, Ref, ResponseBuilder},
};
use utoipa_swagger_ui::{Config, SwaggerUi};

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
            the offending `field` where there is one, and the `request_id` that the server's log bears too.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "solve", description = "Solve a puzzle with a trained model"),
        (name = "models", description = "Stored checkpoints"),
        (name = "datasets", description = "Stored puzzles"),
        (name = "runs", description = "Training as a queued job"),
        (name = "scores", description = "Scores of models on datasets"),
        (name = "system", description = "The server and its workers")
    ),
    components(schemas(Problem))
)]
struct Preamble;

/// The document before any operation is added.
pub fn preamble() -> openapi::OpenApi {
    Preamble::openapi()
}

/// Serves the document and the page.
pub fn router(document: openapi::OpenApi) -> Router<AppState> {
    let document = Json(complete(document));
    Router::from(SwaggerUi::new("/api/docs").config(Config::from(DOCUMENT)))
        .route(DOCUMENT, get(async move || document.clone()))
}

/// The document with the answer that every operation may give: a problem.
pub fn complete(mut document: openapi::OpenApi) -> openapi::OpenApi {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let refusal =
        ResponseBuilder::new().description("Anything that is refused or fails").content(PROBLEM_JSON, content).build();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.insert("default".into(), refusal.clone().into());
        }
    }
    document
}
