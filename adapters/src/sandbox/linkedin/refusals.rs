//! LinkedIn's table of errors.
use super::super::play::Refusal;

pub(super) const REFUSALS: &[Refusal] = &[
    refusal("illegal_argument", 400, r#"{"status":400,"code":"ILLEGAL_ARGUMENT","message":"Invalid value"}"#),
    refusal("revoked", 401, r#"{"status":401,"message":"The token used in the request has been revoked"}"#),
    refusal(
        "not_a_partner",
        403,
        r#"{"serviceErrorCode":100,"message":"Not enough permissions to access: POST /messages","status":403}"#,
    ),
    refusal(
        "role_lost",
        403,
        r#"{"status":403,"message":"The member is no administrator of the organization"}"#,
    ),
    refusal("not_found", 404, r#"{"status":404,"message":"The post does not exist"}"#),
    refusal("conflict", 409, r#"{"status":409,"message":"Another request changes this resource"}"#),
    refusal(
        "duplicate_share",
        422,
        r#"{"status":422,"message":"Content is a duplicate of urn:li:share:7100000000000000001"}"#,
    ),
    refusal(
        "duplicate_ugc_post",
        422,
        r#"{"status":422,"message":"Duplicate post is detected: urn:li:ugcPost:7100000000000000002"}"#,
    ),
    refusal(
        "duplicate_person",
        422,
        r#"{"status":422,"message":"Content is a duplicate of urn:li:person:8675309"}"#,
    ),
    refusal("unprocessable", 422, r#"{"status":422,"message":"commentary is required"}"#),
    refusal("old_version", 426, r#"{"status":426,"code":"NONEXISTENT_VERSION","message":"Not active"}"#),
    refusal("throttled", 429, r#"{"status":429,"message":"Resource level throttle limit is reached"}"#),
    refusal("internal", 500, r#"{"status":500,"message":"Internal Server Error"}"#),
    refusal("bad_gateway", 502, "<html><body>Bad Gateway</body></html>"),
    refusal("unavailable", 503, r#"{"status":503,"message":"Service Unavailable"}"#),
    refusal("gateway_timeout", 504, ""),
];

const fn refusal(code: &'static str, status: u16, body: &'static str) -> Refusal {
    Refusal { code, status, body }
}
