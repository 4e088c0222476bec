//! The migrations are embedded by a macro, which Cargo cannot see: a new one must lead to a new build.

fn main() {
    println!("cargo::rerun-if-changed=../schema/outbox");
    println!("cargo::rerun-if-changed=../schema/commerce");
}
