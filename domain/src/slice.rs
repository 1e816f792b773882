//! The unit of work that a source can be asked for: a window, an export, a partition of a list, or one item.

use crate::window::Window;
use serde::{Deserialize, Serialize};

/// What one job fetches.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slice {
    /// Everything that the vendor files under a window.
    Window(Window),
    /// Everything in a window, requested as an export that the vendor sends by mail.
    Export(Window),
    /// Everything that one partition of the stream (such as one poll's list) files under a window. The string is the
    /// partition's name. A partition that fails does not stop the others.
    Partition(String, Window),
    /// One item by its id.
    Item(String),
    /// A delivery by its id: a webhook event, a mail or an imported file.
    Delivery(i64),
}

impl Slice {
    /// The window that a full answer covers; `None` for a partition, an item or a delivery, which is only a part.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        match self {
            Self::Window(window) | Self::Export(window) => Some(*window),
            Self::Partition(..) | Self::Item(_) | Self::Delivery(_) => None,
        }
    }

    /// Whether a list or a webhook names this slice: a partition or an item.
    #[must_use]
    pub fn is_named(&self) -> bool {
        matches!(self, Self::Partition(..) | Self::Item(_))
    }
}
