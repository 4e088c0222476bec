//! The documents are true: commands in them exist with the options that they are shown with, targets of make exist, links lead
//! somewhere, and blocks that are marked `sh run` do run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, RUNTIME_ROLE, World, program, root, run, until};

use super::help::help;

const LIMIT: Duration = Duration::from_secs(60);
const PROGRAMS: [&str; 2] = ["api", "relay"];

/// Every document of the project, by its path in it.
fn documents() -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for folder in ["", "docs", "docs/adr", "deploy", "tests", "api", "relay", "core"] {
        for entry in std::fs::read_dir(root().join(folder))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") {
                let path = Path::new(folder).join(&name).display().to_string();
                let text = std::fs::read_to_string(root().join(&path)).with_context(|| path.clone())?;
                all.insert(path, text);
            }
        }
    }
    ensure!(all.len() > 40 && all.contains_key("docs/README.md"), "{:?}", all.keys());
    Ok(all)
}

/// A fenced block: what follows the fence (`sh run`), and the lines within.
struct Block<'a> {
    kind: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        match line.trim_start().strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(kind) => {
                is_open = true;
                blocks.push(Block { kind: kind.trim(), lines: Vec::new() });
            }
            None if is_open => blocks.iter_mut().last().into_iter().for_each(|block| block.lines.push(line)),
            None => {}
        }
    }
    blocks
}

/// The text outside of fenced blocks.
fn prose(text: &str) -> String {
    let mut is_open = false;
    let outside = |line: &&str| {
        let is_fence = line.trim_start().starts_with("```");
        is_open ^= is_fence;
        !is_open && !is_fence
    };
    text.lines().filter(outside).collect::<Vec<_>>().join("\n")
}

/// What stands between single backticks.
fn code_spans(text: &str) -> Vec<String> {
    let prose = prose(text).replace('\n', " ");
    prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The command lines of our programs in a text of code, each from the program's name on.
fn command_lines(code: &str) -> Vec<String> {
    let code = code.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in code.lines() {
        // Behind two spaces are further options, or what it does.
        let line = line.trim().split(" #").next().unwrap_or_default();
        let mut parts = line.split("  ").map(str::trim).filter(|part| !part.is_empty());
        let first = parts.next().unwrap_or_default().to_owned();
        let line =
            parts.take_while(|part| part.starts_with(['[', '-'])).fold(first, |line, part| line + " " + part);
        for part in line.split("$(").flat_map(|part| part.split([';', '&', '>', ')'])) {
            let words: Vec<_> = part.split_whitespace().collect();
            // In front of it may be settings, and what sets the environment up.
            let start = words.iter().position(|word| {
                !word.contains('=')
                    && !["deploy/services", "deploy/run", "with", "timeout", "$"].contains(word)
            });
            let Some(start) = start else { continue };
            let name = words[start].trim_start_matches("target/release/");
            if PROGRAMS.contains(&name) {
                found.push(format!("{name} {}", words[start + 1..].join(" ")).trim().to_owned());
            }
        }
    }
    found
}

/// Each command with the text of its `--help`, such as `relay dead-letters list`.
async fn helps() -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for program in PROGRAMS {
        let text = help(program).await?;
        for part in text.split("$ ").skip(1) {
            let (line, text) = part.split_once('\n').context("a line and the help")?;
            all.insert(line.trim_end_matches("--help").trim().to_owned(), text.to_owned());
        }
    }
    Ok(all)
}

/// What is wrong with a command line: a command or an option that does not exist.
fn fault(line: &str, helps: &BTreeMap<String, String>) -> Option<String> {
    let mut words = line.split([' ', '[', ']']).filter(|word| !word.is_empty());
    let mut command = words.next()?.to_owned();
    let mut rest: Vec<&str> = words.collect();
    // `list|show` are several commands, of which each must exist.
    while let Some(word) = rest.first() {
        let named: Vec<_> = word.split(['|', ',']).map(|name| format!("{command} {name}")).collect();
        if !named.iter().all(|name| helps.contains_key(name)) {
            break;
        }
        command = named.last()?.clone();
        rest.remove(0);
    }
    let help = helps.get(&command)?;
    let takes_commands = help.contains("\nCommands:\n");
    if let Some(word) =
        rest.first().filter(|word| takes_commands && word.starts_with(|c: char| c.is_ascii_lowercase()))
    {
        return Some(format!("there is no `{command} {word}`"));
    }
    let options: BTreeSet<&str> =
        help.split([' ', ',', '=', '\n', '[', ']']).filter(|word| word.starts_with("--")).collect();
    let wanted = rest
        .iter()
        .flat_map(|word| word.split(['=', '|', ',', ')', '(', '\'', '"']))
        .filter(|word| word.starts_with("--"));
    wanted
        .map(|option| option.trim_end_matches(['.', '…', ';', ':']))
        .find(|option| !options.contains(option))
        .map(|option| format!("`{command}` has no {option}"))
}

