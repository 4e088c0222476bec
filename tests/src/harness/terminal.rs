//! A program at a terminal: it asks a question and gets an answer.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::pty::{OpenptyResult, Winsize, openpty};

use super::wait::patiently;

/// How the program ended, and what the terminal showed.
#[derive(Debug)]
pub struct Session {
    pub code: Option<i32>,
    /// The terminal's output, including the typed text, which a terminal echoes.
    pub screen: String,
    pub stdout: String,
}

/// Runs `command` with a terminal for standard input and standard error; standard output is a file, as behind `>`. Types
/// `answer` as soon as the terminal shows `question`; an empty question is never asked.
///
/// # Errors
/// Fails if the question does not come, or the program does not end, within `limit` (it is killed then).
pub fn at_terminal(mut command: Command, question: &str, answer: &[u8], limit: Duration) -> Result<Session> {
    let pair = openpty(None, None).context("no terminal")?;
    command.stdout(Stdio::piped());
    converse(command, pair, question, answer, limit)
}

/// Runs `command` with a terminal of `columns` columns for all streams; `screen` has the output, and `stdout` is empty.
///
/// # Errors
/// Fails if the program does not end within `limit` (it is killed then).
pub fn on_screen(mut command: Command, columns: u16, limit: Duration) -> Result<Session> {
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pair = openpty(&size, None).context("no terminal")?;
    command.stdout(Stdio::from(pair.slave.try_clone()?));
    converse(command, pair, "", b"", limit)
}

fn converse(
    mut command: Command,
    pair: OpenptyResult,
    question: &str,
    answer: &[u8],
    limit: Duration,
) -> Result<Session> {
    let (mut reader, mut keyboard) = (File::from(pair.master.try_clone()?), File::from(pair.master));
    command.stdin(Stdio::from(pair.slave.try_clone()?)).stderr(Stdio::from(pair.slave));
    let mut child = command.spawn()?;
    // This side must not hold the terminal open, or its end is never seen.
    drop(command);
    let (shown, screen) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        // When no process has the terminal open any more, reading from it fails.
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if shown.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + patiently(limit);
    let (mut text, mut is_answered) = (Vec::new(), question.is_empty());
    loop {
        match screen.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(bytes) => text.extend(bytes),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                bail!(
                    "no end, or no question {question:?}, within {limit:?}: {}",
                    String::from_utf8_lossy(&text)
                );
            }
        }
        if !is_answered && String::from_utf8_lossy(&text).contains(question) {
            keyboard.write_all(answer)?;
            is_answered = true;
        }
    }
    let output = child.wait_with_output()?;
    Ok(Session {
        code: output.status.code(),
        screen: String::from_utf8_lossy(&text).into_owned(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
    })
}
