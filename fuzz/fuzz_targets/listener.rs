//! What anybody in a container's network may say to the bootstrap in it: whatever that is, it is understood or dropped.
#![no_main]

use jupyter_docker_spec::protocol::gateway::Wish;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|said: &[u8]| {
    let Some(wish) = Wish::of(said) else { return };
    // In plain words it is the same.
    let plain = json!({"signum": wish.signal, "shutdown": wish.shutdown}).to_string();
    assert_eq!(Wish::of(plain.as_bytes()), Some(wish));
});
