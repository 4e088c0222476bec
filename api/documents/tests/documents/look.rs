//! Leaves documents in `$DOCUMENTS`, for people to look at and for `deploy/judge-documents` to judge.

use comptoir_documents::{Invoice, render};

use crate::cases;

pub(crate) fn leave(folder: &std::path::Path, name: &str, invoice: &Invoice) -> usize {
    let rendered = render(invoice).unwrap_or_else(|error| panic!("{name}: {error}"));
    std::fs::write(folder.join(format!("{name}.json")), serde_json::to_vec_pretty(invoice).unwrap()).unwrap();
    std::fs::write(folder.join(format!("{name}.pdf")), rendered.pdf).unwrap();
    std::fs::write(folder.join(format!("{name}.xml")), rendered.xml).unwrap();
    rendered.pages
}

/// By hand: `DOCUMENTS=/tmp/documents cargo test … look`.
#[test]
fn documents_to_look_at() {
    let Some(folder) = std::env::var_os("DOCUMENTS").map(std::path::PathBuf::from) else { return };
    for (name, invoice) in cases::dozen().into_iter().chain(cases::rest()) {
        leave(&folder, name, &invoice);
    }
}
