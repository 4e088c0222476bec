//! Seen: 60 connections that pipelined GETs and read nothing made the API grow from 24 to 747 MiB, and stayed for as long as
//! they liked.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, World, address, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const CONNECTIONS: usize = 60;
/// Bytes that a client tries to send.
const SENT: usize = 4 * 1024 * 1024;
const MIB: u64 = 1024;
/// What 60 connections may cost, in a build that is not optimised: half a mebibyte each, and the allocator's own.
const MAY_GROW_KIB: u64 = 60 * MIB;

fn resident_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Sends requests until the other side takes no more; returns the connection.
async fn send_and_read_nothing(address: String, request: String) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // So that few answers fill it.
    socket.set_recv_buffer_size(8 * 1024)?;
    let mut stream = socket.connect(address.parse()?).await?;
    let many = request.repeat(SENT / request.len());
    // When nothing is taken for a second, nothing will be.
    let mut rest = many.as_bytes();
    while !rest.is_empty() {
        match tokio::time::timeout(Duration::from_secs(1), stream.write(rest)).await {
            Ok(Ok(count)) => rest = &rest[count..],
            Ok(Err(_)) | Err(_) => break,
        }
    }
    Ok(stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_connection_holds_little_and_not_for_long() {
    World::run(async |world| {
        let environment = [
            // A machine that is busy may take long for what is free.
            ("COMPTOIR__DATABASE__WAIT_TIMEOUT_MS", "10000"),
            ("COMPTOIR__DATABASE__LOCK_TIMEOUT_MS", "10000"),
            ("COMPTOIR__DATABASE__CONNECT_TIMEOUT_MS", "10000"),
            ("COMPTOIR__API__SEND_TIMEOUT_MS", "10000"),
        ];
        let api = Api::start(world, &environment).await?;
        for number in 0..20 {
            api.customer(&format!("C-{number}")).await?;
        }
        let key = &world.tenant().await?.api_key;
        let request =
            format!("GET /api/v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
        let target = address(api.http.root())?.to_owned();
        // What an API that has worked needs anyway.
        for answer in futures::future::join_all((0..60).map(|_| api.http.get("/customers"))).await {
            assert_eq!(answer?.status, 200);
        }
        let before = resident_kib(api.daemon.pid())?;
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| tokio::spawn(send_and_read_nothing(target.clone(), request.clone())))
            .collect();
        let mut streams = Vec::new();
        let mut most = before;
        for client in clients {
            streams.push(client.await??);
            most = most.max(resident_kib(api.daemon.pid())?);
        }
        assert!(most - before < MAY_GROW_KIB, "it grew from {before} to {most} KiB");
        assert_eq!(api.http.get("/customers").await?.status, 200, "others are served meanwhile");
        until("those that read nothing to be cut off", Duration::from_secs(120), async || {
            let port = target.rsplit(':').next().unwrap_or_default();
            let open = established(port)?;
            // How soon depends on when the kernel takes no more for them.
            ensure!(open < CONNECTIONS, "{open} connections are open");
            Ok(())
        })
        .await?;
        drop(streams);
        Ok(())
    })
    .await;
}

/// Connections to this port that the API has open.
fn established(port: &str) -> Result<usize> {
    let (port, table) = (format!(":{:04X}", port.parse::<u16>()?), std::fs::read_to_string("/proc/net/tcp")?);
    let is_open = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next().is_some_and(|local| local.ends_with(&port)) && fields.nth(1) == Some("01")
    };
    Ok(table.lines().skip(1).filter(is_open).count())
}

/// Nothing that clients may do is lost with it: requests that were sent together are answered, in their order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order() {
    World::run(async |world| {
        let api = world.api().await?;
        let key = &world.tenant().await?.api_key;
        let mut stream = TcpStream::connect(address(api.http.root())?).await?;
        let body = |number: usize| format!("{{\"code\":\"C-{number}\",\"name\":\"Anna\",\"email\":\"a@example.com\"}}");
        let mut sent = String::new();
        for number in 0..100 {
            let (body, id) = (body(number), format!("X-Request-Id: r{number}\r\nAuthorization: Bearer {key}"));
            sent += &format!(
                "POST /api/v1/customers HTTP/1.1\r\nHost: x\r\n{id}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let last = if number == 99 { "Connection: close\r\n" } else { "" };
            sent += &format!("GET /api/v1/customers?limit=1 HTTP/1.1\r\nHost: x\r\n{last}{id}\r\n\r\n");
        }
        let (mut reader, mut writer) = stream.split();
        let mut answers = String::new();
        let (written, read) =
            tokio::join!(writer.write_all(sent.as_bytes()), reader.read_to_string(&mut answers));
        written?;
        read?;
        let ids: Vec<&str> = answers.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).collect();
        let expected: Vec<String> = (0..200).map(|number| format!("r{}", number / 2)).collect();
        assert_eq!(ids, expected);
        assert_eq!(answers.matches("HTTP/1.1 201").count(), 100);
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 100);
        Ok(())
    })
    .await;
}
