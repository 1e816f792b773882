use super::super::address::server_of;
use crate::address::{BadAddress, plain_url};
use BadAddress::{Readable, Secret, Shape};

#[test]
fn an_address_is_a_server_that_may_see_the_token() {
    let good = [
        ("https://wv0042.wolkvox.com", "https://wv0042.wolkvox.com"),
        ("HTTPS://wv0042.wolkvox.com/", "https://wv0042.wolkvox.com"),
        ("https://proxy.example:8443/wolkvox//", "https://proxy.example:8443/wolkvox"),
        ("http://127.0.0.1:4010/", "http://127.0.0.1:4010"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:4010", "http://[::1]:4010"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ];
    for (written, url) in good {
        assert_eq!(plain_url(written), Ok(url.to_owned()), "{written}");
    }
    let bad = [
        ("http://wv0042.wolkvox.com", Readable),
        ("http://127.0.0.1.evil.example", Readable),
        ("http://localhost.evil.example:80", Readable),
        ("http://10.0.0.1", Readable),
        ("http://[::2]", Readable),
        ("https://user:password@wv0042.wolkvox.com", Secret),
        ("http://localhost@evil.example", Secret),
        ("https://wv0042.wolkvox.com?token=1", Secret),
        ("https://wv0042.wolkvox.com#x", Secret),
        ("wv0042.wolkvox.com", Shape),
        ("ftp://wv0042.wolkvox.com", Shape),
        ("https://", Shape),
        ("https:///path", Shape),
        ("https://:443", Shape),
        ("https://host:port", Shape),
        ("https://host:+80", Shape),
        ("https://host:0", Shape),
        ("https://ho st", Shape),
        ("https://host\\evil", Shape),
        ("https://[::1", Shape),
        ("https://[zz]", Shape),
        ("https://host/a b", Shape),
    ];
    for (written, why) in bad {
        assert_eq!(plain_url(written), Err(why), "{written}");
    }
}

#[test]
fn only_the_vendors_own_addresses_name_the_server() {
    assert_eq!(server_of("https://wv0042.wolkvox.com").as_deref(), Some("0042"));
    for other in ["https://wv.wolkvox.com", "https://wvx.wolkvox.com", "http://127.0.0.1:4010"] {
        assert_eq!(server_of(other), None, "{other}");
    }
}
