//! No error in the settings shows a secret, however the file and the variables are broken.

use super::error_of;
use proptest::prelude::*;

/// A secret that no other text of the settings holds, in one of the usual forms.
const SECRETS: [&str; 3] = ["cAnArY7h-cAnArY7h", "4815162342108481516", "cAnArY with blanks"];

/// A file with `secret` in each place that may hold one.
fn file(secret: &str) -> String {
    // A token with blanks is refused, and the rest of the file would not be read.
    let operator = secret.replace(' ', "-");
    format!(
        "[database]\nurl = \"postgres://user:{secret}@host/name?sslmode=verify-full\"\n[queue]\nurl = \"redis://:{secret}@host:6379/0\"\n\
         [server]\nbind = \"0.0.0.0:8080\"\noperator_token = \"{operator}\"\n[worker]\nconcurrency = 4\n\
         [accounts.shop]\nsource = \"wolkvox\"\nserver = \"0042\"\ntoken = \"{secret}\"\n\
         [accounts.bot]\nsource = \"certainly\"\ntoken = \"{secret}\"\nbot_ids = [\"b\"]\n\
         mailbox = \"imaps://user@host/INBOX\"\nmailbox_password = \"{secret}\"\n\
         [accounts.hook]\nsource = \"truora\"\ntoken = \"{secret}\"\nwebhook_secret = \"{secret}\"\n"
    )
}

/// One way to break a text; a position is a share of the text's length.
#[derive(Clone, Debug)]
enum Damage {
    Insert(f64, char),
    Delete(f64),
    Truncate(f64),
    SwapLines(f64, f64),
    DropLine(f64),
    RenameKey(f64),
    Unquote(f64),
    Retype(f64, &'static str, &'static str),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = || 0.0..1.0_f64;
    let signs = || prop::sample::select("\"'[]{}=#,.\\\n\0é0a \t".chars().collect::<Vec<_>>());
    let brackets =
        || prop::sample::select(vec![("[", "]"), ("[[", "]]"), ("{ x = ", " }"), ("-", ""), ("", " and more")]);
    prop_oneof![
        (at(), signs()).prop_map(|(at, sign)| Damage::Insert(at, sign)),
        at().prop_map(Damage::Delete),
        at().prop_map(Damage::Truncate),
        (at(), at()).prop_map(|(one, other)| Damage::SwapLines(one, other)),
        at().prop_map(Damage::DropLine),
        at().prop_map(Damage::RenameKey),
        at().prop_map(Damage::Unquote),
        (at(), brackets()).prop_map(|(at, (open, close))| Damage::Retype(at, open, close)),
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a short text"
)]
fn index(share: f64, length: usize) -> usize {
    (share * length as f64) as usize
}

fn apply(text: &str, damage: &Damage) -> String {
    let mut signs: Vec<char> = text.chars().collect();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if signs.is_empty() || lines.is_empty() {
        return text.to_owned();
    }
    let line_at = |share: f64| index(share, lines.len());
    match damage {
        Damage::Insert(at, sign) => {
            signs.insert(index(*at, signs.len()), *sign);
            return signs.into_iter().collect();
        }
        Damage::Delete(at) => {
            signs.remove(index(*at, signs.len()));
            return signs.into_iter().collect();
        }
        Damage::Truncate(at) => return signs.iter().take(index(*at, signs.len())).collect(),
        Damage::SwapLines(one, other) => {
            let (one, other) = (line_at(*one), line_at(*other));
            lines.swap(one, other);
        }
        Damage::DropLine(at) => {
            lines.remove(line_at(*at));
        }
        Damage::RenameKey(at) => {
            let at = line_at(*at);
            lines[at] = format!("x{}", lines[at]);
        }
        Damage::Unquote(at) => {
            let at = line_at(*at);
            lines[at] = lines[at].replace('"', "");
        }
        Damage::Retype(at, open, close) => {
            let at = line_at(*at);
            if let Some((key, value)) = lines[at].split_once(" = ") {
                lines[at] = format!("{key} = {open}{value}{close}");
            }
        }
    }
    lines.join("\n") + "\n"
}

const KEYS: [&str; 12] = [
    "DATABASE__URL",
    "QUEUE__URL",
    "QUEUE__NAME",
    "SERVER__OPERATOR_TOKEN",
    "SERVER__TOKEN",
    "SERVER__BIND",
    "WORKER__CONCURRENCY",
    "WORKER__DRAIN",
    "LOG__FORMAT",
    "ACCOUNTS__SHOP__TOKEN",
    "ACCOUNTS__HOOK__WEBHOOK_SECRET",
    "TOKEN",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shows_no_secret_of_a_broken_file(
        secret in prop::sample::select(SECRETS.to_vec()),
        damages in prop::collection::vec(damage(), 0..4),
    ) {
        let text = damages.iter().fold(file(secret), |text, damage| apply(&text, damage));
        if let Some(error) = error_of(&text, &[]) {
            prop_assert!(!error.contains(secret), "{text}\n{error}");
        }
    }

    #[test]
    fn shows_no_secret_of_a_variable(
        secret in prop::sample::select(SECRETS.to_vec()),
        keys in prop::collection::vec(prop::sample::select(KEYS.to_vec()), 1..4),
        around in prop::sample::select(vec![("", ""), ("[\"", "\"]"), ("[", ""), ("postgres://u:", "@host/name"), ("redis://:", "@h"), ("\0", "\u{e9}")]),
    ) {
        let value = format!("{}{secret}{}", around.0, around.1);
        let variables: Vec<(&str, &str)> = keys.iter().map(|key| (*key, value.as_str())).collect();
        for text in ["", &file("another-secret-1")] {
            if let Some(error) = error_of(text, &variables) {
                prop_assert!(!error.contains(secret), "{variables:?}\n{error}");
            }
        }
    }
}
