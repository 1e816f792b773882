//! The imports between crates, and the lints of the workspace.

use toml::{Table, Value};

/// The crates that each crate may import. `None` permits all.
const ALLOWED_IMPORTS: [(&str, Option<&[&str]>); 12] = [
    ("domain", Some(&[])),
    ("sources", Some(&["domain", "entities"])),
    ("entities", Some(&["domain"])),
    ("migrations", Some(&[])),
    ("storage", Some(&["domain", "entities", "migrations"])),
    ("scheduler", Some(&["domain", "storage"])),
    ("worker", Some(&["domain", "entities", "storage"])),
    ("server", Some(&["domain", "entities", "storage"])),
    ("simulator", Some(&["domain"])),
    ("cli", None),
    ("demo", None),
    ("tests", None),
];

/// The folders of the workspace members.
pub fn members(workspace: &str) -> Vec<String> {
    parse("Cargo.toml", workspace)["workspace"]["members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The workspace members that a member imports against the table.
pub fn forbidden_imports(member: &str, manifest: &str, workspace_members: &[String]) -> Vec<String> {
    let Some((_, allowed)) = ALLOWED_IMPORTS.iter().find(|(name, _)| *name == member) else {
        return vec![format!("{member}: it is not in the table of allowed imports (tests/conventions/members.rs)")];
    };
    let Some(allowed) = allowed else { return Vec::new() };
    imports(&parse(member, manifest))
        .into_iter()
        // The package of `cli` is called `convosync`.
        .map(|import| if import == "convosync" { "cli".to_owned() } else { import })
        .filter(|import| workspace_members.contains(import) && !allowed.contains(&import.as_str()))
        .map(|import| format!("{member}/Cargo.toml imports {import}; it may import {allowed:?}"))
        .collect()
}

/// Reports a member whose manifest does not use the lints of the workspace.
pub fn missing_lints(member: &str, manifest: &str) -> Option<String> {
    let takes = parse(member, manifest).get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
    (takes != Some(true)).then(|| format!("{member}/Cargo.toml: `[lints] workspace = true` is missing"))
}

/// The packages that a member imports, including those for one platform and for its build script.
fn imports(manifest: &Table) -> Vec<String> {
    let platforms = manifest.get("target").and_then(Value::as_table);
    let tables =
        std::iter::once(manifest).chain(platforms.into_iter().flatten().filter_map(|(_, table)| table.as_table()));
    tables
        .flat_map(|table| ["dependencies", "build-dependencies"].map(|kind| table.get(kind).and_then(Value::as_table)))
        .flatten()
        .flatten()
        .map(|(name, value)| value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned())
        .collect()
}

fn parse(member: &str, manifest: &str) -> Table {
    match manifest.parse() {
        Ok(table) => table,
        Err(error) => panic!("the manifest of {member} is no TOML: {error}"),
    }
}

#[cfg(test)]
fn workspace_members() -> Vec<String> {
    ALLOWED_IMPORTS.iter().map(|(name, _)| (*name).to_owned()).collect()
}

#[test]
fn each_forbidden_import_is_reported() {
    let cases = [
        ("domain", "[dependencies]\nentities.workspace = true"),
        ("scheduler", "[dependencies]\nworker.workspace = true"),
        ("worker", "[dependencies]\nsources = { path = \"../sources\" }"),
        ("server", "[dependencies]\nshown = { package = \"scheduler\", path = \"../scheduler\" }"),
        ("simulator", "[target.'cfg(unix)'.dependencies]\nentities.workspace = true"),
        ("migrations", "[build-dependencies]\ndomain.workspace = true"),
        ("sources", "[dependencies]\nconvosync.workspace = true"),
        ("attic", "[dependencies]"),
    ];
    for (member, manifest) in cases {
        assert_eq!(forbidden_imports(member, manifest, &workspace_members()).len(), 1, "{member}: {manifest}");
    }
}

#[test]
fn allowed_imports_pass() {
    let cases = [
        ("storage", "[dependencies]\ndomain.workspace = true\nmigrations.workspace = true\nserde.workspace = true"),
        ("domain", "[dev-dependencies]\nsimulator.workspace = true"),
        ("cli", "[dependencies]\nworker.workspace = true\nsources.workspace = true"),
    ];
    for (member, manifest) in cases {
        assert!(forbidden_imports(member, manifest, &workspace_members()).is_empty(), "{member}: {manifest}");
    }
}

#[test]
fn a_member_without_lints_is_reported() {
    assert!(missing_lints("domain", "[package]\nname = \"domain\"").is_some());
    assert!(missing_lints("domain", "[lints]\nworkspace = false").is_some());
    assert!(missing_lints("domain", "[lints]\nworkspace = true").is_none());
}
