//! The rules of LinkedIn, for people.
use countersign_core::channel::Guide;

pub(super) const GUIDE: Guide = Guide {
    provider: "LinkedIn, POST /rest/posts, /rest/socialActions/{urn}/comments and /v2/messages",
    sends: &[
        "text posts on the feed of the author",
        "comments on a post, and answers to a comment (thread)",
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
    idempotency: "none; but a post with the same words is refused while LinkedIn remembers them, naming the earlier one, and an unclear \
                  attempt counts as sent then",
    uncertain: "no clear answer came; take a post back to draft and approve it again, which proves by LinkedIn's refusal that the first \
                one is there, or posts it; of comments and messages a person has to look",
    not_offered: &[
        "messages without the partner permission",
        "reading an inbox, or a list of what was sent",
        "pictures, documents and polls: text only",
    ],
    credential: "an OAuth access token with w_member_social or w_organization_social; it lives for 60 days",
};
