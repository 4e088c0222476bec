//! An e-mail as it leaves (RFC 5322).

use std::fmt;

use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, Mailboxes, MultiPart};
use lettre::{Address, Message};

use crate::values::ids::EmailId;

/// An e-mail, ready to be sent. It is not printed: it may hold a secret.
pub(in crate::mail) struct Outgoing {
    pub(super) id: EmailId,
    pub(super) edition: i32,
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) envelope: Envelope,
    /// An address in the envelope or in a header has other letters than ASCII (RFC 6531).
    pub(super) needs_utf8: bool,
    pub(super) bytes: Vec<u8>,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What an e-mail is composed of.
#[derive(Clone, Copy)]
pub(in crate::mail) struct Parts<'a> {
    pub(in crate::mail) id: EmailId,
    pub(in crate::mail) edition: i32,
    /// The installation's own address: answers of mail servers go there, and its domain ends the Message-ID.
    pub(in crate::mail) envelope_from: &'a str,
    /// Name and address.
    pub(in crate::mail) from: (&'a str, &'a str),
    pub(in crate::mail) reply_to: Option<&'a str>,
    pub(in crate::mail) to: (&'a str, &'a str),
    pub(in crate::mail) subject: &'a str,
    pub(in crate::mail) text: &'a str,
    pub(in crate::mail) html: &'a str,
    /// A PDF.
    pub(in crate::mail) attached: Option<&'a Attached>,
}

/// A PDF that goes with an e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mail) struct Attached {
    /// The name of the file, in ASCII.
    pub(in crate::mail) name: String,
    pub(in crate::mail) pdf: Vec<u8>,
}

/// Says that no person wrote it, so that no program answers (RFC 3834).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Returns the Message-ID of an e-mail, the same for each of its attempts.
pub(in crate::mail) fn message_id(id: EmailId, edition: i32, from: &str) -> String {
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    format!("<{id}.{edition}@{domain}>")
}

/// Returns a text that makes no line of a header's own.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// # Errors
/// Fails with what is wrong, if an address cannot be written into an e-mail.
pub(in crate::mail) fn compose(parts: &Parts<'_>) -> Result<Outgoing, String> {
    let address =
        |text: &str| text.parse::<Address>().map_err(|error| format!("{text} is no address: {error}"));
    let mailbox =
        |(name, text): (&str, &str)| Ok::<_, String>(Mailbox::new(Some(one_line(name)), address(text)?));
    let envelope = Envelope::new(Some(address(parts.envelope_from)?), vec![address(parts.to.1)?])
        .map_err(|error| error.to_string())?;
    let mut builder = Message::builder()
        .message_id(Some(message_id(parts.id, parts.edition, parts.envelope_from)))
        .date_now()
        .mailbox(lettre::message::header::From::from(Mailboxes::from(mailbox(parts.from)?)))
        .mailbox(lettre::message::header::To::from(Mailboxes::from(mailbox(parts.to)?)))
        .subject(one_line(parts.subject))
        .header(AutoSubmitted);
    if let Some(reply_to) = parts.reply_to {
        builder = builder.reply_to(mailbox((parts.from.0, reply_to))?);
    }
    let addresses = [Some(parts.envelope_from), Some(parts.from.1), parts.reply_to, Some(parts.to.1)];
    let words = MultiPart::alternative_plain_html(parts.text.to_owned(), parts.html.to_owned());
    let body = match parts.attached {
        None => words,
        Some(attached) => {
            let pdf = ContentType::parse("application/pdf").map_err(|error| error.to_string())?;
            // Whatever its bytes are: quoted-printable would change the ends of lines.
            let bytes = Body::new_with_encoding(attached.pdf.clone(), ContentTransferEncoding::Base64)
                .map_err(|_| "the document cannot be written in base64".to_owned())?;
            let file = Attachment::new(attached.name.clone()).body(bytes, pdf);
            MultiPart::mixed().multipart(words).singlepart(file)
        }
    };
    let message = builder.multipart(body).map_err(|error| error.to_string())?;
    Ok(Outgoing {
        id: parts.id,
        edition: parts.edition,
        to: parts.to.1.to_owned(),
        subject: parts.subject.to_owned(),
        envelope,
        needs_utf8: !addresses.into_iter().flatten().all(str::is_ascii),
        bytes: message.formatted(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(id: EmailId) -> Parts<'static> {
        Parts {
            id,
            edition: 2,
            envelope_from: "comptoir@mail.example",
            from: ("Dupont, Müller & Fils", "contact@dupont.example"),
            reply_to: Some("service@dupont.example"),
            to: ("Ada Martin", "ada@docks.example"),
            subject: "Bienvenue à bord",
            text: "Bonjour Ada,\n\nà bientôt",
            html: "<p>Bonjour Ada</p>",
            attached: None,
        }
    }

    #[test]
    fn an_e_mail_says_from_whom_it_is_to_whom_it_answers_and_that_no_person_wrote_it() {
        let id = EmailId::generate();
        let composed = compose(&parts(id)).expect("composed");
        let text = String::from_utf8(composed.bytes).expect("ASCII");
        assert!(text.is_ascii(), "{text}");
        for line in [
            format!("Message-ID: <{id}.2@mail.example>"),
            "Auto-Submitted: auto-generated".to_owned(),
            "<contact@dupont.example>".to_owned(),
            "<service@dupont.example>".to_owned(),
            "Content-Type: multipart/alternative".to_owned(),
        ] {
            assert!(text.contains(&line), "{line} is not in:\n{text}");
        }
        assert_eq!(
            composed.envelope.from().map(ToString::to_string).as_deref(),
            Some("comptoir@mail.example")
        );
    }

    #[test]
    fn a_document_goes_with_the_words() {
        let attached = Attached { name: "FA-2026-000123.pdf".to_owned(), pdf: b"%PDF-1.7 \xff".to_vec() };
        let parts = Parts { attached: Some(&attached), ..parts(EmailId::generate()) };
        let composed = compose(&parts).expect("composed");
        let text = String::from_utf8(composed.bytes).expect("ASCII");
        for part in [
            "Content-Type: multipart/mixed",
            "Content-Type: multipart/alternative",
            "Content-Type: application/pdf",
            "filename=\"FA-2026-000123.pdf\"",
            // The bytes in base64.
            "JVBERi0xLjcg/w==",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }

    #[test]
    fn other_letters_than_ascii_are_noticed_in_whichever_address_they_are() {
        let id = EmailId::generate();
        let composed = compose(&parts(id)).expect("composed");
        assert!(!composed.needs_utf8);
        for parts in [
            Parts { from: ("A", "été@dupont.example"), ..parts(id) },
            Parts { reply_to: Some("a@bücher.example"), ..parts(id) },
            Parts { to: ("A", "été@docks.example"), ..parts(id) },
        ] {
            assert!(compose(&parts).expect("composed").needs_utf8);
        }
    }

    #[test]
    fn no_name_or_subject_makes_a_header_of_its_own() {
        let injected = "x\r\nBcc: eve@evil.example";
        let parts =
            Parts { subject: injected, to: (injected, "ada@docks.example"), ..parts(EmailId::generate()) };
        let composed = compose(&parts).expect("composed");
        let text = String::from_utf8_lossy(&composed.bytes).into_owned();
        assert!(!text.contains("\r\nBcc:"), "{text}");
    }
}
