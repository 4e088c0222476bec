//! The HTTP servers of the process: one for clients, one for operators.
//!
//! They are put together from actix-web's own parts, because its `HttpServer` accepts only its own streams; ours are
//! [guarded](gate).

pub(crate) mod gate;
pub(crate) mod operations;
pub(crate) mod stopping;
pub(crate) mod taking_turns;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Request};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::{AppConfig, Response};
use actix_web::rt::net::TcpStream;
use anyhow::Context;

use self::gate::{Gate, Guarded};

/// How long a connection may take to close.
const DISCONNECT_LIMIT: Duration = Duration::from_secs(1);

/// The limits of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) workers: usize,
    /// The maximum number of connections of each worker.
    pub(crate) max_connections: usize,
    pub(crate) keep_alive: Duration,
    pub(crate) request_head: Duration,
    /// The time for which a client may read nothing.
    pub(crate) send: Duration,
    pub(crate) shutdown_seconds: u64,
}

/// Returns a server on `listener` that runs `app` in each of its workers, until its handle stops it. It handles no
/// signals.
///
/// # Errors
/// Fails if the listener cannot be used.
pub(crate) fn serve<F, I, S, B>(listener: TcpListener, limits: Limits, app: F) -> anyhow::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error>,
    S::InitError: std::fmt::Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let address = listener.local_addr()?;
    let builder = ServerBuilder::new()
        .workers(limits.workers)
        .max_concurrent_connections(limits.max_connections)
        .shutdown_timeout(limits.shutdown_seconds)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let service = move || {
        let stopping = stopping.clone();
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(limits.keep_alive)
            .client_request_timeout(limits.request_head)
            .client_disconnect_timeout(DISCONNECT_LIMIT)
            // Whoever sends no more has gone: a stream of notifications would go on for nobody.
            .h1_allow_half_closed(false)
            .local_addr(address)
            .on_connect_ext(|stream: &Guarded<TcpStream>, data| {
                data.insert::<std::rc::Rc<Gate>>(stream.gate());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| async move {
            let peer: Option<SocketAddr> = stream.peer_addr().ok();
            // Small answers are not held back to be sent together with later ones.
            let _ = stream.set_nodelay(true);
            Ok::<_, DispatchError>((Guarded::new(stream, limits.send), peer))
        })
        .and_then(http)
    };
    let server = builder.listen(format!("http-{address}"), listener, service).context("cannot listen")?;
    Ok(server.run())
}
