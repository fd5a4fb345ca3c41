#![no_main]

#[allow(dead_code)] // each target uses its own part
#[path = "../../hostile/readers.rs"]
mod readers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    readers::idx_labels(bytes);
});
