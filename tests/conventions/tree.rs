//! The files of the tree that git tracks or would track.

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

/// Each file that git tracks or would track, so that a check fails before the commit.
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

/// The text of a file that a convention needs. A missing file fails the convention.
pub fn read(path: &str) -> String {
    match fs::read_to_string(root().join(path)) {
        Ok(text) => text,
        Err(error) => panic!("a convention needs {path}, which cannot be read: {error}"),
    }
}

fn paths() -> Vec<String> {
    let listed = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let names = match listed {
        Ok(output) if output.status.success() => output.stdout,
        Ok(output) => panic!("git cannot list the tree: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("the conventions list the tree with git; install git and run them in a clone: {error}"),
    };
    let mut paths: Vec<String> =
        String::from_utf8_lossy(&names).split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    assert!(paths.len() > 10, "git lists only {paths:?}; run the conventions in a full clone");
    paths.sort();
    paths.dedup();
    paths
}
