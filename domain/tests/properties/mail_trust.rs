//! Which mails are believed.

use domain::authentication_results::AuthenticationResults;
use domain::mail_trust::{AllowedSender, Distrust, MailHeaders, MailPolicy};
use proptest::prelude::*;

const OWN: &str = "mx.example.com";
const SENDER: &str = "reports@certainly.io";

fn policy() -> MailPolicy {
    let senders = ["reports@certainly.io", "@vendor.example"].map(|text| AllowedSender::parse(text).unwrap());
    MailPolicy { senders: senders.to_vec(), authserv_id: Some(OWN.to_owned()), is_trusted_folder: false }
}

fn check(policy: &MailPolicy, from: &str, results: &[&str]) -> Result<(), Distrust> {
    let results: Vec<String> = results.iter().map(|value| (*value).to_owned()).collect();
    policy.check(MailHeaders { from: Some(from), authentication_results: &results })
}

fn authenticates(value: &str, domain: &str) -> bool {
    AuthenticationResults::parse(value).is_some_and(|results| results.authenticates(domain))
}

#[test]
fn results_as_mail_servers_write_them_authenticate_the_sender() {
    for value in [
        "mx.example.com; dkim=pass header.d=certainly.io",
        "mx.example.com 1; dkim=pass (good signature; 2048 bits (rsa)) header.i=@mail.certainly.io header.s=k1 header.b=\"aB+/=\"",
        "MX.Example.COM;\r\n\tspf=softfail smtp.mailfrom=evil.example;\r\n\tDKIM/1=Pass reason=\"ok; dkim=fail\" header.d=Certainly.IO",
        "mx.example.com; spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=bounce@certainly.io",
        "mx.example.com; spf=pass smtp.mailfrom=\"a; b\"@bounce.certainly.io smtp.helo=x.example",
        "mx.example.com; dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=certainly.io",
        "\"mx.example.com\" (the own (nested \\) ) server) ; dmarc=pass",
    ] {
        assert!(authenticates(value, "certainly.io"), "{value}");
        assert_eq!(check(&policy(), SENDER, &[value]), Ok(()), "{value}");
    }
}

#[test]
fn no_other_result_authenticates_the_sender() {
    for value in [
        "mx.example.com; none",
        "mx.example.com",
        "mx.example.com; dkim=fail header.d=certainly.io",
        "mx.example.com; dkim=pass header.d=evil.example",
        "mx.example.com; dkim=pass header.d=notcertainly.io",
        "mx.example.com; dkim=pass header.d=io",
        "mx.example.com; dkim=pass",
        "mx.example.com; dkim=pass header.d=evil.example header.i=@certainly.io",
        "mx.example.com; dkim=pass header.d=evil.example header.d=certainly.io",
        "mx.example.com; dkim=fail (dkim=pass header.d=certainly.io) header.d=certainly.io",
        "mx.example.com; dkim=fail reason=\"dkim=pass header.d=certainly.io\" header.d=certainly.io",
        "mx.example.com; spf=pass smtp.helo=certainly.io",
        "mx.example.com; spf=pass smtp.mailfrom=certainly.io@evil.example",
        "mx.example.com; spf=pass smtp.mailfrom=\"x; dkim=pass header.d=certainly.io\"@evil.example",
        "mx.example.com; spf=pass smtp.mailfrom=smtp.mailfrom=certainly.io",
        "mx.example.com; dmarc=pass header.from=evil.example",
        "mx.example.com; spf=pass smtp.mailfrom=certainly.io; dmarc=fail header.from=certainly.io",
        "mx.example.com; iprev=pass; auth=pass smtp.auth=reports@certainly.io",
        "mx.example.com; arc=pass (dkim=pass dkdomain=certainly.io) header.d=certainly.io",
        "mx.example.com; \"dkim=pass header.d=certainly.io",
        "spf=pass smtp.mailfrom=certainly.io",
        "",
    ] {
        assert!(!authenticates(value, "certainly.io"), "{value}");
        assert!(check(&policy(), SENDER, &[value]).is_err(), "{value}");
    }
}

