//! Leaves documents to be looked at: `DOCUMENTS=/tmp/documents cargo test … -- --ignored look`.

use comptoir_documents::render;

use crate::cases;

#[test]
#[ignore = "by hand: writes documents to $DOCUMENTS"]
fn documents_to_look_at() {
    let folder = std::path::PathBuf::from(std::env::var("DOCUMENTS").unwrap());
    for (name, invoice) in [
        ("short", cases::short()),
        ("long", cases::long(200)),
        ("credit", cases::credit_note()),
        ("deposit", cases::deposit()),
        ("after", cases::after_deposits()),
        ("reverse", cases::reverse_charge()),
    ] {
        match render(&invoice) {
            Ok(rendered) => {
                std::fs::write(folder.join(format!("{name}.pdf")), rendered.pdf).unwrap();
                std::fs::write(folder.join(format!("{name}.xml")), rendered.xml).unwrap();
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
}
