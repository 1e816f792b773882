use super::super::field_names::{FieldName, resolve};
use super::*;

fn column(name: &str) -> Option<&'static str> {
    match resolve(name) {
        FieldName::Field(index) => Some(FIELDS[index].column),
        _ => None,
    }
}

#[test]
fn matches_names_without_case_accents_and_punctuation() {
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
fn resolves_objects_parts_and_bots() {
    let meta = FIELDS.iter().position(|field| field.column == "botuser_meta").unwrap();
    let part = |path: &[&str]| FieldName::Path(meta, path.iter().map(|word| (*word).to_owned()).collect());
    let cases = [
        ("botuser.botuser_meta.web.host", part(&["web", "host"])),
        ("botuser_meta_web_current_ip", part(&["web", "current_ip"])),
        ("Botuser meta: web: host page URL", part(&["web", "hostPageUrl"])),
        ("botuser.botuser_meta.web.hostPageUrl", part(&["web", "hostPageUrl"])),
        ("botuser.botuser_meta.custom.Lang", part(&["custom", "Lang"])),
        ("botuser_meta.lang", part(&["lang"])),
        ("bot_module", FieldName::Object("bot_module")),
        ("BotUser", FieldName::Object("botuser")),
        ("botId", FieldName::Bot),
        ("Bot UUID", FieldName::Bot),
        ("nps", FieldName::Unknown),
        ("botuser_meta.web.", FieldName::Unknown),
        ("bot_module.colour", FieldName::Unknown),
        ("", FieldName::Unknown),
        ("Übergabe?", FieldName::Unknown),
    ];
    for (name, expected) in cases {
        assert_eq!(resolve(name), expected, "{name}");
    }
}
