//! Tells the linker what a Node.js addon leaves open.

fn main() {
    napi_build::setup();
}
