#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| maru_scenario::fuzz::condition(data));
