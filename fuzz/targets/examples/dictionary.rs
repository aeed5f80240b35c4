//! Prints the words of a target in the form of libFuzzer's dictionaries.

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    for target in fuzz_targets::TARGETS.iter().filter(|target| target.name == wanted) {
        for word in (target.words)() {
            let escaped: String = word.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
            println!("\"{escaped}\"");
        }
    }
}
