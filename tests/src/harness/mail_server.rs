//! A mail server (RFC 5321) that answers as a test wants it: it refuses, hangs, closes the connection, or says what
//! no server should, at any step.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const FLOOD_PART: usize = 16 * 1024;
const MAX_FLOOD: usize = 64 * 1024 * 1024;

/// What a client has just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Connected,
    Hello,
    StartTls,
    Auth,
    Mail,
    Recipient,
    Data,
    /// The e-mail is here as a whole.
    End,
}

impl Step {
    pub const ALL: [Self; 8] = [
        Self::Connected,
        Self::Hello,
        Self::StartTls,
        Self::Auth,
        Self::Mail,
        Self::Recipient,
        Self::Data,
        Self::End,
    ];
}

/// What the server does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// What a server does that is well.
    Go,
    /// An answer with this code.
    Say(u16),
    /// An answer with this code, of which the text is not UTF-8. At the end, a code of 2xx takes the e-mail.
    SayInLatin1(u16),
    /// An answer that does not end.
    Flood,
    /// Nothing, with the connection open.
    Hang,
    Close,
    /// At the end: takes the e-mail, and closes the connection without an answer.
    TakeAndClose,
    /// At the end: takes the e-mail, and says nothing.
    TakeAndHang,
}

/// The step of a client that the server is to react to.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    pub step: Step,
    /// As soon as it is known; empty before.
    pub recipient: &'a str,
    /// As soon as it is known; empty before.
    pub message_id: &'a str,
}

/// An e-mail that the server has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenEmail {
    pub message_id: String,
    /// Of the envelope.
    pub sender: String,
    pub recipient: String,
    pub content: String,
    /// Whether the client was told.
    pub answered: bool,
    pub encrypted: bool,
    /// The user who logged in, as AUTH PLAIN sends it.
    pub credentials: Option<String>,
}

