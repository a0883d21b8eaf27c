//! The OpenAPI document, made from the handlers themselves.

use axum::Json;
use axum::extract::State;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, Server};

use super::{
    events, failure, log, metric, plan, problem, request, run, scenario, threshold, timeline, worker,
};
use crate::web::Web;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Katydid",
        description = "Load tests: start, change and stop runs, read their results. Times are in milliseconds, rates per second.",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(
        run::show, run::start, run::edit, run::stop, run::reset, events::events, plan::show,
        request::list, failure::list, failure::exceptions, failure::checks, metric::list, threshold::list, timeline::show,
        worker::list, log::list,
        scenario::show, scenario::save, scenario::check,
    ),
    components(schemas(problem::Problem)),
    tags(
        (name = "run", description = "The run under way, or else the last one"),
        (name = "results", description = "What was measured"),
        (name = "scenario", description = "What users do"),
    )
)]
struct Api;

/// `GET /openapi.json`.
pub(super) async fn document(State(web): State<Web>) -> Json<Document> {
    Json(made(web.base(), web.settings().access.is_some()))
}

fn made(base: &str, needs_token: bool) -> Document {
    let mut document = Api::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.servers = Some(vec![Server::new(format!("{base}/api/v1"))]);
    if needs_token {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        if let Some(components) = &mut document.components {
            components.add_security_scheme("token", SecurityScheme::Http(scheme));
        }
        document.security = Some(vec![SecurityRequirement::new("token", [""; 0])]);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described() {
        let source = include_str!("../api.rs");
        let document = serde_json::to_value(made("/load", true)).unwrap();
        let routes = source.lines().filter_map(|line| {
            let (_, rest) = line.split_once(".route(\"")?;
            rest.split_once("\", ")
        });
        let mut count = 0;
        for (path, methods) in routes.filter(|(path, _)| *path != "/openapi.json") {
            let described = &document["paths"][path];
            for method in ["get", "post", "put", "patch"] {
                assert_eq!(
                    methods.contains(&format!("{method}(")),
                    described.get(method).is_some(),
                    "{method} {path}"
                );
            }
            count += 1;
        }
        assert!(count > 10, "the routes were found");
        assert_eq!(document["servers"][0]["url"], "/load/api/v1");
        assert_eq!(
            document["components"]["securitySchemes"]["token"]["scheme"],
            "bearer"
        );
    }
}
