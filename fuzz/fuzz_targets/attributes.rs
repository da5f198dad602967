#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncrepl_hostile::holds::attributes(bytes));
