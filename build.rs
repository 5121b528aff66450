//! Tells cargo to rebuild when a file is added to `templates/`, which `include_dir` alone does not.

fn main() {
    println!("cargo:rerun-if-changed=templates");
}
