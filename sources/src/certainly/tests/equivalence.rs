//! The same messages, in a response and in a file, in any spelling of either, become the same bytes.

use super::*;
use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Map, Value, json as value};

/// A path in a row, and whether it holds an id, or a list of ids.
const PATHS: [(&[&str], bool); 32] = [
    (&["id"], true),
    (&["timestamp"], false),
    (&["message"], false),
    (&["response"], false),
    (&["conversation_id"], true),
    (&["through_bot_modules"], true),
    (&["bot_module_id"], true),
    (&["is_test"], false),
    (&["external_agent"], true),
    (&["through_connection_id"], true),
    (&["is_global_module_match"], false),
    (&["is_deleted"], false),
    (&["id_message_evaluate"], true),
    (&["data"], false),
    (&["user_message_empty"], false),
    (&["bot_response_empty"], false),
    (&["bot_module", "name"], false),
    (&["bot_module", "type"], false),
    (&["bot_module", "instruction"], false),
    (&["bot_module", "error_instruction"], false),
    (&["bot_module", "is_global"], false),
    (&["bot_module", "priority"], false),
    (&["bot_module", "is_starting"], false),
    (&["bot_module", "fallback_module_id"], true),
    (&["bot_module", "skip_user_input"], false),
    (&["bot_module", "skip_global_connection_evaluation"], false),
    (&["bot_module", "group"], false),
    (&["bot_module", "kpis"], false),
    (&["botuser", "id"], true),
    (&["botuser", "created_date"], false),
    (&["botuser", "botuser_meta"], false),
    (&["nps"], false),
];

/// How one answer or file is written.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent")]
struct Style {
    ids_as_text: bool,
    capitals: bool,
    delimiter: char,
    line_end: &'static str,
    mark: bool,
    always_quoted: bool,
    header: usize,
    booleans: (&'static str, &'static str),
    times: usize,
    flat_meta: bool,
    turned: usize,
}

fn styles() -> impl Strategy<Value = Style> {
    let letters = prop::sample::select(vec![',', ';', '\t']);
    let ends = prop::sample::select(vec!["\n", "\r\n"]);
    let booleans = prop::sample::select(vec![("true", "false"), ("True", "False"), ("1", "0")]);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (flags, letters, ends, 0..6_usize, booleans, 0..5_usize, 0..PATHS.len()).prop_map(
        |(
            (ids_as_text, capitals, mark, always_quoted, flat_meta),
            delimiter,
            line_end,
            header,
            booleans,
            times,
            turned,
        )| {
            Style {
                ids_as_text,
                capitals,
                delimiter,
                line_end,
                mark,
                always_quoted,
                header,
                booleans,
                times,
                flat_meta,
                turned,
            }
        },
    )
}

/// Texts with delimiters, quotes, line ends, emoji and words that look like other types.
fn texts() -> impl Strategy<Value = String> {
    let pieces = [
        "", "a", "Where?", ",", ";", "\t", "\"", "\n", "\r\n", " ", "é", "🌻", "\\", "{", "[1]", "true", "False",
        "null", "12", "1.0", "=1+1", "\u{0}", "'",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..5).prop_map(|pieces| pieces.concat())
}

fn maybe(strategy: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 3 => strategy]
}

fn ids() -> impl Strategy<Value = Value> {
    (1..9_999_999_u64).prop_map(Value::from)
}

fn booleans() -> impl Strategy<Value = Value> {
    maybe(any::<bool>().prop_map(Value::from))
}

fn values() -> impl Strategy<Value = Value> {
    maybe(texts().prop_map(Value::from))
}

fn bubbles() -> impl Strategy<Value = Value> {
    let bubble = (texts(), prop::sample::select(vec!["text", "wait", "choice"]), 0..5000_u32)
        .prop_map(|(text, kind, wait)| value!({"text": text, "type": kind, "wait": wait}));
    maybe(prop::collection::vec(bubble, 0..3).prop_map(Value::from))
}

