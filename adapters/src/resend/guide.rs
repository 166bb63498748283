//! The rules of mail, for people.
use countersign_core::channel::Guide;

pub(super) const GUIDE: Guide = Guide {
    provider: "Resend, POST /emails",
    sends: &[
        "plain text, with HTML beside it if wanted",
        "answers in a thread (inReplyTo)",
        "files, stored by us",
        "List-Unsubscribe headers",
    ],
    limits: &[
        "50 recipients: one address, and 49 copies",
        "20 files with 700 KiB together; 1 MiB for the whole message in canonical form (the provider takes 40 MB)",
        "requests a second: what the provider's answers ask for",
    ],
    windows: &["none: anyone may be written to who has not asked to be left alone"],
    idempotency: "the provider knows a repeated request for 24 h; an unclear one is repeated for 23 h with the same key and bytes",
    uncertain: "23 h have passed without a clear answer, or the key was used for other bytes; the provider's list of sent mail is searched, \
                then a person decides",
    not_offered: &["whether a person read it: opens are guesses", "Gmail does not report complaints"],
    credential: "an API key, re_…; one that may only send is enough, but then nothing can be looked up",
};
