//! Pages that were built anew are embedded anew. They are built by `make web`, never from here: Maru builds without Node.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../web/dist");
}