fn modules() -> impl Strategy<Value = Value> {
    let kpis = prop::collection::vec((texts(), ids()).prop_map(|(label, id)| value!({"label": label, "id": id})), 0..3);
    let group = prop_oneof![values(), Just(value!({"name": "Orders", "paths": [1, 2.5]}))];
    let flags = prop::collection::vec(booleans(), 4);
    let names = prop::collection::vec(values(), 4);
    (names, flags, maybe((-5..500_i64).prop_map(Value::from)), maybe(ids()), group, maybe(kpis.prop_map(Value::from)))
        .prop_map(|(names, flags, priority, fallback, group, kpis)| {
            value!({"name": names[0], "type": names[1], "instruction": names[2], "error_instruction": names[3],
                "is_global": flags[0], "priority": priority, "is_starting": flags[1], "fallback_module_id": fallback,
                "skip_user_input": flags[2], "skip_global_connection_evaluation": flags[3], "group": group, "kpis": kpis})
        })
}

/// Either nothing, or texts only, as a file that is written out to its parts has no types.
fn metas() -> impl Strategy<Value = Value> {
    let text =
        prop::sample::select(vec!["shop.example.com", "203.0.113.7", "https://shop.example.com/?a=1;b,2", "\"x\" y"]);
    let web = (text.clone(), text.clone(), text)
        .prop_map(|(host, ip, page)| value!({"web": {"host": host, "current_ip": ip, "hostPageUrl": page}}));
    maybe(web)
}

/// Micros since 1970, to the millisecond, so that every spelling can hold them.
fn times() -> impl Strategy<Value = Value> {
    (1_600_000_000_000..1_800_000_000_000_i64).prop_map(Value::from)
}

fn messages() -> impl Strategy<Value = Value> {
    let list = maybe(prop::collection::vec(ids(), 0..4).prop_map(Value::from));
    let data =
        maybe(Just(value!([{"type": "local", "fallback": false, "position": 1}, {"type": "global", "n": 1.50}])));
    let own = (ids(), times(), values(), bubbles(), ids(), list, data, prop::collection::vec(maybe(ids()), 4));
    let agent = maybe(prop::sample::select(vec!["agent-7", "12", "0012", "v1.0"]).prop_map(Value::from));
    let nps = maybe(prop_oneof![Just(value!(7)), Just(value!("7")), Just(value!(true)), Just(value!("so, \"so\""))]);
    let user = (maybe(ids()), maybe(times()), metas());
    (own, prop::collection::vec(booleans(), 5), modules(), user, agent, nps).prop_map(
        |((id, at, message, response, conversation, modules, data, ids), flags, module, (user, created, meta), agent, nps)| {
            value!({"id": id, "timestamp": at, "message": message, "response": response, "conversation_id": conversation,
                "through_bot_modules": modules, "bot_module_id": ids[0], "is_test": flags[0], "external_agent": agent,
                "through_connection_id": ids[1], "is_global_module_match": flags[1], "is_deleted": flags[2],
                "id_message_evaluate": ids[2], "data": data, "user_message_empty": flags[3],
                "bot_response_empty": flags[4], "bot_module": module,
                "botuser": {"id": user, "created_date": created, "botuser_meta": meta}, "nps": nps})
        },
    )
}

impl Style {
    /// `value`, which stands at `path`, as it is written.
    fn write(&self, path: &[&str], is_id: bool, value: Value) -> Value {
        match value {
            Value::Number(at) if ["timestamp", "created_date"].contains(path.last().unwrap()) => self.time(&at),
            Value::Number(id) if is_id && self.ids_as_text => Value::String(id.to_string()),
            Value::Array(items) => items.into_iter().map(|item| self.write(path, is_id, item)).collect(),
            Value::Object(members) if path == ["response"] || path == ["bot_module", "kpis"] => {
                members.into_iter().map(|(name, value)| self.member(name, value)).collect()
            }
            other => other,
        }
    }

    fn member(&self, name: String, value: Value) -> (String, Value) {
        let value = match value {
            Value::String(kind) if name == "type" && self.capitals => {
                Value::String(kind[..1].to_uppercase() + &kind[1..])
            }
            Value::Number(id) if name == "id" && self.ids_as_text => Value::String(id.to_string()),
            other => other,
        };
        (name, value)
    }

