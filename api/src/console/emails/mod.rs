//! E-mails of the company: the list, one of them, and to send them again or discard them.

mod actions;
mod list;
mod one;

use comptoir_core::application::Permission::{EmailsRead, EmailsWrite};
use comptoir_core::mail::EmailState;

use super::pages::Pages;
use super::status::Status;
use super::words::Emails;
use crate::access::Access::Needs;

pub(super) fn pages() -> Pages {
    Pages::default()
        .get(Needs(EmailsRead), "/console/emails", list::show)
        .get(Needs(EmailsRead), "/console/emails.csv", list::export)
        // Before the others: its path could be taken for an id.
        .post(Needs(EmailsWrite), "/console/emails/chosen", actions::chosen)
        .get(Needs(EmailsRead), "/console/emails/{id}", one::show)
        .post(Needs(EmailsWrite), "/console/emails/{id}/requeue", actions::requeue)
        .post(Needs(EmailsWrite), "/console/emails/{id}/discard", actions::discard)
}

fn status(state: EmailState, w: &'static Emails) -> Status {
    match state {
        EmailState::Waiting => Status::open(w.waiting),
        EmailState::Sending => Status::begun(w.sending),
        EmailState::Sent => Status::done(w.sent),
        EmailState::Dead => Status::failed(w.dead),
        EmailState::Discarded => Status::over(w.discarded),
    }
}
