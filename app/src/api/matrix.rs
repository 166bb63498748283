//! The one table of routes: what there is, who may use it, what it takes and gives. The router, the gate, the OpenAPI document and the
//! test of roles are made of it.
use axum::routing::{MethodFilter, MethodRouter, on};
use countersign_core::account::Report;
use countersign_core::account::view::{AccountView, ContactView};
use countersign_core::activity::view::{ActivityRow, OutboxView};
use countersign_core::actor::{Actor, Role};
use countersign_core::approval::ItemResult;
use countersign_core::contact::store::EntryView;
use countersign_core::contact::store_suppression::SuppressionView;
use countersign_core::draft::DraftInput;
use countersign_core::outbox::Done;
use countersign_core::outbox::store_show::OutboxDetail;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::input::{Paging, People};
use super::openapi::{Shape, page, shape};
use super::{
    ApiState, accounts, activities, allowlist, approvals, contacts, drafts, import, outboxes, queue,
    suppressions,
};

/// The least that is needed for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Least {
    /// An operator of this role or a higher one.
    Role(Role),
    /// An agent, for drafts of its own; or an approver.
    Own,
}

impl Least {
    pub(super) fn admits(self, actor: &Actor) -> bool {
        match (self, actor.role()) {
            (Self::Role(least), Some(role)) => role >= least,
            (Self::Own, Some(role)) => role >= Role::Approver,
            (Self::Own, None) => matches!(actor, Actor::AgentTokenHolder { .. }),
            (Self::Role(_), None) => false,
        }
    }

    /// Who that is, for people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Role(Role::Viewer) => "operators",
            Self::Role(Role::Approver) => "approvers and admins",
            Self::Role(Role::Admin) => "admins",
            Self::Own => "agents with drafts of their own, approvers and admins",
        }
    }
}

/// The methods that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

impl Method {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    pub(super) fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// One route.
#[derive(Clone, Copy)]
pub(super) struct Route {
    pub(super) method: Method,
    /// Below the root of a company.
    pub(super) path: &'static str,
    pub(super) least: Least,
    /// Whether it waits for the other filings of its company.
    pub(super) files: bool,
    /// What it does, in a sentence.
    pub(super) does: &'static str,
    pub(super) serve: fn(MethodFilter) -> MethodRouter<ApiState>,
    /// Values behind a question mark.
    pub(super) asks: Option<fn() -> Vec<Parameter>>,
    /// The body of a request.
    pub(super) takes: Option<Shape>,
    /// The body of a good answer.
    pub(super) gives: Shape,
}

impl Route {
    const fn takes(self, shape: Shape) -> Self {
        Self { takes: Some(shape), ..self }
    }

    const fn files(self) -> Self {
        Self { files: true, ..self }
    }

