//! The API as callers meet it: the real router on a real database, every answer held against the document.
mod decisions;
mod drafts;
mod limits;
mod requests;
mod roles;
mod tenants;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Request, StatusCode};
use countersign_core::actor::Actor;
use countersign_core::ids::CompanyId;
use countersign_core::{agent, company, operator};
use countersign_tests::world::{World, rendering};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::limit::{Pace, Rates};
use super::matrix::{MATRIX, Route};
use super::{ApiState, ROOT, Source, openapi, router};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A company whose API is served, with a token for everybody.
struct Served {
    world: World,
    router: Router,
    document: Value,
    /// Of an agent named `scout`.
    agent: String,
    viewer: String,
    approver: String,
    second: String,
    admin: String,
    /// Another company in the same database, and its admin.
    elsewhere: CompanyId,
    eve: Actor,
    stranger: String,
}

/// An answer.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Reply {
    #[track_caller]
    fn good(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    #[track_caller]
    fn is(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
    }
}

impl Served {
    async fn new() -> Self {
        // Far more than a test asks for: what it waits for is not the limit.
        let fast = Pace { every: Duration::from_micros(1), burst: 1_000_000 };
        Self::with(Rates { token: fast, wrong: fast }).await
    }

    async fn with(rates: Rates) -> Self {
        Self::patient(rates, Duration::from_secs(15)).await
    }

    async fn patient(rates: Rates, body_timeout: Duration) -> Self {
        let world = World::new().await;
        let (pool, home) = (&world.pool, world.company);
        let (other, eve) = company::add(pool, "other", "Other", true, "eve").await.expect("a company");
        agent::add(pool, &world.admin, home, "scout").await.expect("an agent");
        let scout = agent::token::make(pool, &world.admin, home, "scout", "test", DAY).await;
        let operator = async |admin: &Actor, company, name: &str| {
            let made = operator::token::make(pool, admin, company, name, "test", DAY).await;
            made.expect("a token").text.expose().to_owned()
        };
        let state =
            ApiState::new(pool.clone(), rendering(), world.key.clone(), Arc::default(), rates, body_timeout);
        Self {
            router: router(state),
            document: serde_json::to_value(openapi::document()).expect("a document"),
            agent: scout.expect("a token").text.expose().to_owned(),
            viewer: operator(&world.admin, home, "vic").await,
            approver: operator(&world.admin, home, "ben").await,
            second: operator(&world.admin, home, "cleo").await,
            admin: operator(&world.admin, home, "ada").await,
            stranger: operator(&eve, other.id, "eve").await,
            elsewhere: other.id,
            eve,
            world,
        }
    }

    /// Asks in the company.
    async fn ask(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.ask_in(self.world.company, token, method, path, body).await
    }

    async fn get(&self, token: &str, path: &str) -> Reply {
        self.ask(token, "GET", path, None).await
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Reply {
        self.ask(token, "POST", path, Some(body)).await
    }

    /// Asks in any company; without a token if that is empty.
    async fn ask_in(
        &self,
        company: CompanyId,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Reply {
        let uri = format!("{}{path}", ROOT.replace("{company}", &company.to_string()));
        let mut request = Request::builder().method(method).uri(uri);
        if !token.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = match &body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        let reply = self.send(request.expect("a request")).await;
        let route = route_of(method, path);
        if let (Some(body), 200) = (&body, reply.status) {
            let name = |shape: &super::openapi::Shape| shape.name();
            self.validate(&route.takes.as_ref().map(name).expect("it takes a body"), body);
        }
        let name = if reply.status == 200 { route.gives.name() } else { "Problem".to_owned() };
        self.validate(&name, &reply.body);
        reply
    }

    /// Sends a request as it is, from an address of the documentation.
    async fn send(&self, mut request: Request<Body>) -> Reply {
        request.extensions_mut().insert(Source(IpAddr::from([192, 0, 2, 1])));
        let response = self.router.clone().oneshot(request).await.expect("never fails");
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 16 << 20).await.expect("a body");
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"));
        Reply { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// Holds a value against a type of the document, which has to know every field of it.
    #[track_caller]
    fn validate(&self, name: &str, value: &Value) {
        let mut parts = self.document["components"]["schemas"].clone();
        close(&mut parts, false);
        let schema = json!({
            "$ref": format!("#/components/schemas/{name}"), "unevaluatedProperties": false,
            "components": { "schemas": parts },
        });
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let errors: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "not {name}: {errors:?}\n{value:#}");
    }
}

/// Makes types refuse fields they do not have, but where several make up one object.
fn close(schema: &mut Value, is_part: bool) {
    match schema {
        Value::Object(map) => {
            if map.contains_key("$ref") && !is_part {
                map.insert("unevaluatedProperties".to_owned(), json!(false));
            }
            map.iter_mut().for_each(|(key, value)| close(value, key == "allOf"));
        }
        Value::Array(all) => all.iter_mut().for_each(|one| close(one, is_part)),
        _ => {}
    }
}

/// The route of the matrix that a request is for.
fn route_of(method: &str, path: &str) -> &'static Route {
    let path = path.split('?').next().unwrap_or_default();
    let fits = |route: &&Route| {
        let (ours, theirs): (Vec<_>, Vec<_>) = (route.path.split('/').collect(), path.split('/').collect());
        route.method.as_str() == method
            && ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(ours, theirs)| ours.starts_with('{') || ours == theirs)
    };
    // A word of its own comes before a name in its place.
    let mut found: Vec<_> = MATRIX.iter().filter(fits).collect();
    found.sort_by_key(|route| route.path.matches('{').count());
    found.first().copied().unwrap_or_else(|| panic!("{method} {path} is not in the matrix"))
}

/// The document is served to anyone and describes each route of the matrix once.
#[tokio::test]
async fn the_document_describes_every_route() {
    let served = Served::new().await;
    let request = Request::get(openapi::PATH).body(Body::empty()).expect("a request");
    let reply = served.send(request).await;
    let document = &reply.body;
    assert_eq!((reply.status, document["openapi"].as_str()), (StatusCode::OK.as_u16(), Some("3.1.0")));
    let mut ids = std::collections::BTreeSet::new();
    for route in MATRIX {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][format!("{ROOT}{}", route.path)][&method];
        assert_eq!(operation["summary"], route.does, "{} {}", method, route.path);
        assert!(ids.insert(operation["operationId"].to_string()), "{operation:#}");
        assert_eq!(operation["security"], json!([{ "bearer": [] }]));
        let names = operation["parameters"].as_array().expect("parameters").iter();
        let names: Vec<_> = names.filter(|one| one["in"] == "path").map(|one| one["name"].clone()).collect();
        let asked = route.path.matches('{').count() + 1;
        assert_eq!(names.len(), asked, "{names:?}");
    }
    let operations = document["paths"].as_object().expect("paths").values();
    assert_eq!(
        operations.map(|path| path.as_object().map_or(0, serde_json::Map::len)).sum::<usize>(),
        MATRIX.len()
    );
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap_or_default();
        assert!(schemas.contains_key(name), "{name} is named and not described");
    }
}

/// Two types of one name would be one in the document.
#[test]
fn every_type_has_a_name_of_its_own() {
    let mut known = std::collections::BTreeMap::new();
    for (name, schema) in openapi::parts() {
        let schema = serde_json::to_value(schema).expect("a schema");
        let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
        assert_eq!(*first, schema, "{name} is two types");
    }
}
