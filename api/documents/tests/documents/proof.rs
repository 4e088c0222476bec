//! What others say of the documents: the schematrons, three readers, a look into the file (`judge.py`).

use std::path::Path;
use std::process::Command;

use comptoir_documents::Invoice;

use crate::cases;
use crate::look::leave;

fn judged(invoices: Vec<(&'static str, Invoice)>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, invoice) in &invoices {
        leave(folder.path(), name, invoice);
    }
    let (passed, said) = judge(folder.path());
    assert!(passed, "{said}");
    assert!(said.contains(&format!("{} passed, 0 failed", invoices.len())), "{said}");
}

fn judge(folder: &Path) -> (bool, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/judge-documents");
    let output = Command::new(script).arg(folder).output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}

#[test]
fn a_dozen_documents_pass() {
    judged(cases::dozen());
}

#[test]
#[ignore = "slow: make test-all"]
fn all_documents_pass() {
    judged(cases::rest());
}

#[test]
fn what_is_wrong_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let xml_of = |name: &str| folder.path().join(format!("{name}.xml"));
    let spoil = |name: &str, from: &str, to: &str| {
        let xml = std::fs::read_to_string(xml_of(name)).unwrap();
        assert!(xml.contains(from), "{name} has no {from}");
        std::fs::write(xml_of(name), xml.replacen(from, to, 1)).unwrap();
    };
    for name in ["core", "french", "reader", "empty"] {
        leave(folder.path(), name, &cases::credit_note());
    }
    spoil("core", "<ram:CategoryCode>S<", "<ram:CategoryCode>Z<");
    spoil("french", "<ram:SubjectCode>PMT<", "<ram:SubjectCode>AAI<");
    spoil("reader", "AV-2026-00007", "AV-2026-00008");
    std::fs::write(xml_of("empty"), "<nothing/>").unwrap();
    let (passed, said) = judge(folder.path());
    assert!(!passed, "{said}");
    for (name, by) in [
        ("core", "EN 16931: "),
        ("french", "BR-FR-05_BT-22_PMT"),
        ("reader", "factur-x reads another XML"),
        ("empty", "FAILED"),
    ] {
        assert!(
            said.lines().any(|line| line.starts_with(name) && line.contains(by)),
            "{name} is not found by {by}: {said}"
        );
    }
}
