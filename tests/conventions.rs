//! Conventions of the tree. Each failure says what to do instead. The file of each check tests it with an example that breaks
//! the rule.

#[path = "conventions/banned_text.rs"]
mod banned_text;
#[path = "conventions/documents.rs"]
mod documents;
#[path = "conventions/members.rs"]
mod members;
#[path = "conventions/restricted_calls.rs"]
mod restricted_calls;
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

use tree::{files, read, rust};

fn assert_none(broken: &[String], instead: &str) {
    assert!(broken.is_empty(), "\n  {}\n\ninstead: {instead}\n", broken.join("\n  "));
}

fn manifests() -> Vec<(String, String)> {
    let members = members::members(&read("Cargo.toml"));
    assert!(!members.is_empty(), "Cargo.toml names no member of the workspace");
    members.into_iter().map(|member| (member.clone(), read(&format!("{member}/Cargo.toml")))).collect()
}

#[test]
fn each_crate_imports_only_allowed_crates() {
    let manifests = manifests();
    let workspace: Vec<String> = manifests.iter().map(|(member, _)| member.clone()).collect();
    let broken: Vec<String> = manifests
        .iter()
        .flat_map(|(member, manifest)| members::forbidden_imports(member, manifest, &workspace))
        .collect();
    assert_none(&broken, "move the shared code into domain, or let cli pass it in, which constructs everything");
}

#[test]
fn each_crate_uses_the_lints_of_the_workspace() {
    let broken: Vec<String> =
        manifests().iter().filter_map(|(member, manifest)| members::missing_lints(member, manifest)).collect();
    assert_none(
        &broken,
        "add the two lines to its Cargo.toml; they switch on the limits of length and the banned calls",
    );
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let broken: Vec<String> = rust().iter().filter_map(|file| banned_text::too_long(&file.path, &file.text)).collect();
    assert_none(&broken, "move its second subject into a file of its own");
}

#[test]
fn only_the_http_clients_send_requests() {
    assert_none(
        &restricted_calls::senders(&rust()),
        "send through worker::http, which knows the timeout, the size cap and what to redact",
    );
}

#[test]
fn only_the_mail_module_opens_mailboxes() {
    assert_none(
        &restricted_calls::mailboxes(&rust()),
        "go through worker::mail, which marks nothing before it is stored",
    );
}

#[test]
fn one_file_reads_the_wall_clock() {
    assert_none(&restricted_calls::clocks(&rust()), "take `now` as an argument; a loop holds a domain::clock::Clock");
}

#[test]
fn only_the_settings_read_the_environment() {
    assert_none(
        &restricted_calls::environment(&rust()),
        "add a setting in cli/src/settings and take its value as an argument",
    );
}

#[test]
fn no_file_has_an_empty_name() {
    let broken: Vec<String> = files().iter().filter_map(|file| banned_text::empty_name(&file.path)).collect();
    assert_none(&broken, "name the file or folder after its content");
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
        vendors.iter().flat_map(|vendor| vendors::missing_files(vendor, &paths, readme(vendor))).collect();
    assert_none(
        &broken,
        "write in its README.md `Read on YYYY-MM-DD` beside each source, and keep real answers in fixtures/",
    );
}

#[test]
fn no_vendor_imports_another() {
    let files = files();
    let vendors = vendors::folders(&files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>());
    let broken: Vec<String> =
        files.iter().flat_map(|file| vendors::imports_of_other_vendors(&file.path, &file.text, &vendors)).collect();
    assert_none(&broken, "move the shared code into a file beside the folders in sources/src");
}

#[test]
fn only_lists_name_vendors_outside_their_files() {
    let files = files();
    let vendors = vendors::folders(&files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>());
    let broken: Vec<String> =
        rust().iter().flat_map(|file| vendor_lists::named_outside(&file.path, &file.text, &vendors)).collect();
    assert_none(
        &broken,
        "state what differs in the vendor's registration, its rules or its settings, and read it from there",
    );
}

#[test]
fn the_readme_lists_every_vendor() {
    let readme = read("README.md");
    let broken: Vec<String> =
        sources::VENDORS.iter().flat_map(|vendor| vendors::missing_rows(vendor, &readme)).collect();
    assert_none(&broken, "put these rows, made from the registrations in sources/src, into the tables of README.md");
}

#[test]
fn the_code_map_names_every_member() {
    let members = members::members(&read("Cargo.toml"));
    let broken = documents::unmapped_members(&members, &read("ARCHITECTURE.md"));
    assert_none(&broken, "give each member its line, `name/`, in the section `Code map` of ARCHITECTURE.md");
}

#[test]
fn every_promise_names_an_existing_test() {
    let rust = rust();
    let papers = ["ARCHITECTURE.md", "README.md"];
    let broken: Vec<String> =
        papers.iter().flat_map(|paper| documents::promises_without_tests(paper, &read(paper), &rust)).collect();
    assert_none(&broken, "name a test as `folder/file.rs::function`, or take the row out until there is one");
}

#[test]
fn no_file_leaves_work_unfinished() {
    let broken: Vec<String> = rust().iter().flat_map(|file| banned_text::unfinished(&file.path, &file.text)).collect();
    assert_none(&broken, "finish it, or remove it and open an issue; repair or remove a test that cannot run");
}

#[test]
fn no_file_contains_a_machine_path() {
    let broken: Vec<String> =
        files().iter().flat_map(|file| banned_text::machine_paths(&file.path, &file.text)).collect();
    assert_none(&broken, "write the path relative to the repository, or take it as a setting");
}

#[test]
fn no_file_contains_a_registry_host() {
    let broken: Vec<String> =
        files().iter().flat_map(|file| banned_text::registry_hosts(&file.path, &file.text)).collect();
    assert_none(&broken, "name the package only; each builder chooses a registry");
}

#[test]
fn every_setting_is_explained() {
    let path = "config/default.toml";
    assert_none(&settings::unexplained(path, &read(path)), "write a sentence with the unit above the key or beside it");
}