#[test]
fn only_the_topmost_header_of_the_named_server_counts() {
    let good = "mx.example.com; dkim=pass header.d=certainly.io";
    let bad = "mx.example.com; dkim=fail header.d=certainly.io";
    let other = "mx.evil.example; dkim=pass header.d=certainly.io";
    let policy = policy();
    assert_eq!(check(&policy, SENDER, &[other, good]), Ok(()), "another server's header above it does not count");
    assert!(matches!(check(&policy, SENDER, &[bad, good]), Err(Distrust::Unauthenticated { .. })));
    assert!(matches!(check(&policy, SENDER, &[other]), Err(Distrust::Unchecked { .. })));
    assert!(matches!(check(&policy, SENDER, &[]), Err(Distrust::Unchecked { .. })));
}

#[test]
fn a_sender_outside_the_list_is_not_believed() {
    let results = ["mx.example.com; dmarc=pass"];
    let policy = policy();
    for from in ["Reports@Certainly.io", "any@vendor.example"] {
        assert_eq!(check(&policy, from, &results), Ok(()), "{from}");
    }
    for from in
        ["other@certainly.io", "reports@certainly.io.evil.example", "a@sub.vendor.example", "a@evilvendor.example"]
    {
        assert_eq!(check(&policy, from, &results), Err(Distrust::OtherSender), "{from}");
    }
    assert_eq!(check(&policy, "nobody", &results), Err(Distrust::NoSender));
    let none = MailHeaders { from: None, authentication_results: &[] };
    assert_eq!(policy.check(none), Err(Distrust::NoSender));
}

#[test]
fn a_mailbox_that_anyone_can_mail_is_believed_only_with_the_name_of_its_server() {
    let good = ["mx.example.com; dkim=pass header.d=certainly.io"];
    let open = MailPolicy { authserv_id: None, ..policy() };
    assert_eq!(check(&open, SENDER, &good), Err(Distrust::OpenMailbox));
    assert!(open.believes_nothing() && !policy().believes_nothing());
    let trusted = MailPolicy { is_trusted_folder: true, ..open };
    assert_eq!(check(&trusted, SENDER, &[]), Ok(()));
    assert_eq!(check(&trusted, "a@evil.example", &[]), Err(Distrust::OtherSender));
    let all = MailPolicy { is_trusted_folder: true, ..MailPolicy::default() };
    assert_eq!(all.check(MailHeaders { from: None, authentication_results: &[] }), Ok(()));
}

#[test]
fn a_sender_in_the_settings_is_an_address_or_a_domain() {
    for text in ["", "a", "@", "a@", "@com", "a@com", "@a..b", "a b@c.io", "@.io"] {
        assert_eq!(AllowedSender::parse(text), None, "{text}");
    }
    assert_eq!(AllowedSender::parse(" @Vendor.example "), Some(AllowedSender::Domain("vendor.example".to_owned())));
}

proptest! {
    /// A stranger controls his own domain, the local parts of his addresses and the text in quotes and comments.
    #[test]
    fn a_quoted_text_of_a_stranger_never_authenticates_another_domain(
        method in "(dkim|spf|dmarc|x)",
        result in "(pass|fail|none)",
        text in "[ -~]{0,40}",
    ) {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let comment = text.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
        for value in [
            format!("{OWN}; {method}={result} reason=\"{quoted}\" header.d=evil.example header.from=evil.example smtp.mailfrom=\"{quoted}\"@evil.example"),
            format!("{OWN}; ({comment}) {method}={result} ({comment}) header.d=evil.example ({comment}) header.from=evil.example"),
        ] {
            prop_assert!(!authenticates(&value, "certainly.io"), "{}", value);
        }
    }

    #[test]
    fn no_text_ends_the_parser(text in "\\PC{0,200}", symbols in "[()\"\\\\;=@./ a]{0,60}") {
        let _ = AuthenticationResults::parse(&text);
        let _ = AuthenticationResults::parse(&symbols);
        let _ = AllowedSender::parse(&text);
    }

    /// What stands below the own server's header changes nothing.
    #[test]
    fn headers_that_came_with_the_mail_change_nothing(
        own in "(dkim=pass header.d=certainly.io|dkim=fail header.d=certainly.io|none)",
        below in prop::collection::vec("(mx\\.example\\.com|evil\\.example); dkim=(pass|fail) header.d=certainly.io", 0..4),
    ) {
        let top = format!("{OWN}; {own}");
        let alone = check(&policy(), SENDER, &[&top]);
        let all: Vec<&str> = std::iter::once(top.as_str()).chain(below.iter().map(String::as_str)).collect();
        prop_assert_eq!(check(&policy(), SENDER, &all), alone);
    }
}
