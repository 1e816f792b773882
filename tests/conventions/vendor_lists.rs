//! A vendor is named in its own files, and beside them only in the lists that `docs/adding-a-vendor.md` names.

use super::vendors::has_word;

/// The files that list every vendor.
const LISTS: [&str; 7] = [
    "demo/src/compare/mod.rs",
    "demo/src/vendors/mod.rs",
    "entities/src/lib.rs",
    "migrations/src/lib.rs",
    "simulator/src/catalog.rs",
    "simulator/src/lib.rs",
    "sources/src/lib.rs",
];

/// Where code outside a vendor's own files and the lists names the vendor. Comments and tests may name vendors.
pub fn named_outside(path: &str, text: &str, vendors: &[String]) -> Vec<String> {
    let is_test = |path: &str| path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs");
    if !path.contains("/src/") || is_test(path) || LISTS.contains(&path) {
        return Vec::new();
    }
    let code: Vec<&str> = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).collect();
    let is_named = |vendor: &str| {
        let mut code = code.iter().filter(|line| !line.trim_start().starts_with("//"));
        code.any(|line| has_word(&line.to_lowercase(), vendor))
    };
    let others = vendors.iter().filter(|vendor| !is_own(path, vendor));
    others.filter(|vendor| is_named(vendor)).map(|vendor| format!("{path} names {vendor}")).collect()
}

/// Whether a part of the path has the vendor's name: its folder, `wolkvox.rs`, `m20261201_000002_wolkvox.rs`.
fn is_own(path: &str, vendor: &str) -> bool {
    path.split('/').any(|part| part.split(['_', '.']).any(|word| word == vendor))
}

#[test]
fn a_vendor_named_outside_its_files_is_reported() {
    let vendors = ["treble", "truora"].map(str::to_owned);
    let seen = |path, text| named_outside(path, text, &vendors);
    assert_eq!(seen("worker/src/http.rs", "if vendor == \"treble\" {"), ["worker/src/http.rs names treble"]);
    assert_eq!(seen("sources/src/truora/request.rs", "let base = treble::base();").len(), 1);
    assert_eq!(seen("cli/src/arguments.rs", "/// such as treble\n    // Treble\n"), [""; 0]);
    assert_eq!(seen("worker/src/http.rs", "fn send() {}\n#[cfg(test)]\nconst VENDOR: &str = \"treble\";"), [""; 0]);
    for own in ["sources/src/treble/mod.rs", "demo/src/vendors/treble.rs", "migrations/src/m1_000006_treble.rs"] {
        assert_eq!(seen(own, "\"treble\""), [""; 0]);
    }
    assert_eq!(seen("sources/src/lib.rs", "&[treble::VENDOR]"), [""; 0]);
}
