//! Properties of the budgets of an exchange.

use crate::strategies::often;
use domain::exchange_budget::{ExchangeBudget, ExchangeUsage};
use domain::rules::{Limits, Rules};
use proptest::prelude::*;
use std::time::Duration;

fn rules(items_per_list: Option<u64>, timeout: u64) -> Rules {
    let limits = Limits {
        longest: chrono::TimeDelta::days(1),
        row_cap: 1_000,
        max_in_flight: 1,
        spacing: Duration::from_secs(1),
    };
    Rules { items_per_list, timeout: Duration::from_secs(timeout), ..Rules::base(&limits) }
}

prop_compose! {
    fn usage()(
        pages in 0_u64..200, bytes in 0_u64..200 << 20, millis in 0_u64..40_000, items in 0_u64..5_000,
    ) -> ExchangeUsage {
        ExchangeUsage { pages, bytes, time: Duration::from_millis(millis), items }
    }
}

proptest! {
    #![proptest_config(often())]

    /// Each of the four budgets ends the exchange alone once it is used up. While none is, the exchange goes on.
    #[test]
    fn each_budget_ends_an_exchange_alone(usage in usage(), items in 1_u64..2_000, timeout in 1_u64..90) {
        let budget = ExchangeBudget::of(&rules(Some(items), timeout)).unwrap();
        let within = ExchangeUsage {
            pages: usage.pages.min(budget.pages - 1),
            bytes: usage.bytes.min(budget.bytes - 1),
            time: usage.time.min(budget.time.saturating_sub(Duration::from_millis(1))),
            items: usage.items.min(budget.items - 1),
        };
        prop_assert!(!budget.is_spent(&within));
        for spent in [
            ExchangeUsage { pages: budget.pages, ..within },
            ExchangeUsage { bytes: budget.bytes, ..within },
            ExchangeUsage { time: budget.time, ..within },
            ExchangeUsage { items: budget.items, ..within },
        ] {
            prop_assert!(budget.is_spent(&spent), "{spent:?} of {budget:?}");
        }
    }

    /// A worker that reads further never brings an exchange back below a budget that it has used up.
    #[test]
    fn further_reading_never_restores_a_budget(usage in usage(), more in usage(), items in 1_u64..2_000) {
        let budget = ExchangeBudget::of(&rules(Some(items), 70)).unwrap();
        let after = ExchangeUsage {
            pages: usage.pages + more.pages,
            bytes: usage.bytes + more.bytes,
            time: usage.time + more.time,
            items: usage.items + more.items,
        };
        prop_assert!(!budget.is_spent(&usage) || budget.is_spent(&after));
    }

    /// A request's own time-out also bounds the whole list: live work waits no longer for a slot than for one request.
    #[test]
    fn a_list_takes_no_longer_than_a_request_may(timeout in 1_u64..90) {
        let budget = ExchangeBudget::of(&rules(Some(1_000), timeout)).unwrap();
        prop_assert_eq!(budget.time, Duration::from_secs(timeout.min(20)));
    }
}

/// With extreme settings.
#[test]
fn extreme_budgets_never_panic() {
    let budget = ExchangeBudget::of(&rules(Some(u64::MAX), 70)).unwrap();
    assert!(!budget.is_spent(&ExchangeUsage::default()));
    assert_eq!(ExchangeBudget::of(&rules(None, 70)), None, "nothing but a list has many pages");
}