#[tokio::test]
async fn commands_in_the_documents_exist_with_their_options() -> Result<()> {
    let helps = helps().await?;
    let mut faults = Vec::new();
    let mut checked = 0;
    for (path, text) in documents()? {
        // What it was called then.
        if path == "CHANGELOG.md" || path.starts_with("docs/adr") {
            continue;
        }
        let spans = code_spans(&text).join("\n");
        let code = blocks(&text).iter().map(|block| block.lines.join("\n")).collect::<Vec<_>>().join("\n");
        for line in command_lines(&format!("{spans}\n{code}")) {
            checked += 1;
            faults.extend(fault(&line, &helps).map(|fault| format!("{path}: {line}: {fault}")));
        }
    }
    ensure!(checked > 100, "only {checked} command lines were found");
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    // The check itself: it sees what was renamed.
    for (line, said) in [
        ("relay dead-letters list --evnt-type T", "`relay dead-letters list` has no --evnt-type"),
        ("relay dead-letters lst", "there is no `relay dead-letters lst`"),
        ("api migrat", "there is no `api migrat`"),
    ] {
        ensure!(fault(line, &helps).as_deref() == Some(said), "{line}: {:?}", fault(line, &helps));
    }
    Ok(())
}

#[test]
fn targets_of_make_in_the_documents_exist() -> Result<()> {
    let makefile = std::fs::read_to_string(root().join("Makefile"))?;
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with('\t'))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .collect();
    let mut checked = 0;
    for (path, text) in documents()? {
        let mut code = code_spans(&text);
        code.extend(blocks(&text).iter().flat_map(|block| block.lines.iter().map(|line| (*line).to_owned())));
        for name in code.iter().filter_map(|line| line.trim().strip_prefix("make ")) {
            let name = name.split([' ', ',']).next().unwrap_or_default();
            checked += 1;
            ensure!(targets.contains(name) || path == "CHANGELOG.md", "{path}: make {name}");
        }
    }
    ensure!(checked > 30, "only {checked} were found");
    Ok(())
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    let headings = headings
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let keep = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
    headings
        .map(|heading| {
            heading.to_lowercase().chars().filter(|c| keep(*c)).collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn links_in_the_documents_lead_somewhere() -> Result<()> {
    let documents = documents()?;
    let mut checked = 0;
    for (path, text) in &documents {
        let folder = Path::new(path).parent().context("a folder")?;
        for link in prose(text).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { PathBuf::from(path) } else { normal(&folder.join(file)) };
            ensure!(
                root().join(&target).exists(),
                "{path} links to {link}: there is no {}",
                target.display()
            );
            if !anchor.is_empty() {
                let text = documents
                    .get(&target.display().to_string())
                    .with_context(|| format!("{path}: {link}"))?;
                ensure!(anchors(text).contains(anchor), "{path} links to {link}: there is no such heading");
            }
        }
    }
    ensure!(checked > 100, "only {checked} links were found");
    Ok(())
}

/// The path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        if part.as_os_str() == ".." {
            normal.pop()
        } else {
            normal.push(part);
            true
        };
    }
    normal
}

/// The index names every document that is not named by the index of another kind.
#[test]
fn the_index_of_the_documents_is_complete() -> Result<()> {
    let documents = documents()?;
    let index = documents.get("docs/README.md").context("docs/README.md")?;
    for path in documents
        .keys()
        .filter_map(|path| path.strip_prefix("docs/"))
        .filter(|path| *path != "README.md" && !path.starts_with("adr/"))
    {
        ensure!(index.contains(&format!("]({path}")), "docs/README.md does not name {path}");
    }
    Ok(())
}

