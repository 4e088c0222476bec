use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Proxy;

const LIMIT: Duration = Duration::from_secs(10);
/// The time without any byte that counts as silence.
const SILENCE: Duration = Duration::from_millis(200);

/// Returns a client and the server's end of its connection, through a proxy.
async fn connected() -> (Proxy, TcpStream, TcpStream) {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxy = Proxy::start(&server.local_addr().unwrap().to_string()).await.unwrap();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    let (accepted, _) = server.accept().await.unwrap();
    (proxy, client, accepted)
}

async fn receives(stream: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    tokio::time::timeout(LIMIT, stream.read_exact(&mut bytes)).await.expect("in time").unwrap();
    assert_eq!(bytes, expected);
}

async fn sees_the_end(stream: &mut TcpStream) {
    let read = tokio::time::timeout(LIMIT, stream.read(&mut [0; 1])).await.expect("in time");
    assert!(!matches!(read, Ok(1..)), "it received something: {read:?}");
}

/// Asserts that neither a byte nor the end of the connection arrives.
async fn hears_nothing(stream: &mut TcpStream) {
    let read = tokio::time::timeout(SILENCE, stream.read(&mut [0; 1])).await;
    assert!(read.is_err(), "it heard {read:?}");
}

#[tokio::test]
async fn bytes_and_the_end_of_a_connection_pass_in_both_directions() {
    let (_proxy, mut client, mut server) = connected().await;
    client.write_all(b"question").await.unwrap();
    receives(&mut server, b"question").await;
    client.shutdown().await.unwrap();
    sees_the_end(&mut server).await;
    server.write_all(b"answer").await.unwrap();
    receives(&mut client, b"answer").await;
    drop(server);
    sees_the_end(&mut client).await;
}

#[tokio::test]
async fn swallowed_requests_are_silent_even_when_the_client_leaves_and_answers_still_pass() {
    let (proxy, mut client, mut server) = connected().await;
    proxy.swallow_requests();
    server.write_all(b"answer").await.unwrap();
    receives(&mut client, b"answer").await;
    drop(client);
    hears_nothing(&mut server).await;
    proxy.heal();
    sees_the_end(&mut server).await;
}

#[tokio::test]
async fn swallowed_answers_are_silent_even_when_the_server_dies_and_requests_still_pass() {
    let (proxy, mut client, mut server) = connected().await;
    proxy.swallow_answers();
    client.write_all(b"question").await.unwrap();
    receives(&mut server, b"question").await;
    // Closing with an unread byte makes it a reset.
    client.write_all(b"!").await.unwrap();
    server.readable().await.unwrap();
    drop(server);
    hears_nothing(&mut client).await;
    client.write_all(b"more").await.unwrap();
    hears_nothing(&mut client).await;
}

#[tokio::test]
async fn a_connection_made_while_requests_are_swallowed_does_not_reach_the_server() {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxy = Proxy::start(&server.local_addr().unwrap().to_string()).await.unwrap();
    proxy.swallow_requests();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_all(b"question").await.unwrap();
    assert!(tokio::time::timeout(SILENCE, server.accept()).await.is_err());
    proxy.resume();
    let (mut accepted, _) = server.accept().await.unwrap();
    receives(&mut accepted, b"question").await;
}

#[tokio::test]
async fn what_was_swallowed_arrives_late_after_a_resume_and_never_after_a_heal() {
    let (proxy, mut client, mut server) = connected().await;
    proxy.swallow_requests();
    client.write_all(b"late").await.unwrap();
    drop(client);
    hears_nothing(&mut server).await;
    proxy.resume();
    receives(&mut server, b"late").await;
    sees_the_end(&mut server).await;

    let (proxy, mut client, mut server) = connected().await;
    proxy.swallow_requests();
    client.write_all(b"lost").await.unwrap();
    hears_nothing(&mut server).await;
    proxy.heal();
    sees_the_end(&mut server).await;
}

#[tokio::test]
async fn stranded_connections_are_silent_and_new_ones_work() {
    let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxy = Proxy::start(&server.local_addr().unwrap().to_string()).await.unwrap();
    let mut stranded = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut old, _) = server.accept().await.unwrap();
    proxy.strand();
    stranded.write_all(b"question").await.unwrap();
    old.write_all(b"answer").await.unwrap();
    hears_nothing(&mut old).await;
    hears_nothing(&mut stranded).await;
    let mut fresh = TcpStream::connect(proxy.address()).await.unwrap();
    fresh.write_all(b"question").await.unwrap();
    let (mut new, _) = server.accept().await.unwrap();
    receives(&mut new, b"question").await;
    proxy.resume();
    hears_nothing(&mut old).await;
    proxy.heal();
    sees_the_end(&mut old).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_holds_every_byte_back_and_does_not_limit_how_many_are_on_their_way() {
    const DELAY: Duration = Duration::from_millis(100);
    const BYTES: usize = 16 * 1024 * 1024;
    let (proxy, mut client, mut server) = connected().await;
    proxy.delay(DELAY);
    let begin = Instant::now();
    client.write_all(b"ping").await.unwrap();
    receives(&mut server, b"ping").await;
    server.write_all(b"pong").await.unwrap();
    receives(&mut client, b"pong").await;
    assert!(begin.elapsed() >= 2 * DELAY, "{:?}", begin.elapsed());

    let begin = Instant::now();
    let sender = tokio::spawn(async move { client.write_all(&vec![7; BYTES]).await });
    receives(&mut server, &vec![7; BYTES]).await;
    sender.await.unwrap().unwrap();
    // One chunk of 64 KiB at a time would take 25 s.
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}
