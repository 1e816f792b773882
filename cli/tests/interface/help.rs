//! The help of every command, as an operator reads it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What the program prints, at a width of 100 columns.
fn run(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_convosync"));
    let output = command.args(arguments).env("COLUMNS", "100").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// The names in the list of commands of a help text.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

#[test]
fn matches_the_snapshot_of_each_command() {
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    let mut names = BTreeSet::new();
    while let Some(path) = open.pop() {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = run(&arguments);
        let name = [&["help".to_owned()], path.as_slice()].concat().join("_");
        insta::assert_snapshot!(name.clone(), help);
        names.insert(format!("interface__help__{name}.snap"));
        open.extend(subcommands(&help).into_iter().map(|command| [path.clone(), vec![command]].concat()));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interface/snapshots");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let orphans: Vec<_> = files.filter(|file| file.starts_with("interface__help__") && !names.contains(file)).collect();
    assert!(orphans.is_empty(), "snapshots of commands that do not exist: {orphans:?}");
}

#[test]
fn fits_a_screen() {
    let help = run(&["-h"]);
    assert!(help.lines().count() <= 30, "{help}");
}

#[test]
fn starts_every_command_with_a_verb() {
    for arguments in [&["-h"][..], &["backfill", "-h"], &["jobs", "-h"], &["lanes", "-h"], &["deliveries", "-h"]] {
        let help = run(arguments);
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        for line in commands.filter(|line| !line.starts_with("   ")) {
            let sentence: Vec<&str> = line.split_whitespace().skip(1).collect();
            assert!(sentence.len() >= 3 && VERBS.contains(&sentence[0]), "{line}");
        }
    }
}

const VERBS: [&str; 20] = [
    "Bring", "Cancel", "Check", "Close", "Discard", "Examine", "Free", "Import", "List", "Open", "Pause", "Print",
    "Resume", "Retry", "Revoke", "Run", "Serve", "Show", "Start", "Write",
];