/// A folder with the programs under their names, for the path of a shell.
fn programs(folder: &Path) -> Result<()> {
    for name in PROGRAMS {
        std::os::unix::fs::symlink(program(name)?, folder.join(name))?;
    }
    Ok(())
}

/// Runs lines in a shell whose path begins with `programs`.
async fn shell(lines: &str, folder: &Path, programs: &Path, environment: &[(&str, &str)]) -> Result<String> {
    let mut command = Command::new("bash");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    command.args(["-euo", "pipefail", "-c", lines]).current_dir(folder).env("PATH", path);
    command.envs(environment.iter().copied());
    let exit = run(command, LIMIT).await?;
    ensure!(exit.code == Some(0), "{lines}\nexit {:?}\n{}{}", exit.code, exit.stdout, exit.stderr);
    Ok(exit.stdout)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_are_marked_to_run_do_run() {
    World::run(async |world| {
        let bin = tempfile::tempdir()?;
        programs(bin.path())?;
        // So that there is something to show.
        let admin =
            ["create-admin", "--email", "eve@docks.example", "--name", "Eve", "--tenant-name", "Docks"];
        ensure!(world.run_api(&admin).await?.code == Some(0), "create-admin");
        let mut ran = 0;
        for (path, text) in documents()? {
            // The blocks of one document follow one another.
            let folder = tempfile::tempdir()?;
            for block in blocks(&text).iter().filter(|block| block.kind == "sh run") {
                let lines = block.lines.join("\n");
                // What acts on a company's behalf logs in as the API does, the rest as the owner (docs/roles.md).
                let database = &world.database;
                let url = if lines.contains("create-admin") { &database.api_url } else { &database.url };
                let environment =
                    [("DATABASE_URL", url.as_str()), ("COMPTOIR__API__DATABASE_ROLE", RUNTIME_ROLE)];
                shell(&lines, folder.path(), bin.path(), &environment).await.context(path.clone())?;
                ran += 1;
            }
        }
        ensure!(ran >= 4, "only {ran} blocks were run");
        Ok(())
    })
    .await;
}

/// The walk of README, against an API and a relay that run already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_walk_of_the_readme_ends_with_an_event_that_a_consumer_sees() {
    World::run(async |world| {
        let api = Api::start(world, &[]).await?;
        let _relay = world.relay().await?;
        let documents = documents()?;
        let readme = documents.get("README.md").context("README.md")?;
        let (_, walk) = readme.split_once("\n## Use it\n").context("## Use it")?;
        let blocks = blocks(walk.split("\n## ").next().unwrap_or_default());
        let [start, listen, walk] = &blocks[..] else { anyhow::bail!("{} blocks", blocks.len()) };
        ensure!(start.lines == ["make run"], "{:?}", start.lines);
        let here = |block: &Block<'_>| {
            block
                .lines
                .join("\n")
                .replace("deploy/run with ", "")
                .replace("deploy/services with target/release/", "")
                .replace("http://127.0.0.1:8080", api.http.root())
        };
        let listen = here(listen);
        let arguments: Vec<_> = listen.split_whitespace().map(|word| word.trim_matches('\'')).collect();
        ensure!(arguments[0] == "relay", "{listen}");
        let listening = world.start_relay(&arguments[1..])?;
        until("the consumer listens", LIMIT, async || {
            ensure!(listening.output().contains("listening to"), "{}", listening.output());
            Ok(())
        })
        .await?;
        let bin = tempfile::tempdir()?;
        programs(bin.path())?;
        let environment = [
            ("DATABASE_URL", world.database.api_url.as_str()),
            ("COMPTOIR__API__DATABASE_ROLE", RUNTIME_ROLE),
        ];
        let shown = shell(&here(walk), bin.path(), bin.path(), &environment).await?;
        let order: serde_json::Value = serde_json::from_str(&shown).with_context(|| shown.clone())?;
        ensure!(order["number"].is_string() || order["id"].is_string(), "{order}");
        let id = order["id"].as_str().context("the order's id")?;
        until("the consumer sees the order", LIMIT, async || {
            let seen = listening.output();
            ensure!(seen.contains("order.placed") && seen.contains(id), "{seen}");
            Ok(())
        })
        .await
    })
    .await;
}
