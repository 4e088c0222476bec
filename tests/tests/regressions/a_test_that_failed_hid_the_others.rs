//! Seen: `make test` ended at the first target with a failure. Whoever ran it in an empty clone learnt of one test that had failed,
//! by chance, and nothing of the targets after it. It goes on now, and its last lines name everything that failed: a list that
//! leaves something out would be as bad.

use std::io::Write;
use std::process::{Command, Stdio};

use comptoir_tests::harness::root;

fn named(output: &str) -> Vec<String> {
    let mut command = Command::new(root().join("deploy/failed-tests"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the script");
    child.stdin.take().expect("a pipe").write_all(output.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn every_test_that_failed_is_named_with_its_target() {
    let output = "     Running unittests src/lib.rs (target/debug/deps/comptoir_core-0123abcd)

running 3 tests
test money::adds ... ok
test money::rounds ... FAILED
test text::is_cut ... FAILED

failures:

---- money::rounds stdout ----
failures:
    what a test prints

failures:
    money::rounds
    text::is_cut

test result: FAILED. 1 passed; 2 failed; 0 ignored
error: test failed, to rerun pass `-p comptoir-core --lib`
     Running tests/relay/main.rs (target/debug/deps/relay-89ef)
test once::drains ... ok
test result: ok. 1 passed; 0 failed
     Running tests/whole/main.rs (target/debug/deps/whole-77aa)
error: test failed, to rerun pass `-p comptoir-tests --test whole`

Caused by:
  process didn't exit successfully: `target/debug/deps/whole-77aa` (signal: 9, SIGKILL: kill)
   Doc-tests comptoir_core

failures:
    core/src/values/money.rs - money (line 3)

test result: FAILED. 0 passed; 1 failed
";
    let expected = [
        "comptoir_core money::rounds",
        "comptoir_core text::is_cut",
        "whole process didn't exit successfully: `target/debug/deps/whole-77aa` (signal: 9, SIGKILL: kill)",
        "comptoir_core (documentation) core/src/values/money.rs - money (line 3)",
    ];
    assert_eq!(named(output), expected);
}

#[test]
fn where_nothing_failed_nothing_is_named() {
    let output = "     Running tests/api/main.rs (target/debug/deps/api-0123abcd)
test a::b ... ok
test result: ok. 1 passed; 0 failed
";
    assert_eq!(named(output), Vec::<String>::new());
}
