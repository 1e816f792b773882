//! The daily quota of an operation, over all of its credentials.

/// The vendor's statement about today's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaReport {
    /// The requests that the vendor permits in a day.
    pub limit: u32,
    /// The requests of today with all credentials of the operation.
    pub used: u32,
}

/// The requests that a lane knows of when it counts against a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaCounts {
    /// The quota in the settings.
    pub configured: Option<u32>,
    /// The quota that the vendor last stated.
    pub stated: Option<u32>,
    /// Today's requests of this service, over all its credentials of the operation.
    pub own: u32,
    /// Today's requests of other clients, as far as the vendor has stated them.
    pub others: u32,
}

impl QuotaCounts {
    /// Today's requests and the daily quota; `None` if no quota is known. A quota in the settings
    /// takes precedence over the vendor's.
    #[must_use]
    pub fn used_of(&self) -> Option<(u32, u32)> {
        let limit = self.configured.or(self.stated)?;
        Some((self.own.saturating_add(self.others), limit))
    }
}

impl QuotaReport {
    /// The requests of other clients: those that are not among the `own` ones of this service.
    #[must_use]
    pub fn others(&self, own: u32) -> u32 {
        self.used.saturating_sub(own)
    }
}
