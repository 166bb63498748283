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
        "the picture is a JPEG that anybody can fetch while the provider does",
        "50 or 100 posts in a moving day (the provider's pages disagree); calls as its answers ask for",
    ],
    windows: &[
        "direct messages: 24 h after the contact's last message",
        "24 h to 7 days after it: only words a person wrote, under the human-agent tag (humanAgent), where the account has that \
         feature (human_agent=yes)",
        "afterwards, and before the contact ever wrote: nothing",
        "posts: none",
    ],
    idempotency: "none for direct messages; a post is made in a container first, and the container tells whether it was published",
    uncertain: "a direct message had no clear answer: it cannot be looked up, its echo or a person tells; a post was perhaps published: \
                its container is asked",
    not_offered: &[
        "writing to somebody who has not written first, or by user name",
        "pictures in direct messages, videos, stories and carousels",
        "checking the picture before it is published: the provider fetches what lies there",
    ],
    credential: "an Instagram user token with instagram_business_manage_messages and instagram_business_content_publish; it lives for 60 days",
};
