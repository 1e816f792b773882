//! One row of the report `chat_8`.

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

/// A row of `chat_8`, its columns in the vendor's order. The vendor writes all of them as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Chat {
    /// The chat's number; sometimes `""`, `"-"` or `"0"`, which identify no chat.
    pub conn_id: String,
    /// The customer on a channel; the same over many chats.
    pub session_id: String,
    /// Messages exchanged.
    pub times_chatted: String,
    /// Start, on the vendor's wall clock, `YYYY-MM-DD HH:MM:SS`.
    pub start_date: String,
    /// Close, likewise; empty while the chat is open.
    pub end_date: String,
    /// Time with the bot, `HH:MM:SS`.
    pub time_on_chatbot: String,
    /// Routing point.
    pub rp_id: String,
    /// `whatsapp`, `instagram`, `facebook`, `telegram` or `web`.
    pub channel: String,
    /// `yes` or `no`.
    pub go_to_agent: String,
    /// The customer's phone; empty on some channels.
    pub customer_phone: String,
    /// The customer's name.
    pub customer_name: String,
    /// The agent's extension; empty without an agent.
    pub agent_id: String,
    /// The agent's name; empty without an agent.
    pub agent_name: String,
    /// Time with the agent, `HH:MM:SS`.
    pub time_with_agent: String,
    /// Time from start to close, `HH:MM:SS`; hours may exceed 24.
    pub total_time: String,
    /// Characters typed by the customer.
    pub customer_chars: String,
    /// Characters typed by the agent.
    pub agent_chars: String,
    /// Characters typed by both.
    pub total_chars: String,
    /// Time until the agent's first answer, `HH:MM:SS`.
    pub asa: String,
    /// `agent`, `chat_bot` or `customer`.
    pub last_sender: String,
    /// The customer's own number, as on an identity card.
    pub customer_id: String,
    /// The customer's e-mail address; often empty.
    pub customer_email: String,
}

/// A chat as the vendor's newer servers write it: undocumented columns, a name in capitals (`ASA` in `chat_1`), and one
/// with a space at its end (`"agent_anwers "` in `chat_1`).
pub(super) struct OddChat<'a>(pub(super) &'a Chat);

impl Serialize for OddChat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.columns() {
            let name = match name {
                "asa" => "ASA",
                "agent_name" => "agent_name ",
                "channel" => "Channel",
                same => same,
            };
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("feeling", "")?;
        map.serialize_entry("date_close", &self.0.end_date)?;
        map.end()
    }
}

impl Chat {
    /// Its columns, by name, in the vendor's order.
    #[must_use]
    pub fn columns(&self) -> [(&'static str, &str); 22] {
        [
            ("conn_id", &self.conn_id),
            ("session_id", &self.session_id),
            ("times_chatted", &self.times_chatted),
            ("start_date", &self.start_date),
            ("end_date", &self.end_date),
            ("time_on_chatbot", &self.time_on_chatbot),
            ("rp_id", &self.rp_id),
            ("channel", &self.channel),
            ("go_to_agent", &self.go_to_agent),
            ("customer_phone", &self.customer_phone),
            ("customer_name", &self.customer_name),
            ("agent_id", &self.agent_id),
            ("agent_name", &self.agent_name),
            ("time_with_agent", &self.time_with_agent),
            ("total_time", &self.total_time),
            ("customer_chars", &self.customer_chars),
            ("agent_chars", &self.agent_chars),
            ("total_chars", &self.total_chars),
            ("asa", &self.asa),
            ("last_sender", &self.last_sender),
            ("customer_id", &self.customer_id),
            ("customer_email", &self.customer_email),
        ]
    }
}
