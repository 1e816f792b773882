use super::super::names::{Meaning, meaning};
use super::*;

fn column(name: &str) -> Option<&'static str> {
    match meaning(name) {
        Meaning::Field(place) => Some(FIELDS[place].column),
        _ => None,
    }
}

#[test]
fn names_are_matched_without_case_accents_and_punctuation() {
    let spellings = [
        "bot_module_name",
        "bot_module.name",
        "botModuleName",
        "Bot module name",
        "BOT MODULE NAME",
        "Bot-Module: Name",
        "Bót módule námé",
        "Bo\u{301}t module name",
        " bot module  name ",
    ];
    for name in spellings {
        assert_eq!(column(name), Some("bot_module_name"), "{name}");
    }
    for field in FIELDS {
        assert_eq!(column(field.column), Some(field.column), "its own name");
        for name in field.names {
            assert_eq!(column(name), Some(field.column), "{name}");
        }
    }
    let known = [("ID", "message_id"), ("Botuser meta", "botuser_meta"), ("KPIs of bot module", "")];
    for (name, expected) in known {
        assert_eq!(column(name).unwrap_or_default(), expected, "{name}");
    }
}

#[test]
fn other_names_have_their_meaning_too() {
    let meta = FIELDS.iter().position(|field| field.column == "botuser_meta").unwrap();
    let part = |path: &[&str]| Meaning::Part(meta, path.iter().map(|word| (*word).to_owned()).collect());
    let cases = [
        ("botuser.botuser_meta.web.host", part(&["web", "host"])),
        ("botuser_meta_web_current_ip", part(&["web", "current_ip"])),
        ("Botuser meta: web: host page URL", part(&["web", "hostPageUrl"])),
        ("botuser.botuser_meta.web.hostPageUrl", part(&["web", "hostPageUrl"])),
        ("botuser.botuser_meta.custom.Lang", part(&["custom", "Lang"])),
        ("botuser_meta.lang", part(&["lang"])),
        ("bot_module", Meaning::Whole("bot_module")),
        ("BotUser", Meaning::Whole("botuser")),
        ("botId", Meaning::Bot),
        ("Bot UUID", Meaning::Bot),
        ("nps", Meaning::Stranger),
        ("botuser_meta.web.", Meaning::Stranger),
        ("bot_module.colour", Meaning::Stranger),
        ("", Meaning::Stranger),
        ("Übergabe?", Meaning::Stranger),
    ];
    for (name, expected) in cases {
        assert_eq!(meaning(name), expected, "{name}");
    }
}
