//! Conventions of the tree. Each failure says what to do instead; each check is tested with a planted violation in its own file.

#[path = "conventions/doors.rs"]
mod doors;
#[path = "conventions/members.rs"]
mod members;
#[path = "conventions/papers.rs"]
mod papers;
#[path = "conventions/settings.rs"]
mod settings;
#[path = "conventions/source.rs"]
mod source;
#[path = "conventions/tree.rs"]
mod tree;
#[path = "conventions/vendor_lists.rs"]
mod vendor_lists;
#[path = "conventions/vendors.rs"]
mod vendors;
#[path = "conventions/words.rs"]
mod words;

use tree::{files, read, rust};

fn hold(broken: &[String], instead: &str) {
    assert!(broken.is_empty(), "\n  {}\n\ninstead: {instead}\n", broken.join("\n  "));
}

fn manifests() -> Vec<(String, String)> {
    let members = members::members(&read("Cargo.toml"));
    assert!(!members.is_empty(), "Cargo.toml names no member of the workspace");
    members.into_iter().map(|member| (member.clone(), read(&format!("{member}/Cargo.toml")))).collect()
}

#[test]
fn each_crate_imports_only_what_it_may() {
    let manifests = manifests();
    let house: Vec<String> = manifests.iter().map(|(member, _)| member.clone()).collect();
    let broken: Vec<String> =
        manifests.iter().flat_map(|(member, manifest)| members::forbidden(member, manifest, &house)).collect();
    hold(&broken, "put what both need into domain, or hand it over in cli, which constructs everything");
}

#[test]
fn each_crate_takes_the_lints() {
    let broken: Vec<String> =
        manifests().iter().filter_map(|(member, manifest)| members::unlinted(member, manifest)).collect();
    hold(&broken, "add the two lines to its Cargo.toml; the limits of length and the banned calls hang on them");
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let broken: Vec<String> = rust().iter().filter_map(|file| words::too_long(&file.path, &file.text)).collect();
    hold(&broken, "find the second noun in it and give it a file of its own");
}

#[test]
fn only_who_must_sends() {
    hold(&doors::sends(&rust()), "send through worker::http, which knows the timeout, the size cap and what to redact");
}

#[test]
fn only_the_mail_opens_mailboxes() {
    hold(&doors::mailboxes(&rust()), "go through worker::mail, which marks nothing before it is stored");
}

#[test]
fn one_file_reads_the_wall_clock() {
    hold(&doors::clocks(&rust()), "take `now` as an argument; a loop holds a domain::clock::Clock");
}

#[test]
fn only_the_settings_read_the_environment() {
    hold(&doors::environment(&rust()), "make it a setting, read in cli/src/settings, and take it as an argument");
}

#[test]
fn every_name_says_something() {
    let broken: Vec<String> = files().iter().filter_map(|file| words::empty_name(&file.path)).collect();
    hold(&broken, "name the file or folder after the noun that lives in it");
}

#[test]
fn every_vendor_is_documented() {
    let files = files();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let vendors = vendors::folders(&paths);
    assert!(!vendors.is_empty(), "no vendor has a folder in sources/src");
    let readme = |vendor: &str| {
        let path = format!("sources/src/{vendor}/README.md");
        files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    };
    let broken: Vec<String> =
        vendors.iter().flat_map(|vendor| vendors::lacks(vendor, &paths, readme(vendor))).collect();
    hold(&broken, "write in its README.md `Read on YYYY-MM-DD` beside each source, and keep real answers in fixtures/");
}

#[test]
fn no_vendor_takes_from_another() {
    let files = files();
    let vendors = vendors::folders(&files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>());
    let broken: Vec<String> =
        files.iter().flat_map(|file| vendors::neighbours(&file.path, &file.text, &vendors)).collect();
    hold(&broken, "move what both need into a file beside the folders in sources/src");
}

#[test]
fn only_lists_name_vendors_outside_their_files() {
    let files = files();
    let vendors = vendors::folders(&files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>());
    let broken: Vec<String> =
        rust().iter().flat_map(|file| vendor_lists::named_outside(&file.path, &file.text, &vendors)).collect();
    hold(&broken, "state what differs in the vendor's registration, its rules or its settings, and read it from there");
}

#[test]
fn the_readme_lists_every_vendor() {
    let readme = read("README.md");
    let broken: Vec<String> = sources::VENDORS.iter().flat_map(|vendor| vendors::unlisted(vendor, &readme)).collect();
    hold(&broken, "put these rows, made from the registrations in sources/src, into the tables of README.md");
}

#[test]
fn the_code_map_names_every_member() {
    let members = members::members(&read("Cargo.toml"));
    let broken = papers::unmapped(&members, &read("ARCHITECTURE.md"));
    hold(&broken, "give each member its line, `name/`, in the section `Code map` of ARCHITECTURE.md");
}

#[test]
fn every_promise_names_the_test_that_holds_it() {
    let rust = rust();
    let papers = ["ARCHITECTURE.md", "README.md"];
    let broken: Vec<String> =
        papers.iter().flat_map(|paper| papers::missing_scope(paper, &read(paper), &rust)).collect();
    hold(&broken, "name a test as `folder/file.rs::function`, or take the row out until there is one");
}

#[test]
fn nothing_is_left_for_later() {
    let broken: Vec<String> = rust().iter().flat_map(|file| words::unfinished(&file.path, &file.text)).collect();
    hold(&broken, "finish it, or take it out and open an issue; a test that can't run is removed or mended");
}

#[test]
fn no_file_knows_the_machine() {
    let broken: Vec<String> = files().iter().flat_map(|file| words::machine_paths(&file.path, &file.text)).collect();
    hold(&broken, "write the path relative to the repository, or take it as a setting");
}

#[test]
fn no_file_knows_a_registry() {
    let broken: Vec<String> = files().iter().flat_map(|file| words::registry_hosts(&file.path, &file.text)).collect();
    hold(&broken, "name the package; which registry serves it is the business of whoever builds");
}

#[test]
fn every_setting_is_explained() {
    let path = "config/default.toml";
    hold(&settings::unexplained(path, &read(path)), "write a sentence with the unit above the key or beside it");
}