impl TakenEmail {
    /// Returns the content without the marks of quoted-printable.
    pub fn plain(&self) -> String {
        let mut bytes = Vec::new();
        let joined = self.content.replace("=\r\n", "");
        let mut rest = joined.as_str();
        while let Some((before, after)) = rest.split_once('=') {
            bytes.extend_from_slice(before.as_bytes());
            match after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &after[2..];
                }
                None => {
                    bytes.push(b'=');
                    rest = after;
                }
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the one-time token that it hands over.
    pub fn token(&self) -> Option<String> {
        let plain = self.plain();
        let start = plain.find("cot_")?;
        let is_of_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        Some(plain[start..].chars().take_while(|c| is_of_token(*c)).collect())
    }
}

type React = dyn Fn(Turn<'_>) -> Reaction + Send + Sync;

/// How the server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    None,
    /// It takes no e-mail before STARTTLS.
    StartTls,
    FromTheFirstByte,
}

/// A mail server. It ends when it is dropped.
pub struct MailServer {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<TakenEmail>>>,
    accepting: AbortHandle,
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl MailServer {
    /// Starts a server that takes everything.
    ///
    /// # Errors
    /// Fails if there is no free port.
    pub async fn start() -> Result<Self> {
        Self::reacting(|_| Reaction::Go).await
    }

    /// Starts a server that reacts like this.
    ///
    /// # Errors
    /// Fails if there is no free port.
    pub async fn reacting(react: impl Fn(Turn<'_>) -> Reaction + Send + Sync + 'static) -> Result<Self> {
        Self::new(Arc::new(react), Encryption::None, None).await
    }

    /// Starts a server that demands encryption, with the certificate and the key in these files.
    ///
    /// # Errors
    /// Fails if there is no free port, or if the files hold something else.
    pub async fn encrypted(encryption: Encryption, certificate: &Path, key: &Path) -> Result<Self> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_file(key)?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Self::new(Arc::new(|_: Turn<'_>| Reaction::Go), encryption, Some(TlsAcceptor::from(Arc::new(config))))
            .await
    }

    async fn new(react: Arc<React>, encryption: Encryption, tls: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let taken = Arc::new(Mutex::new(Vec::new()));
        let store = Arc::clone(&taken);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let talk = Talk {
                    react: Arc::clone(&react),
                    taken: Arc::clone(&store),
                    encryption,
                    tls: tls.clone(),
                    is_encrypted: false,
                    credentials: None,
                };
                // A client that goes away is no fault.
                tokio::spawn(async move { drop(talk.serve(stream).await) });
            }
        });
        Ok(Self { address, taken, accepting: accepting.abort_handle() })
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the URL of a server that is not encrypted.
    pub fn url(&self) -> String {
        format!("smtp://{}?tls=none", self.address)
    }

    /// Returns what it has taken so far.
    pub fn taken(&self) -> Vec<TakenEmail> {
        lock(&self.taken).clone()
    }

    /// Returns what it has taken so far for this recipient.
    pub fn taken_for(&self, recipient: &str) -> Vec<TakenEmail> {
        self.taken().into_iter().filter(|email| email.recipient == recipient).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One connection.
struct Talk {
    react: Arc<React>,
    taken: Arc<Mutex<Vec<TakenEmail>>>,
    encryption: Encryption,
    tls: Option<TlsAcceptor>,
    is_encrypted: bool,
    credentials: Option<String>,
}

/// Why a conversation goes no further.
enum End {
    Closed,
    StartTls,
}

/// The e-mail that is being handed over.
#[derive(Default)]
struct Envelope {
    sender: String,
    recipient: String,
}

impl Talk {
    async fn serve(mut self, stream: TcpStream) -> Result<()> {
        let acceptor = self.tls.clone();
        if self.encryption == Encryption::FromTheFirstByte {
            let stream = acceptor.context("no certificate")?.accept(stream).await?;
            self.is_encrypted = true;
            self.converse(&mut BufReader::new(stream), true).await?;
            return Ok(());
        }
        let mut stream = BufReader::new(stream);
        if let End::StartTls = self.converse(&mut stream, true).await? {
            let stream = acceptor.context("no certificate")?.accept(stream.into_inner()).await?;
            self.is_encrypted = true;
            self.converse(&mut BufReader::new(stream), false).await?;
        }
        Ok(())
    }

    async fn converse<S: Stream>(&mut self, stream: &mut BufReader<S>, greets: bool) -> Result<End> {
        if greets && !self.answer(stream, Step::Connected, &Envelope::default(), "220 ready\r\n").await? {
            return Ok(End::Closed);
        }
        let (mut envelope, mut line) = (Envelope::default(), String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(End::Closed);
            }
            let verb = line.trim_end().to_ascii_uppercase();
            let wants_tls = self.encryption == Encryption::StartTls && !self.is_encrypted;
            let goes_on = if verb.starts_with("EHLO") {
                let offer = if wants_tls { "250-STARTTLS\r\n" } else { "250-AUTH PLAIN LOGIN\r\n" };
                let text = format!("250-hello\r\n{offer}250-8BITMIME\r\n250 SMTPUTF8\r\n");
                self.answer(stream, Step::Hello, &envelope, &text).await?
            } else if verb.starts_with("STARTTLS") && wants_tls {
                if self.answer(stream, Step::StartTls, &envelope, "220 go ahead\r\n").await? {
                    return Ok(End::StartTls);
                }
                false
            } else if verb.starts_with("AUTH PLAIN") {
                self.credentials = line.split_whitespace().nth(2).map(str::to_owned);
                self.answer(stream, Step::Auth, &envelope, "235 welcome\r\n").await?
            } else if verb.starts_with("MAIL") && wants_tls {
                say(stream, "530 5.7.0 Must issue a STARTTLS command first\r\n").await?;
                true
            } else if verb.starts_with("MAIL") {
                envelope = Envelope { sender: address(&line), recipient: String::new() };
                self.answer(stream, Step::Mail, &envelope, "250 ok\r\n").await?
            } else if verb.starts_with("RCPT") {
                envelope.recipient = address(&line);
                self.answer(stream, Step::Recipient, &envelope, "250 ok\r\n").await?
            } else if verb.starts_with("DATA") {
                self.data(stream, &envelope).await?
            } else if verb.starts_with("QUIT") {
                say(stream, "221 bye\r\n").await?;
                false
            } else {
                say(stream, "250 ok\r\n").await?;
                true
            };
            if !goes_on {
                return Ok(End::Closed);
            }
        }
    }

    /// Reacts to a step. Returns `false` if the connection is to be closed.
    async fn answer<S: Stream>(
        &self,
        stream: &mut BufReader<S>,
        step: Step,
        envelope: &Envelope,
        text: &str,
    ) -> Result<bool> {
        match (self.react)(Turn { step, recipient: &envelope.recipient, message_id: "" }) {
            Reaction::Go => say(stream, text).await?,
            Reaction::Say(code) => say(stream, &format!("{code} as the test says\r\n")).await?,
            Reaction::SayInLatin1(code) => say_bytes(stream, &in_latin_1(code)).await?,
            Reaction::Flood => flood(stream).await?,
            Reaction::Hang | Reaction::TakeAndHang => hang(stream).await?,
            Reaction::Close | Reaction::TakeAndClose => return Ok(false),
        }
        Ok(true)
    }

    async fn data<S: Stream>(&self, stream: &mut BufReader<S>, envelope: &Envelope) -> Result<bool> {
        let turn = Turn { step: Step::Data, recipient: &envelope.recipient, message_id: "" };
        let reaction = (self.react)(turn);
        if reaction != Reaction::Go {
            return self.answer(stream, Step::Data, envelope, "").await;
        }
        say(stream, "354 go ahead\r\n").await?;
        let mut content = String::new();
        loop {
            let begin = content.len();
            if stream.read_line(&mut content).await? == 0 {
                return Ok(false);
            }
            if content[begin..].trim_end() == "." {
                content.truncate(begin);
                break;
            }
        }
        let message_id = header(&content, "Message-ID");
        let turn = Turn { step: Step::End, recipient: &envelope.recipient, message_id: &message_id };
        let reaction = (self.react)(turn);
        let mut email = TakenEmail {
            message_id,
            sender: envelope.sender.clone(),
            recipient: envelope.recipient.clone(),
            content,
            answered: true,
            encrypted: self.is_encrypted,
            credentials: self.credentials.clone(),
        };
        match reaction {
            Reaction::Go => {
                // Before the answer: whoever hears it finds the e-mail.
                lock(&self.taken).push(email);
                say(stream, "250 2.0.0 taken\r\n").await?;
                Ok(true)
            }
            Reaction::Say(code) => {
                say(stream, &format!("{code} as the test says\r\n")).await?;
                Ok(true)
            }
            Reaction::SayInLatin1(code) => {
                if (200..300).contains(&code) {
                    lock(&self.taken).push(email);
                }
                say_bytes(stream, &in_latin_1(code)).await?;
                Ok(true)
            }
            Reaction::Flood => {
                flood(stream).await?;
                Ok(false)
            }
            Reaction::TakeAndClose | Reaction::TakeAndHang => {
                email.answered = false;
                lock(&self.taken).push(email);
                if reaction == Reaction::TakeAndHang {
                    hang(stream).await?;
                }
                Ok(false)
            }
            Reaction::Hang => {
                hang(stream).await?;
                Ok(false)
            }
            Reaction::Close => Ok(false),
        }
    }
}

async fn say<S: Stream>(stream: &mut BufReader<S>, text: &str) -> Result<()> {
    say_bytes(stream, text.as_bytes()).await
}

async fn say_bytes<S: Stream>(stream: &mut BufReader<S>, bytes: &[u8]) -> Result<()> {
    stream.get_mut().write_all(bytes).await?;
    Ok(stream.get_mut().flush().await?)
}

fn in_latin_1(code: u16) -> Vec<u8> {
    [code.to_string().as_bytes(), b" Message accept\xe9\r\n"].concat()
}

/// Says one line until the client goes away, at most as much as a machine for tests can bear.
async fn flood<S: Stream>(stream: &mut BufReader<S>) -> Result<()> {
    let part = "A".repeat(FLOOD_PART);
    say(stream, "250-").await?;
    for _ in 0..MAX_FLOOD / FLOOD_PART {
        say(stream, &part).await?;
    }
    hang(stream).await
}

/// Says nothing until the client goes away.
async fn hang<S: Stream>(stream: &mut BufReader<S>) -> Result<()> {
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        line.clear();
    }
    Ok(())
}

/// The address between `<` and `>`.
fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(address, _)| address.to_owned())
}

/// The value of a header, of which the name is not case-sensitive.
fn header(content: &str, name: &str) -> String {
    let lines = content.lines().take_while(|line| !line.is_empty());
    let mut found = lines.filter_map(|line| line.split_once(':'));
    let found = found.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}
