//! The web as the sandbox plays it: wherever a picture is looked for, there is the same one.
use hyper::Method;

use super::answer::Answer;
use super::play::{Act, Ask, Play, Refusal, Trouble};

/// The web.
pub(super) struct Web;

/// The picture: the frame of a JPEG without anything in it. Its sha256 is
/// `d20f6ffd523b78a86cd2f916fa34af5d1918d75f7b142237c752ad6b254213ab`.
const PICTURE: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9";

impl Play for Web {
    fn name(&self) -> &'static str {
        "web"
    }

    fn has(&self, path: &str) -> bool {
        path.ends_with(".jpg")
    }

    fn act(&self, ask: &Ask) -> Result<Act, Answer> {
        match ask.method {
            Method::GET => Ok(Act::Say(Answer::new(200, "image/jpeg", PICTURE))),
            _ => Err(self.trouble(Trouble::NoRoute)),
        }
    }

    fn taken(&self, _ask: &Ask, _id: &str) -> Answer {
        self.trouble(Trouble::NoRoute)
    }

    fn trouble(&self, trouble: Trouble) -> Answer {
        Answer::new(if trouble == Trouble::NoRoute { 404 } else { 500 }, "text/html", "<html></html>")
    }

    fn refusals(&self) -> &'static [Refusal] {
        &[]
    }
}
