//! The parts of the OpenAPI description that the routes share.

use crate::problem::ProblemDetails;
use std::collections::BTreeMap;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Description, Ref, RefOr};
use utoipa::{IntoResponses, Modify, OpenApi};

/// The description without its paths, which the router adds.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "convosync",
        description = "How complete the database is, per account, stream and day. The API only reads. Every answer has the \
                       shape that the command line prints with `--output json`."
    ),
    components(schemas(ProblemDetails)),
    modifiers(&Token),
    security(("bearer" = []), ("basic" = []))
)]
pub(crate) struct ApiDescription;

/// The two ways to send the read token or the operator token.
struct Token;

impl Modify for Token {
    fn modify(&self, description: &mut Description) {
        let components = description.components.get_or_insert_default();
        for (name, scheme) in [("bearer", HttpAuthScheme::Bearer), ("basic", HttpAuthScheme::Basic)] {
            components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
        }
    }
}

/// The errors of every route: the token, the rate limit and the database.
pub(crate) struct GuardedRoute;

/// The error of a parameter that cannot be read.
pub(crate) struct BadRequest;

/// The error of an account or a backfill that does not exist.
pub(crate) struct NotFound;

impl IntoResponses for GuardedRoute {
    fn responses() -> Responses {
        problems([
            ("401", "The token is missing or wrong; the read token and the operator token open this route."),
            ("403", "The token opens other routes only."),
            (
                "421",
                "The settings have no token, and the request names another host than localhost, 127.0.0.1 or [::1].",
            ),
            ("429", "The client sends too many requests or wrong tokens; `Retry-After` says how many seconds to wait."),
            ("503", "The database does not answer."),
        ])
    }
}

impl IntoResponses for BadRequest {
    fn responses() -> Responses {
        problems([("400", "A parameter cannot be read.")])
    }
}

impl IntoResponses for NotFound {
    fn responses() -> Responses {
        problems([("404", "The account or the backfill does not exist.")])
    }
}

type Responses = BTreeMap<String, RefOr<Response>>;

fn problems<const N: usize>(problems: [(&str, &str); N]) -> Responses {
    let content = || ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemDetails"))).build();
    let response = |description: &str| {
        ResponseBuilder::new().description(description).content("application/problem+json", content()).build()
    };
    problems.map(|(status, description)| (status.to_owned(), response(description).into())).into()
}