    fn time(&self, millis: &serde_json::Number) -> Value {
        let at = DateTime::from_timestamp_millis(millis.as_i64().unwrap()).unwrap();
        match self.times {
            0 => Value::String(at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
            1 => Value::String(at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()),
            2 => Value::String((at.with_timezone(&chrono_tz::Europe::Copenhagen)).to_rfc3339()),
            3 => Value::Number(millis.clone()),
            _ => Value::String(format!("{}.{:03}", at.timestamp(), at.timestamp_subsec_millis())),
        }
    }

    fn answer(&self, messages: &[Value]) -> String {
        let rows = messages.iter().map(|message| {
            let mut row = Map::new();
            for (path, is_id) in PATHS {
                let value = path.iter().fold(message, |value, name| &value[name]).clone();
                let value = self.write(path, is_id, value);
                match path {
                    [name] => drop(row.insert((*name).to_owned(), value)),
                    [whole, name] => {
                        let whole = row.entry(*whole).or_insert_with(|| value!({}));
                        whole.as_object_mut().unwrap().insert((*name).to_owned(), value);
                    }
                    _ => unreachable!("paths are short"),
                }
            }
            Value::Object(row)
        });
        Value::Array(rows.collect()).to_string()
    }

    fn file(&self, messages: &[Value]) -> String {
        let meta: &[&str] = &["botuser", "botuser_meta"];
        let mut paths: Vec<(Vec<&str>, bool)> = PATHS.iter().map(|(path, is_id)| (path.to_vec(), *is_id)).collect();
        paths.rotate_left(self.turned);
        if self.flat_meta {
            paths.retain(|(path, _)| path != meta);
            let parts = ["host", "current_ip", "hostPageUrl"];
            paths.extend(parts.map(|part| (["botuser", "botuser_meta", "web", part].to_vec(), false)));
        }
        let header: Vec<String> = paths.iter().map(|(path, _)| self.named(path)).collect();
        let rows = messages.iter().map(|message| {
            let cells = paths.iter().map(|(path, is_id)| {
                let value = path.iter().fold(message, |value, name| &value[name]).clone();
                match self.write(path, *is_id, value) {
                    // In an undocumented column a 1 may be a number.
                    Value::Bool(true) if *path == ["nps"] => "TRUE".to_owned(),
                    value => self.cell(value),
                }
            });
            self.line(&cells.collect::<Vec<_>>())
        });
        let mark = if self.mark { "\u{feff}" } else { "" };
        format!("{mark}{}{}", self.line(&header), rows.collect::<String>())
    }

    fn named(&self, path: &[&str]) -> String {
        let words = path.join(" ").replace('_', " ");
        match self.header {
            _ if path == ["nps"] => "nps".to_owned(),
            0 => path.join("."),
            1 => path.join("_"),
            2 => words.to_uppercase(),
            3 => words.replace('o', "ó").replacen('e', "É", 1),
            4 => path.join(": ").replace('_', "-"),
            _ => words.split(' ').map(|word| word[..1].to_uppercase() + &word[1..]).collect(),
        }
    }

    fn cell(&self, value: Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::Bool(is) => if is { self.booleans.0 } else { self.booleans.1 }.to_owned(),
            Value::String(text) => text,
            other => other.to_string().replace("\":", "\": "),
        }
    }

    fn line(&self, cells: &[String]) -> String {
        let quoted = |cell: &String| {
            let must = self.always_quoted || cell.contains([self.delimiter, '"', '\n', '\r']);
            if must { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
        };
        let cells: Vec<String> = cells.iter().map(quoted).collect();
        format!("{}{}", cells.join(&self.delimiter.to_string()), self.line_end)
    }
}

proptest! {
    #[test]
    fn a_response_and_a_file_become_the_same_bytes(
        messages in prop::collection::vec(messages(), 0..4),
        one in styles(),
        other in styles(),
    ) {
        let (answer, file) = (one.answer(&messages), other.file(&messages));
        let (step, rows) = response(head(200), [answer.as_bytes()]).unwrap();
        let (file_step, file_rows) = read_file([file.as_bytes()]).unwrap();
        prop_assert_eq!((&step.rejects, &file_step.rejects), (&Vec::new(), &Vec::new()), "{}", file);
        prop_assert_eq!((step.rows, count(&rows)), (file_step.rows, messages.len()));
        prop_assert_eq!(bytes(&rows), bytes(&file_rows), "{}\n{}", answer, file);
        // Two responses in different spellings are equal too, so that a new spelling is no change.
        let (_, again) = response(head(200), [other.answer(&messages).as_bytes()]).unwrap();
        prop_assert_eq!(bytes(&rows), bytes(&again));
    }
}
