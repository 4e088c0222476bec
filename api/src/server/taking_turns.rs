//! Tells the gate of a connection when a request of it has arrived, and when it is answered.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::HttpMessage;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::Bytes;
use futures::Stream;

use super::gate::{Answering, Gate};

/// Takes a request up. Returns `None` only in tests without a connection.
pub(crate) fn begin(request: &mut ServiceRequest) -> Option<Answering> {
    let gate = request.request().conn_data::<Rc<Gate>>().cloned()?;
    if has_body(request) {
        let body = request.take_payload();
        let arriving = Arriving { body, gate: Rc::clone(&gate) };
        request.set_payload(Payload::Stream { payload: Box::pin(arriving) });
    } else {
        gate.shut();
    }
    Some(Answering(gate))
}

fn has_body(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
}

/// The body of a request: when it has been read to its end, the request has arrived.
struct Arriving {
    body: Payload,
    gate: Rc<Gate>,
}

impl Stream for Arriving {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.body).poll_next(cx));
        if next.is_none() {
            self.gate.shut();
        }
        Poll::Ready(next)
    }
}

/// The body of an answer: when it is dropped, it has been written or given up.
#[derive(Debug)]
pub(crate) struct Answered<B> {
    body: Pin<Box<B>>,
    _answering: Option<Answering>,
}

impl<B> Answered<B> {
    pub(crate) fn new(body: B, answering: Option<Answering>) -> Self {
        Self { body: Box::pin(body), _answering: answering }
    }
}

impl<B: MessageBody> MessageBody for Answered<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.body.as_mut().poll_next(cx)
    }
}
