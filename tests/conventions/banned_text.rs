//! Text that no file or file name may contain. The code concatenates the needles, so that the checks do not report this file.

const LIMIT: usize = 400;

/// Reports a file with too many lines.
pub fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LIMIT).then(|| format!("{path} has {lines} lines"))
}

/// Reports a folder or file name without a meaning.
pub fn empty_name(path: &str) -> Option<String> {
    let says_nothing = |part: &&str| {
        let stem = part.split('.').next().unwrap_or(part).to_lowercase();
        matches!(stem.as_str(), "core" | "common" | "util" | "utils" | "helpers" | "misc")
    };
    path.split('/').find(says_nothing).map(|part| format!("{path}: `{part}`"))
}

/// Reports unfinished code and tests that do not run.
pub fn unfinished(path: &str, text: &str) -> Vec<String> {
    let needles = [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("#[", "ignore"), concat!("FIX", "ME")];
    found(path, text, &needles, |line, needle| line.contains(needle))
}

/// Reports absolute paths of a developer's machine.
pub fn machine_paths(path: &str, text: &str) -> Vec<String> {
    let needles = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("C:\\Us", "ers\\")];
    found(path, text, &needles, |line, needle| line.match_indices(needle).any(|(at, _)| begins_a_path(&line[..at])))
}

/// Reports hosts of package registries. The format of the lock file requires one.
pub fn registry_hosts(path: &str, text: &str) -> Vec<String> {
    if path == "Cargo.lock" {
        return Vec::new();
    }
    let needles = [
        concat!("crates", ".io"),
        concat!("py", "pi.org"),
        concat!("python", "hosted.org"),
        concat!("npm", "js."),
        concat!("deb.", "debian.org"),
        concat!("security.", "debian.org"),
        concat!("proxy.go", "lang.org"),
    ];
    found(path, text, &needles, |line, needle| line.contains(needle))
}

/// Whether an absolute path can begin after this text; it cannot inside a relative path or a URL.
fn begins_a_path(before: &str) -> bool {
    !before.ends_with(|last: char| last.is_alphanumeric() || "._-~}*".contains(last))
}

fn found(path: &str, text: &str, needles: &[&str], is_in: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(index, line)| {
            needles.iter().filter(|needle| is_in(line, needle)).map(move |needle| (index + 1, needle))
        })
        .map(|(number, needle)| format!("{path}:{number} `{needle}`"))
        .collect()
}

#[test]
fn a_long_file_is_reported() {
    assert!(too_long("a.rs", &"x\n".repeat(LIMIT)).is_none());
    assert!(too_long("a.rs", &"x\n".repeat(LIMIT + 1)).is_some());
}

#[test]
fn an_empty_name_is_reported() {
    for path in ["worker/src/util.rs", "common/Cargo.toml", "a/Helpers/b.rs", "misc", "domain/src/core/mod.rs"] {
        assert!(empty_name(path).is_some(), "{path}");
    }
    for path in ["domain/src/score.rs", "worker/src/http.rs", "Cargo.toml"] {
        assert!(empty_name(path).is_none(), "{path}");
    }
}

#[test]
fn unfinished_work_is_reported() {
    let text = format!(
        "fn a() {{ {}() }}\n// {}: later\n{}]\nfn b() {{}}\n",
        "todo".to_owned() + "!",
        "FIX".to_owned() + "ME",
        "#[".to_owned() + "ignore"
    );
    assert_eq!(unfinished("a.rs", &text).len(), 3);
    assert!(unfinished("a.rs", "// what is left to do").is_empty());
}

#[test]
fn a_machine_path_is_reported() {
    let path = "/wo".to_owned() + "rk/main";
    for text in [path.clone(), format!("cd {path}"), format!("path = \"{path}\""), format!("file://{path}")] {
        assert_eq!(machine_paths("a.md", &text).len(), 1, "{text}");
    }
    for text in [format!("src{path}"), format!("https://host.org{path}"), "the work/life of a lane".to_owned()] {
        assert!(machine_paths("a.md", &text).is_empty(), "{text}");
    }
}

#[test]
fn a_registry_host_is_reported() {
    let host = "static.crates".to_owned() + ".io";
    assert_eq!(registry_hosts("README.md", &host).len(), 1);
    assert!(registry_hosts("Cargo.lock", &host).is_empty());
    assert!(registry_hosts("README.md", "wv0042.wolkvox.com").is_empty());
}
