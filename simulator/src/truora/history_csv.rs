//! The dashboard's Chatbot History as a CSV file.

use super::process::Process;
use crate::delimited::Delimited;
use crate::random::{choose, generator};
use chrono::{DateTime, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use serde_json::Value;

/// "Select the language: Choose from English, Spanish, or Portuguese."
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Spanish.
    Spanish,
    /// Portuguese.
    Portuguese,
}

/// The content of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Id,
    Account,
    Flow,
    Phone,
    MessageType,
    StartMessage,
    Created,
    Status,
    Unknown,
}

/// The notation of one file. It does not change the meaning.
struct Style {
    columns: Vec<(Column, &'static str)>,
    notation: Delimited,
}

/// Headers in the three languages, by the dashboard's words; no document names them.
const COLUMNS: [(Column, [&str; 3]); 9] = [
    (Column::Id, ["Process ID", "ID del proceso", "ID do processo"]),
    (Column::Account, ["Account ID", "ID de la cuenta", "ID da conta"]),
    (Column::Flow, ["Flow ID", "ID del flujo", "ID do fluxo"]),
    (Column::Phone, ["Phone number", "Número de teléfono", "Número de telefone"]),
    (Column::MessageType, ["Message type", "Tipo de mensaje", "Tipo de mensagem"]),
    (Column::StartMessage, ["Start message", "Mensaje inicial", "Mensagem inicial"]),
    (Column::Created, ["Creation date", "Fecha de creación", "Data de criação"]),
    (Column::Status, ["Status", "Estado", "Status"]),
    (Column::Unknown, ["Assigned line", "Línea asignada", "Linha atribuída"]),
];
const IN_PROGRESS: [&str; 3] = ["In progress", "En progreso", "Em andamento"];
const AGENT_CHAT: [&str; 3] = ["Agent chat", "Chat con agente", "Chat com agente"];
const FINISHED: [&str; 3] = ["Finished", "Finalizado", "Finalizado"];
const CANCELLED: [&str; 3] = ["Cancelled", "Cancelado", "Cancelado"];
const EXPIRED: [&str; 3] = ["Expired", "Expirado", "Expirado"];
const SALT_STYLE: u64 = 0x57E1;
const SALT_CELL: u64 = 0xCE11;

/// A file with one line per process.
pub(super) fn write(processes: &[Process], language: Language, style_seed: u64) -> Vec<u8> {
    let style = Style::draw(language, style_seed);
    let head: Vec<String> = style.columns.iter().map(|(_, header)| (*header).to_owned()).collect();
    let mut file = style.notation.head(&head);
    for (process, index) in processes.iter().zip(0u64..) {
        let mut random = generator(style_seed ^ SALT_CELL, index);
        let cells: Vec<String> =
            style.columns.iter().map(|(column, _)| cell(*column, process, language, &mut random)).collect();
        file.push_str(&style.notation.line(&cells));
    }
    file.into_bytes()
}

impl Style {
    fn draw(language: Language, seed: u64) -> Self {
        let mut random = generator(seed ^ SALT_STYLE, 0);
        let english_headers = random.random_bool(0.3);
        let mut columns: Vec<(Column, &'static str)> =
            COLUMNS.iter().map(|(column, headers)| (*column, language.of(headers, english_headers))).collect();
        if random.random_bool(0.5) {
            columns.shuffle(&mut random);
        }
        Self {
            columns,
            notation: Delimited {
                delimiter: if random.random() { ',' } else { ';' },
                line_end: choose(&["\n", "\r\n"], &mut random),
                bom: random.random(),
                always_quoted: random.random_bool(0.3),
            },
        }
    }
}

impl Language {
    fn of(self, words: &[&'static str; 3], english_headers: bool) -> &'static str {
        let [english, spanish, portuguese] = *words;
        match self {
            // Headers may be English where the cells are not.
            _ if english_headers => english,
            Self::English => english,
            Self::Spanish => spanish,
            Self::Portuguese => portuguese,
        }
    }
}

fn cell(column: Column, process: &Process, language: Language, random: &mut SmallRng) -> String {
    let trigger = |name: &str| process.trigger_info.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match column {
        Column::Id => process.process_id.clone(),
        Column::Account => process.account_id.clone(),
        Column::Flow => process.flow_id.clone(),
        Column::Phone => format!("+{}", process.phone()),
        Column::MessageType => trigger("channel_type"),
        Column::StartMessage => trigger("message"),
        Column::Created => day_and_time(process.creation_date),
        Column::Status => language.of(status(process), false).to_owned(),
        Column::Unknown => random.random_range(0..10u8).to_string(),
    }
}

/// The dashboard's word for the status. How it follows from the API's words is a guess.
fn status(process: &Process) -> &'static [&'static str; 3] {
    match (process.status.as_str(), process.failure_status.as_deref()) {
        ("success", _) => &FINISHED,
        ("failure", Some("expired")) => &EXPIRED,
        ("failure", _) => &CANCELLED,
        ("pending", _) => &IN_PROGRESS,
        _ => &AGENT_CHAT,
    }
}

fn day_and_time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}
