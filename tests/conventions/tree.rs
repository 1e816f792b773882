//! The tree as it stands: what git tracks, and what it would track if it were added now.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A file's path below the root, with forward slashes, and its text.
pub struct File {
    pub path: String,
    pub text: String,
}

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file that is or would be tracked, so that a rule speaks before the commit and not after it.
pub fn files() -> Vec<File> {
    paths()
        .into_iter()
        .filter_map(|path| {
            let bytes = fs::read(root().join(&path)).ok()?;
            Some(File { path, text: String::from_utf8_lossy(&bytes).into_owned() })
        })
        .collect()
}

/// Every Rust file.
pub fn rust() -> Vec<File> {
    let mut files = files();
    files.retain(|file| Path::new(&file.path).extension().is_some_and(|extension| extension == "rs"));
    files
}

/// A file that a rule is about; without it the rule would hold for nothing, so its absence breaks the rule.
pub fn read(path: &str) -> String {
    match fs::read_to_string(root().join(path)) {
        Ok(text) => text,
        Err(error) => panic!("{path} can't be read ({error}), and a house rule is about it: write it"),
    }
}

fn paths() -> Vec<String> {
    let listed = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let names = match listed {
        Ok(output) if output.status.success() => output.stdout,
        Ok(output) => panic!("git can't list the tree: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("the house rules read the tree from git; install it and run them in a clone: {error}"),
    };
    let mut paths: Vec<String> =
        String::from_utf8_lossy(&names).split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    assert!(paths.len() > 10, "git lists only {paths:?}; run the house rules in a full clone");
    paths.sort();
    paths.dedup();
    paths
}
