//! The OpenAPI document, made of the matrix and of the types that routes take and give.
use std::sync::OnceLock;

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Ref,
    RefOr, Required, Response, ResponseBuilder, ResponsesBuilder, Schema,
};
use utoipa::{PartialSchema, ToSchema};

use super::ROOT;
use super::answer::{Page, Problem};
use super::matrix::{MATRIX, Method, Route};

/// Where it is read, by anyone: it tells nothing of a company.
pub(super) const PATH: &str = "/openapi.json";

const JSON: &str = "application/json";
const BEARER: &str = "bearer";

/// A type of a body.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    name: fn() -> String,
    schema: fn() -> RefOr<Schema>,
    parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

/// The shape of a type.
pub(super) const fn shape<T: ToSchema>() -> Shape {
    Shape { name: || T::name().into_owned(), schema: <T as PartialSchema>::schema, parts: T::schemas }
}

/// A page of them.
pub(super) const fn page<T: ToSchema>() -> Shape {
    let parts = |parts: &mut Vec<_>| {
        shape::<T>().collect(parts);
        <Page<T> as ToSchema>::schemas(parts);
    };
    Shape { name: || format!("{}Page", T::name()), parts, ..shape::<Page<T>>() }
}

impl Shape {
    /// Its name in the document.
    pub(super) fn name(&self) -> String {
        (self.name)()
    }

    fn content(&self) -> utoipa::openapi::Content {
        ContentBuilder::new().schema(Some(Ref::from_schema_name(self.name()))).build()
    }

    fn collect(&self, parts: &mut Vec<(String, RefOr<Schema>)>) {
        parts.push((self.name(), (self.schema)()));
        (self.parts)(parts);
    }
}

/// Answers with the document.
pub(super) async fn show() -> impl IntoResponse {
    static DOCUMENT: OnceLock<OpenApi> = OnceLock::new();
    ([(CONTENT_TYPE, JSON)], Json(DOCUMENT.get_or_init(document)))
}

/// Every route, every type.
pub(super) fn document() -> OpenApi {
    let problem = shape::<Problem>();
    let mut paths = PathsBuilder::new();
    for route in MATRIX {
        let item = PathItem::new(http_method(route), operation(route, &problem));
        paths = paths.path(format!("{ROOT}{}", route.path), item);
    }
    let bearer = Http::builder().scheme(HttpAuthScheme::Bearer).description(Some(
        "The token of an operator or of an agent: `countersign operators token NAME`, `countersign agents token NAME`.",
    ));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(parts())
        .security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    let info = InfoBuilder::new()
        .title("countersign")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("What operators and agents of a company do over HTTP."));
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

/// Every type that a route takes or gives, under its name; many of them more than once.
pub(super) fn parts() -> Vec<(String, RefOr<Schema>)> {
    let mut parts = Vec::new();
    shape::<Problem>().collect(&mut parts);
    for route in MATRIX {
        route.gives.collect(&mut parts);
        route.takes.iter().for_each(|takes| takes.collect(&mut parts));
    }
    parts
}

fn operation(route: &Route, problem: &Shape) -> OperationBuilder {
    let names = ROOT.split('/').chain(route.path.split('/'));
    let names = names.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = names.map(|name| {
        let schema = <String as PartialSchema>::schema();
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema))
            .build()
    });
    let asks = route.asks.map(|asks| asks()).unwrap_or_default();
    let takes = route.takes.map(|takes| {
        RequestBodyBuilder::new().content(JSON, takes.content()).required(Some(Required::True)).build()
    });
    let good = ResponseBuilder::new().description("Done.").content(JSON, route.gives.content());
    let mut responses = ResponsesBuilder::new().response("200", good);
    let refusals = [
        ("400", "It cannot be read."),
        ("401", "Nobody has this token, or it counts no longer."),
        ("403", "Not by this role; it is recorded."),
        ("404", "There is no such thing in this company."),
        ("409", "It is there already, or changed since it was seen."),
        ("408", "The body did not arrive in time."),
        ("413", "The body is longer than 1 MiB, or has more than 10000 values."),
        ("415", "The body is not JSON."),
        ("422", "A value is not acceptable, or a gate stands against it."),
        ("429", "Too many requests of this token, or wrong tokens of this source."),
        (
            "503",
            "The database is not available, or too much is under way; `retry-after` says when to ask again.",
        ),
    ];
    for (status, words) in refusals {
        let refusal: Response =
            ResponseBuilder::new().description(words).content(JSON, problem.content()).build();
        responses = responses.response(status, refusal);
    }
    let for_whom = format!("For {}.", route.least.words());
    OperationBuilder::new()
        .operation_id(Some(operation_id(route)))
        .summary(Some(route.does))
        .description(Some(for_whom))
        .parameters(Some(in_path.chain(asks)))
        .request_body(takes)
        .responses(responses.build())
        .security(SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, []))
}

/// Stable and unique: the method, then the words of the path.
fn operation_id(route: &Route) -> String {
    let words = route.path.split(['/', '-']).filter(|word| !word.is_empty() && !word.starts_with('{'));
    let method = route.method.as_str().to_ascii_lowercase();
    let is_one = route.path.ends_with('}');
    let words = std::iter::once(method.as_str()).chain(words).chain(is_one.then_some("one"));
    words.collect::<Vec<_>>().join("-")
}

fn http_method(route: &Route) -> HttpMethod {
    match route.method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    }
}
