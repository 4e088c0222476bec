//! The command lines as `--help` shows them: commands and options are public names, and scripts of others use them.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{command, run};

const LIMIT: Duration = Duration::from_secs(10);

/// The help of a program, and of each of its commands.
pub(super) async fn help(program: &str) -> Result<String> {
    let mut text = String::new();
    let mut paths = vec![Vec::new()];
    while let Some(path) = paths.pop() {
        let mut asked = command(program)?;
        asked.args(&path).arg("--help");
        let answer = run(asked, LIMIT).await?;
        ensure!(answer.code == Some(0), "{program} {path:?} --help: {answer:?}");
        let commands = answer.stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
        let commands =
            commands.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
        for name in commands.filter(|name| *name != "help").collect::<Vec<_>>().into_iter().rev() {
            paths.push(path.iter().cloned().chain([name.to_owned()]).collect::<Vec<_>>());
        }
        text.push_str(&format!(
            "$ {program} {}\n{}\n",
            [path, vec!["--help".to_owned()]].concat().join(" "),
            answer.stdout
        ));
    }
    Ok(text)
}

#[tokio::test]
async fn the_command_line_of_the_api_is_what_it_was() -> Result<()> {
    insta::assert_snapshot!(help("api").await?);
    Ok(())
}

#[tokio::test]
async fn the_command_line_of_the_relay_is_what_it_was() -> Result<()> {
    insta::assert_snapshot!(help("relay").await?);
    Ok(())
}
