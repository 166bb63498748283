//! A provider's own contract, an OpenAPI document, and whether a request keeps to it.
//!
//! The documents belong to the providers and are not part of this repository. They are looked for in the folder that
//! `COUNTERSIGN_CONTRACTS` names, else in `../shared/openapi` beside the repository; what cannot be checked without them says
//! `NOT RUN`.
use std::io::Write as _;
use std::path::PathBuf;

use countersign_core::channel::Request;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// Where the document stands for references into it.
const PLACE: &str = "urn:contract";

/// One document.
pub(crate) struct Contract {
    document: Value,
    draft: Draft,
}

/// An operation of the document, with what the path says.
struct Operation<'a> {
    /// Pointer to it in the document.
    pointer: String,
    value: &'a Value,
    path_values: Map<String, Value>,
}

impl Contract {
    /// Opens a document of the folder; `None`, loudly, where it is not there.
    pub(crate) fn open(name: &str) -> Option<Self> {
        let folder = std::env::var_os("COUNTERSIGN_CONTRACTS").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/openapi")),
            PathBuf::from,
        );
        let path = folder.join(name);
        let Ok(text) = std::fs::read_to_string(&path) else {
            // Past the test harness, which shows no output of a test that passes.
            let _ = writeln!(
                std::io::stderr(),
                "NOT RUN: a check against the provider's contract, {name} is not there"
            );
            return None;
        };
        let document: Value = match path.extension().is_some_and(|extension| extension == "json") {
            true => serde_json::from_str(&text).expect("a contract is JSON"),
            false => serde_saphyr::from_str(&text).expect("a contract is YAML"),
        };
        let is_of_old = document["openapi"].as_str().is_some_and(|version| version.starts_with("3.0"));
        Some(Self { document, draft: if is_of_old { Draft::Draft4 } else { Draft::Draft202012 } })
    }

    /// The whole document, as JSON.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Changes the document before it is used, where it is known to be wrong.
    pub(crate) fn corrected(mut self, correct: impl FnOnce(&mut Value)) -> Self {
        correct(&mut self.document);
        self
    }

    /// Everything about the request that the contract does not allow. `added` are the headers that come at the wire.
    pub(crate) fn breaches(&self, request: &Request, added: &[(&str, &str)]) -> Vec<String> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let Some(operation) = self.operation(&request.method, path) else {
            return vec![format!("{} {path} is not in the contract", request.method)];
        };
        let mut breaches = self.parameters(&operation, request, query, added);
        breaches.extend(self.body(&operation, request));
        breaches
    }

    fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let method = method.to_ascii_lowercase();
        let paths = self.document["paths"].as_object()?;
        let mut found: Vec<Operation<'_>> = paths
            .iter()
            .filter_map(|(template, item)| {
                let path_values = matching(template, path)?;
                let value = item.get(&method)?;
                let pointer = format!("/paths/{}/{method}", escaped(template));
                Some(Operation { pointer, value, path_values })
            })
            .collect();
        // A literal path is meant before one with a parameter.
        found.sort_by_key(|operation| operation.path_values.len());
        found.into_iter().next()
    }

    fn parameters(
        &self,
        operation: &Operation<'_>,
        request: &Request,
        query: &str,
        added: &[(&str, &str)],
    ) -> Vec<String> {
        let query = decoded(query);
        let mut breaches = Vec::new();
        let mut known_queries = Vec::new();
        for parameter in operation.value["parameters"].as_array().into_iter().flatten() {
            let parameter = self.resolved(parameter);
            let (place, name) =
                (parameter["in"].as_str().unwrap_or(""), parameter["name"].as_str().unwrap_or(""));
            let given: Option<String> = match place {
                "path" => operation.path_values.get(name).and_then(Value::as_str).map(str::to_owned),
                "query" => {
                    known_queries.push(name.to_owned());
                    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
                }
                "header" => {
                    let own = request.headers.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                    let mut all = own.chain(added.iter().copied());
                    all.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
                }
                _ => None,
            };
            match given {
                None if parameter["required"] == json!(true) => {
                    breaches.push(format!("the {place} parameter {name} is missing"));
                }
                None => {}
                Some(text) => {
                    let schema = parameter["schema"].clone();
                    let value = self.typed(&schema, &text);
                    breaches.extend(self.against(&schema, &value, &format!("{place} parameter {name}")));
                }
            }
        }
        let unknown = query.iter().filter(|(key, _)| !known_queries.contains(key));
        breaches.extend(unknown.map(|(key, _)| format!("the query parameter {key} is not in the contract")));
        breaches
    }

    fn body(&self, operation: &Operation<'_>, request: &Request) -> Vec<String> {
        let wanted = self.resolved(&operation.value["requestBody"]);
        if request.body.is_empty() {
            let is_required = wanted["required"] == json!(true);
            return is_required.then(|| "a body is required".to_owned()).into_iter().collect();
        }
        let Some(media) = wanted["content"].get(&request.content_type) else {
            return vec![format!("a body of type {} is not in the contract", request.content_type)];
        };
        let schema = media["schema"].clone();
        let value = match request.content_type.as_str() {
            "application/json" => match serde_json::from_str(&request.body) {
                Ok(value) => value,
                Err(error) => return vec![format!("the body is no JSON: {error}")],
            },
            _ => self.form(&schema, &request.body),
        };
        let mut breaches = self.against(&schema, &value, "body");
        // Providers pass over a field they do not know, so a misspelt one would get lost without a word.
        let known = self.properties(&schema);
        let fields = value.as_object().into_iter().flat_map(Map::keys);
        breaches.extend(
            fields
                .filter(|field| !known.is_empty() && !known.contains(field))
                .map(|field| format!("{} has no field {field}", operation.pointer)),
        );
        breaches
    }

    /// Names of every property a schema speaks of, whichever of its alternatives.
    fn properties(&self, schema: &Value) -> Vec<String> {
        let schema = self.resolved(schema);
        let own = schema["properties"].as_object().into_iter().flat_map(|map| map.keys().cloned());
        let alternatives =
            ["oneOf", "anyOf", "allOf"].into_iter().flat_map(|key| schema[key].as_array().cloned());
        own.chain(alternatives.flatten().flat_map(|schema| self.properties(&schema))).collect()
    }

    /// A form in the shape of its schema: fields that repeat are lists.
    fn form(&self, schema: &Value, body: &str) -> Value {
        let schema = self.resolved(schema);
        let mut fields = Map::new();
        for (key, text) in decoded(body) {
            let of_field = &schema["properties"][&key];
            match self.resolved(of_field)["type"].as_str() {
                Some("array") => {
                    let list = fields.entry(key).or_insert_with(|| json!([]));
                    list.as_array_mut().expect("a list").push(json!(text));
                }
                _ => _ = fields.insert(key, self.typed(of_field, &text)),
            }
        }
        Value::Object(fields)
    }

    /// Text in the type its schema asks for.
    fn typed(&self, schema: &Value, text: &str) -> Value {
        match self.resolved(schema)["type"].as_str() {
            Some("integer") => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
            Some("number") => text.parse::<f64>().map_or_else(|_| json!(text), |number| json!(number)),
            Some("boolean") => text.parse::<bool>().map_or_else(|_| json!(text), |word| json!(word)),
            _ => json!(text),
        }
    }

    /// Follows a reference.
    fn resolved(&self, value: &Value) -> Value {
        let mut value = value;
        while let Some(target) = value["$ref"].as_str().and_then(|target| target.strip_prefix('#')) {
            value = self.document.pointer(target).expect("a reference leads somewhere");
        }
        value.clone()
    }

    fn against(&self, schema: &Value, value: &Value, what: &str) -> Vec<String> {
        let validator = self.validator(schema);
        validator
            .iter_errors(value)
            .map(|error| format!("{what}{}: {error}", error.instance_path()))
            .collect()
    }

    /// The schema, with the whole document behind it for its references.
    fn validator(&self, schema: &Value) -> Validator {
        let mut whole = self.document.clone();
        whole["countersignSchema"] = schema.clone();
        let registry = jsonschema::Registry::new()
            .add(PLACE, self.draft.create_resource(whole))
            .and_then(jsonschema::RegistryBuilder::prepare)
            .expect("the document can be referred to");
        jsonschema::options()
            .with_draft(self.draft)
            .with_registry(&registry)
            .should_validate_formats(true)
            .build(&json!({ "$ref": format!("{PLACE}#/countersignSchema") }))
            .expect("the contract holds a schema")
    }
}

/// The values of the parameters of a path template, if the path is of its form.
fn matching(template: &str, path: &str) -> Option<Map<String, Value>> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut values = Map::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(values),
            (Some(wanted), Some(given)) => match parameter(wanted) {
                Some((name, suffix)) => {
                    let value = given.strip_suffix(suffix).filter(|value| !value.is_empty())?;
                    values.insert(name.to_owned(), json!(value));
                }
                None if wanted == given => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

/// The name of a parameter, and what follows it in its segment: `{Sid}.json`.
fn parameter(segment: &str) -> Option<(&str, &str)> {
    segment.strip_prefix('{')?.split_once('}')
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Pairs of a query or a form.
fn decoded(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}
