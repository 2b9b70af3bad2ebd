#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| maru_desk::fuzz::frame(data));