    const fn asks(self, parameters: fn() -> Vec<Parameter>) -> Self {
        Self { asks: Some(parameters), ..self }
    }
}

const VIEWER: Least = Least::Role(Role::Viewer);
const APPROVER: Least = Least::Role(Role::Approver);
const ADMIN: Least = Least::Role(Role::Admin);

const fn route(
    method: Method,
    path: &'static str,
    least: Least,
    does: &'static str,
    gives: Shape,
    serve: fn(MethodFilter) -> MethodRouter<ApiState>,
) -> Route {
    Route { method, path, least, files: false, does, serve, asks: None, takes: None, gives }
}

fn query<T: IntoParams>() -> Vec<Parameter> {
    T::into_params(|| Some(ParameterIn::Query))
}

/// Every route of a company.
pub(super) const MATRIX: &[Route] = &[
    route(Method::Post, "/send", Least::Own, "Files a draft. The same key and body again is the same draft; with another body it is a conflict.", shape::<drafts::Sent>(), |by| on(by, drafts::send)).takes(shape::<DraftInput>()).files(),
    route(Method::Post, "/drafts/{id}/revise", Least::Own, "Changes the words of a draft; they need a decision of their own.", shape::<ItemResult>(), |by| on(by, drafts::revise)).takes(shape::<drafts::Revise>()),
    route(Method::Post, "/drafts/{id}/withdraw", Least::Own, "Takes a draft away, or what was approved and has not left.", shape::<ItemResult>(), |by| on(by, drafts::withdraw)).takes(shape::<drafts::Reason>()),
    route(Method::Get, "/approvals", VIEWER, "Lists drafts that wait for a decision, oldest first.", page::<ActivityRow>(), |by| on(by, approvals::list)).asks(query::<approvals::Waiting>),
    route(Method::Post, "/approvals/bulk-approve", APPROVER, "Approves many items, each on exactly the bytes and in the round it names; each has a result of its own.", shape::<approvals::BulkResult>(), |by| on(by, approvals::bulk_approve)).takes(shape::<approvals::BulkApprove>()),
    route(Method::Post, "/approvals/{id}/approve", APPROVER, "Approves an item, on exactly the bytes and in the round that are named. The same request again is one approval.", shape::<ItemResult>(), |by| on(by, approvals::approve)).takes(shape::<approvals::Approve>()),
    route(Method::Post, "/approvals/{id}/reject", APPROVER, "Rejects an item.", shape::<ItemResult>(), |by| on(by, approvals::reject)).takes(shape::<approvals::Reject>()),
    route(Method::Post, "/approvals/{id}/undo", APPROVER, "Takes an approval back, or reopens what is blocked or failed, on exactly the bytes and in the round that are named: it is a draft again.", shape::<ItemResult>(), |by| on(by, approvals::undo)).takes(shape::<approvals::Undo>()),
    route(Method::Get, "/queue", VIEWER, "Lists what is approved or being sent, next first; or what a person has to look at.", page::<ActivityRow>(), |by| on(by, queue::list)).asks(query::<queue::Queued>),
    route(Method::Get, "/activities/{id}", VIEWER, "Shows one message with its decisions and attempts.", shape::<activities::Activity>(), |by| on(by, activities::show)),
    route(Method::Post, "/activities/{id}/resolve", APPROVER, "Settles an uncertain message.", shape::<ItemResult>(), |by| on(by, activities::resolve)).takes(shape::<activities::Resolve>()),
    route(Method::Post, "/activities/{id}/retry", APPROVER, "Makes a failed message a draft again; to try it again is a new decision.", shape::<ItemResult>(), |by| on(by, activities::retry)),
    route(Method::Post, "/activities/{id}/lookup", APPROVER, "Asks the provider what became of an uncertain message. What it proves settles it; nothing is sent.", shape::<activities::Looked>(), |by| on(by, activities::lookup)),
    route(Method::Get, "/outboxes", VIEWER, "Lists outboxes with quota and load.", page::<OutboxView>(), |by| on(by, outboxes::list)),
    route(Method::Post, "/outboxes", ADMIN, "Adds an outbox; market segment and provider settings are changed afterwards.", shape::<outboxes::OutboxNamed>(), |by| on(by, outboxes::add)).takes(shape::<outboxes::NewOutbox>()),
    route(Method::Get, "/outboxes/{id}", VIEWER, "Shows an outbox: settings, quota, health, what waits, what went wrong last.", shape::<OutboxDetail>(), |by| on(by, outboxes::show)),
    route(Method::Patch, "/outboxes/{id}", ADMIN, "Changes settings of an outbox, all of them or none; what is absent stays.", shape::<Done>(), |by| on(by, outboxes::change)).takes(shape::<outboxes::ChangeOutbox>()),
    route(Method::Post, "/outboxes/{id}/pause", APPROVER, "Stops an outbox; what is approved waits.", shape::<outboxes::OutboxNamed>(), |by| on(by, outboxes::pause)).takes(shape::<drafts::Reason>()),
    route(Method::Post, "/outboxes/{id}/resume", APPROVER, "Lets a paused outbox send again; only an admin lifts a kill.", shape::<outboxes::OutboxNamed>(), |by| on(by, outboxes::resume)),
    route(Method::Post, "/outboxes/{id}/kill", APPROVER, "Stops an outbox until an admin lifts it: nothing leaves, nor what is claimed and not on the wire.", shape::<outboxes::OutboxNamed>(), |by| on(by, outboxes::kill)).takes(shape::<drafts::Reason>()),
    route(Method::Post, "/kill", APPROVER, "Stops every outbox of a channel or of the company until an admin lifts it.", shape::<outboxes::Killed>(), |by| on(by, outboxes::kill_all)).takes(shape::<outboxes::Kill>()),
    route(Method::Post, "/kill/lift", ADMIN, "Lifts the kill of a channel or of the company.", shape::<outboxes::Killed>(), |by| on(by, outboxes::lift_all)).takes(shape::<outboxes::LiftKill>()),
    route(Method::Get, "/allowlist", VIEWER, "Lists who may be written to.", page::<EntryView>(), |by| on(by, allowlist::list)).asks(query::<Paging>),
    route(Method::Post, "/allowlist", ADMIN, "Puts an entry on the allowlist.", shape::<allowlist::Allowed>(), |by| on(by, allowlist::add)).takes(shape::<allowlist::Allow>()),
    route(Method::Delete, "/allowlist/{entry}", ADMIN, "Takes an entry off the allowlist.", shape::<allowlist::Allowed>(), |by| on(by, allowlist::remove)),
    route(Method::Get, "/suppressions", VIEWER, "Lists who must not be written to.", page::<SuppressionView>(), |by| on(by, suppressions::list)).asks(query::<Paging>),
    route(Method::Post, "/suppressions", APPROVER, "Suppresses an address, number or handle: nothing leaves for it from now on, whoever approved it.", shape::<suppressions::Suppressed>(), |by| on(by, suppressions::add)).takes(shape::<suppressions::Suppress>()),
    route(Method::Post, "/suppressions/{identity}/lift", ADMIN, "Lifts a suppression. What it blocked stays blocked until somebody reopens it.", shape::<suppressions::Suppressed>(), |by| on(by, suppressions::lift)).takes(shape::<suppressions::LiftSuppression>()),
    route(Method::Get, "/contacts", VIEWER, "Lists contacts by name.", page::<ContactView>(), |by| on(by, contacts::list)).asks(query::<People>),
    route(Method::Post, "/contacts/import", APPROVER, "Imports contacts; the report tells of each item that is not acceptable.", shape::<Report>(), |by| on(by, import::contacts)).takes(shape::<import::Contacts>()).files(),
    route(Method::Get, "/contacts/{id}", VIEWER, "Shows a contact: addresses, whether they are on the allowlist or suppressed, consents, messages.", shape::<contacts::Contact>(), |by| on(by, contacts::show)),
    route(Method::Post, "/contacts/{id}/consent", APPROVER, "Records what a contact said about being written to; only an admin grants what was withdrawn.", shape::<contacts::Recorded>(), |by| on(by, contacts::consent)).takes(shape::<contacts::Say>()),
    route(Method::Get, "/accounts", VIEWER, "Lists accounts by name.", page::<AccountView>(), |by| on(by, accounts::list)).asks(query::<People>),
    route(Method::Post, "/accounts/import", APPROVER, "Imports accounts; the report tells of each item that is not acceptable.", shape::<Report>(), |by| on(by, import::accounts)).takes(shape::<import::Accounts>()).files(),
    route(Method::Get, "/accounts/{name}", VIEWER, "Shows an account by its exact name.", shape::<AccountView>(), |by| on(by, accounts::show)),
];
