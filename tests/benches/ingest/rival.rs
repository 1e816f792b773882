//! The compared side: the databases' own shells.

use crate::round::Engine;
use std::path::Path;
use std::process::Command;

/// Runs SQL in the engine's shell, and returns what it prints.
pub fn shell(engine: &Engine, file: &Path, sql: &str) -> String {
    let output = match engine {
        Engine::Postgres(url) => {
            Command::new("psql").args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]).output()
        }
        Engine::Sqlite => Command::new("sqlite3").arg("-bail").arg(file).arg(sql).output(),
    };
    let output = output.expect("the shell starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Exports the rows of the table as the CSV for the tool.
pub fn export(engine: &Engine, file: &Path, csv: &Path) {
    let path = csv.display();
    match engine {
        Engine::Postgres(url) => {
            let copy = format!("\\copy (SELECT * FROM ultimate_conversations) TO '{path}' WITH (FORMAT csv)");
            let done = Command::new("psql").args(["-X", "-q", "-d", url, "-c", &copy]).status();
            assert!(done.expect("psql starts").success());
        }
        Engine::Sqlite => {
            let script = format!(".mode csv\n.output {path}\nSELECT * FROM ultimate_conversations;\n");
            feed(file, &script);
        }
    }
}

/// Loads the CSV with the tool into a temporary table and merges it into the table.
pub fn load(engine: &Engine, file: &Path, csv: &Path) {
    let path = csv.display();
    match engine {
        Engine::Postgres(url) => {
            let copy = format!("\\copy stage FROM '{path}' WITH (FORMAT csv)");
            let make = "CREATE TEMP TABLE stage (LIKE ultimate_conversations)";
            let merge = format!("INSERT INTO ultimate_conversations SELECT * FROM stage {}", merge(engine, file));
            let all = ["-c", "BEGIN", "-c", make, "-c", &copy, "-c", &merge, "-c", "COMMIT"];
            let done = Command::new("psql").args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]).args(all).status();
            assert!(done.expect("psql starts").success());
        }
        Engine::Sqlite => {
            let merge = merge(engine, file);
            let script = format!(
                "PRAGMA journal_mode = wal;\nPRAGMA synchronous = normal;\n\
                 CREATE TEMP TABLE stage AS SELECT * FROM ultimate_conversations LIMIT 0;\n.mode csv\nBEGIN IMMEDIATE;\n\
                 .import --schema temp {path} stage\n\
                 INSERT INTO ultimate_conversations SELECT * FROM stage WHERE true {merge};\nCOMMIT;\n"
            );
            feed(file, &script);
        }
    }
}

fn merge(engine: &Engine, file: &Path) -> String {
    let columns = match engine {
        Engine::Postgres(_) => shell(
            engine,
            file,
            "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = 'ultimate_conversations'",
        ),
        Engine::Sqlite => {
            shell(engine, file, "SELECT group_concat(name, ',') FROM pragma_table_info('ultimate_conversations')")
        }
    };
    let rest = columns.split(',').filter(|column| !["account", "conversation_id"].contains(column));
    let set: Vec<String> = rest.map(|column| format!("{column} = excluded.{column}")).collect();
    format!("ON CONFLICT (account, conversation_id) DO UPDATE SET {}", set.join(", "))
}

fn feed(file: &Path, script: &str) {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = Command::new("sqlite3")
        .arg("-bail")
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("sqlite3 starts");
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}
