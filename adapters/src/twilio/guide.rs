//! The rules of WhatsApp, for people.
use countersign_core::channel::Guide;

pub(super) const GUIDE: Guide = Guide {
    provider: "WhatsApp through Twilio, POST /2010-04-01/Accounts/{account_sid}/Messages.json",
    sends: &["free text", "an approved template (contentSid) with its variables"],
    limits: &[
        "1600 characters, also of a template as it is read",
        "one recipient: an international number like +442071234567",
        "a variable of a template is one line and not empty",
        "people first written to, a moving day: 250, 2 000, 10 000, 100 000 or unlimited, as the provider grants",
    ],
    windows: &[
        "free text within 24 h of the contact's last message; an answer opens them anew",
        "a template at any time: it is read before every message, and one whose text with the approved values is not what was approved \
         (renderedText), that is gone or not approved, fails the message with nothing sent; one that rests holds it. A version that is \
         the template's date_updated has to be the present one",
        "nobody who opted out: the message fails, and the number is suppressed here at once",
    ],
    idempotency: "none: the provider would send a repeated request again, so nothing unclear is repeated",
    uncertain: "the answer was lost, or was an error of the provider's own (any 5xx), which may come after it took the message; its list of \
                messages to this number is searched for the same words, then a person decides",
    not_offered: &[
        "whether it was delivered or read, until webhooks are read: accepted means queued, and a closed window or a blocked template often \
         shows only afterwards",
        "comparing the pictures, buttons, headers and footers of a template: what a person approves is its text",
        "pictures and files: they would be fetched from a URL whose content can change after the approval",
        "scheduling at the provider: what is held is held here",
    ],
    credential: "the account SID and its auth token, AC…:token, or the SID of an API key and its secret, SK…:secret",
};
