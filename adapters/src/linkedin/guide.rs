//! The rules of LinkedIn, for people.
use countersign_core::channel::Guide;

pub(super) const GUIDE: Guide = Guide {
    provider: "LinkedIn, POST /rest/posts, /rest/socialActions/{urn}/comments and /v2/messages",
    sends: &[
        "text posts on the feed of the author",
        "comments on a post, and answers to a comment under it (thread, urn:li:comment:(…,…) with the URN of `to` in it)",
        "messages to a member, where the account has LinkedIn's partner permission (partner_messages=yes)",
    ],
    limits: &[
        "a post has 3000 characters; the provider documents no limit for comments and messages and refuses what is too long",
        "# @ and the other signs of LinkedIn's markup appear as they are written: no hashtag and no mention becomes a link",
        "calls per app and per member a day, reset at 00:00 UTC; the numbers are only in LinkedIn's portal",
        "messages of one outbox leave two to five minutes apart",
    ],
    windows: &[
        "posts and comments: none",
        "messages: only to first-degree connections or in an existing thread, and only after something the member did; never by \
         schedule, and an approval lives for 15 minutes",
    ],
    idempotency: "none; but the words of a post that LinkedIn still remembers are refused, and if the refusal names the earlier post, an \
                  unclear attempt counts as sent; how long LinkedIn remembers words is not known",
    uncertain: "no clear answer came: look on linkedin.com, on the feed, under the post or into the conversation; a post that is not on \
                the feed may go again soon, while the same words are refused with the name of the first, which counts as sent; a refusal \
                that names no post proves nothing",
    not_offered: &[
        "messages without the partner permission",
        "messages into a thread: who is in it is not known here, so they go to a member only",
        "reading an inbox, or a list of what was sent",
        "pictures, documents and polls: text only",
    ],
    credential: "an OAuth access token with w_member_social or w_organization_social; it lives for 60 days",
};
