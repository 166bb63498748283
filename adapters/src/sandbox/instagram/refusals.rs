//! Instagram's table of errors: code and subcode. The HTTP status of each is not documented and counts for nothing.
use super::super::play::Refusal;

pub(super) const REFUSALS: &[Refusal] = &[
    refusal(
        "10/2534022",
        400,
        r#"{"error":{"message":"This message is sent outside of allowed window.","type":"OAuthException","code":10,"error_subcode":2534022}}"#,
    ),
    refusal(
        "10/2018278",
        400,
        r#"{"error":{"message":"This message is sent outside of allowed window.","type":"OAuthException","code":10,"error_subcode":2018278}}"#,
    ),
    refusal(
        "10/1893063",
        400,
        r#"{"error":{"message":"This account is temporarily restricted from sending messages.","type":"OAuthException","code":10,"error_subcode":1893063}}"#,
    ),
    refusal(
        "10",
        403,
        r#"{"error":{"message":"Application does not have permission for this action","type":"OAuthException","code":10}}"#,
    ),
    refusal(
        "100/2534014",
        400,
        r#"{"error":{"message":"The requested user cannot be found.","type":"OAuthException","code":100,"error_subcode":2534014}}"#,
    ),
    refusal(
        "100/2534029",
        400,
        r#"{"error":{"message":"This account cannot use the messaging API.","type":"OAuthException","code":100,"error_subcode":2534029}}"#,
    ),
    refusal("100", 400, r#"{"error":{"message":"Invalid parameter","type":"OAuthException","code":100}}"#),
    refusal(
        "190",
        400,
        r#"{"error":{"message":"Error validating access token: session has expired","type":"OAuthException","code":190}}"#,
    ),
    refusal("200", 403, r#"{"error":{"message":"Permissions error","type":"OAuthException","code":200}}"#),
    refusal("299", 403, r#"{"error":{"message":"Permissions error","type":"OAuthException","code":299}}"#),
    refusal(
        "200/2534041",
        403,
        r#"{"error":{"message":"The owner switched message access off.","type":"OAuthException","code":200,"error_subcode":2534041}}"#,
    ),
    refusal(
        "551",
        400,
        r#"{"error":{"message":"This person isn't available right now.","type":"OAuthException","code":551}}"#,
    ),
    refusal(
        "4",
        400,
        r#"{"error":{"message":"Application request limit reached","type":"OAuthException","code":4}}"#,
    ),
    refusal(
        "17",
        400,
        r#"{"error":{"message":"User request limit reached","type":"OAuthException","code":17}}"#,
    ),
    refusal(
        "32",
        400,
        r#"{"error":{"message":"Page request limit reached","type":"OAuthException","code":32}}"#,
    ),
    refusal(
        "613/2534040",
        400,
        r#"{"error":{"message":"Calls to this api have exceeded the rate limit.","type":"OAuthException","code":613,"error_subcode":2534040}}"#,
    ),
    refusal(
        "4/2207051",
        403,
        r#"{"error":{"message":"We restrict certain activity to protect our community.","type":"OAuthException","code":4,"error_subcode":2207051}}"#,
    ),
    refusal(
        "9/2207042",
        403,
        r#"{"error":{"message":"You reached maximum number of posts that is allowed.","type":"OAuthException","code":9,"error_subcode":2207042}}"#,
    ),
    refusal(
        "1",
        500,
        r#"{"error":{"message":"An unknown error occurred","type":"OAuthException","code":1}}"#,
    ),
    refusal(
        "2",
        500,
        r#"{"error":{"message":"Service temporarily unavailable","type":"OAuthException","code":2}}"#,
    ),
    refusal(
        "-1/2207001",
        500,
        r#"{"error":{"message":"Instagram server error. Try again.","type":"OAuthException","code":-1,"error_subcode":2207001}}"#,
    ),
    refusal(
        "-1/2207032",
        400,
        r#"{"error":{"message":"Create media fail, please try to re-create media","type":"OAuthException","code":-1,"error_subcode":2207032}}"#,
    ),
    refusal(
        "-2/2207003",
        400,
        r#"{"error":{"message":"It takes too long to download the media.","type":"OAuthException","code":-2,"error_subcode":2207003}}"#,
    ),
    refusal(
        "1/1357046",
        400,
        r#"{"error":{"message":"The message was sent, but an error occurred.","type":"OAuthException","code":1,"error_subcode":1357046}}"#,
    ),
    refusal(
        "9007/2207027",
        400,
        r#"{"error":{"message":"The media is not ready for publishing, please wait for a moment","type":"OAuthException","code":9007,"error_subcode":2207027}}"#,
    ),
    refusal(
        "24/2207008",
        400,
        r#"{"error":{"message":"The media builder with this creation id does not exist","type":"OAuthException","code":24,"error_subcode":2207008}}"#,
    ),
    refusal(
        "-2/2207020",
        400,
        r#"{"error":{"message":"The media you are trying to access has expired.","type":"OAuthException","code":-2,"error_subcode":2207020}}"#,
    ),
    refusal(
        "24/2207006",
        400,
        r#"{"error":{"message":"The media with this id cannot be found.","type":"OAuthException","code":24,"error_subcode":2207006}}"#,
    ),
    refusal(
        "9004/2207052",
        400,
        r#"{"error":{"message":"The media could not be fetched from this URI.","type":"OAuthException","code":9004,"error_subcode":2207052}}"#,
    ),
    refusal(
        "25/2207050",
        403,
        r#"{"error":{"message":"The Instagram account is restricted.","type":"OAuthException","code":25,"error_subcode":2207050}}"#,
    ),
    refusal(
        "36000/2207004",
        400,
        r#"{"error":{"message":"The image is too large to download.","type":"OAuthException","code":36000,"error_subcode":2207004}}"#,
    ),
    refusal(
        "36001/2207005",
        400,
        r#"{"error":{"message":"The image format is not supported.","type":"OAuthException","code":36001,"error_subcode":2207005}}"#,
    ),
    refusal(
        "36003/2207009",
        400,
        r#"{"error":{"message":"The aspect ratio does not fall within our acceptable range.","type":"OAuthException","code":36003,"error_subcode":2207009}}"#,
    ),
    refusal(
        "36004/2207010",
        400,
        r#"{"error":{"message":"The caption was too long.","type":"OAuthException","code":36004,"error_subcode":2207010}}"#,
    ),
    refusal(
        "100/2207028",
        400,
        r#"{"error":{"message":"Your post won't work as a carousel.","type":"OAuthException","code":100,"error_subcode":2207028}}"#,
    ),
    refusal(
        "100/2207040",
        400,
        r#"{"error":{"message":"Too many mentions in the caption.","type":"OAuthException","code":100,"error_subcode":2207040}}"#,
    ),
    refusal(
        "transient",
        500,
        r#"{"error":{"message":"Try again","type":"OAuthException","code":1357045,"is_transient":true}}"#,
    ),
    refusal("unavailable", 503, "<html><body>Sorry, something went wrong.</body></html>"),
];

const fn refusal(code: &'static str, status: u16, body: &'static str) -> Refusal {
    Refusal { code, status, body }
}
