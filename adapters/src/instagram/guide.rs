//! The rules of Instagram, for people.
use countersign_core::channel::Guide;

pub(super) const GUIDE: Guide = Guide {
    provider: "Instagram Graph API with Instagram Login, POST /{account}/messages, /media and /media_publish",
    sends: &[
        "direct messages, text only, to somebody who wrote first",
        "posts of one picture with a caption; the picture lies under the outbox's media_url, named by its sha256",
    ],
    limits: &[
        "a direct message has 1000 bytes of UTF-8, not characters",
        "a caption has 2200 characters, 30 hashtags and 20 mentions",
        "the picture is a JPEG of at most 8 MiB that anybody can fetch while the provider does, without a redirect; it is fetched from \
         here before the provider is asked to, and anything but the approved bytes fails the post with nothing published",
        "so many posts in a moving day as content_publishing_limit tells, which is asked before each; where they are used up a post \
         waits an hour, and messages go on",
        "calls as the provider's answers ask for",
    ],
    windows: &[
        "direct messages: 24 h after the contact's last message",
        "24 h to 7 days after it: only words a person wrote, under the human-agent tag (humanAgent), where the account has that \
         feature (human_agent=yes); how the tag is written on graph.instagram.com is not confirmed: try one message first",
        "afterwards, and before the contact ever wrote: nothing",
        "posts: none",
    ],
    idempotency: "none for direct messages; a post is made in a container first, and the container tells whether it was published",
    uncertain: "a direct message had no clear answer: it cannot be looked up, and its echoes are not read yet, so a person looks into the \
                conversation and tells; a post was perhaps published: its container is asked",
    not_offered: &[
        "writing to somebody who has not written first, or by user name",
        "reading messages and their echoes: what a contact wrote is noted by hand",
        "pictures in direct messages, videos, stories and carousels",
        "being sure of the picture to the last: it is looked at here, and a moment later the provider fetches it for itself",
    ],
    credential: "an Instagram user token with instagram_business_manage_messages and instagram_business_content_publish; it lives for 60 days",
};
