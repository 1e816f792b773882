use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn bodies() -> Vec<Vec<u8>> {
    let plain = [
        fixture!("v2.json"),
        fixture!("v3_live.json"),
        fixture!("single_object.json"),
        fixture!("unreadable_rows.json"),
        fixture!("no_utf8.json"),
        fixture!("lines.json.gz"),
        b"\xEF\xBB\xBF[{\"conversation_id\":\"1\"}]",
    ];
    let mut bodies: Vec<Vec<u8>> = plain.iter().map(|body| body.to_vec()).collect();
    bodies.push(packed(fixture!("v2.json")));
    // Two packed pieces in one file, as some stores put them together.
    bodies.push([packed(b"[{\"conversation_id\":\"1\"},"), packed(b"{\"conversation_id\":\"2\"}]")].concat());
    bodies
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_rows(which in 0..9_usize, cuts in prop::collection::vec(any::<usize>(), 0..40)) {
        let body = &bodies()[which];
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
        places.extend([0, body.len()]);
        places.sort_unstable();
        let chunks = places.windows(2).map(|pair| &body[pair[0]..pair[1]]);
        prop_assert_eq!(heard(200, chunks).unwrap(), heard(200, [body.as_slice()]).unwrap());
    }
}

#[test]
fn byte_by_byte_gives_the_same_rows() {
    for body in bodies() {
        for size in [1, 2, 7] {
            assert_eq!(heard(200, body.chunks(size)).unwrap(), heard(200, [body.as_slice()]).unwrap());
        }
    }
}

#[test]
fn every_cut_is_a_fault_and_never_a_shorter_success() {
    let arrays = [fixture!("v2.json"), fixture!("unreadable_rows.json"), fixture!("single_object.json")];
    for body in arrays.map(<[u8]>::trim_ascii) {
        assert!(heard(200, [body]).is_ok());
        for length in 1..body.len() {
            let fault = heard(200, [&body[..length]]).expect_err("a cut-off file passed");
            assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
        }
    }
}

#[test]
fn every_cut_or_damage_of_a_packed_file_is_a_fault() {
    for body in [packed(fixture!("v3_live.json")), packed(fixture!("v2.json")), packed(b"")] {
        assert!(heard(200, [body.as_slice()]).is_ok());
        for length in 1..body.len() {
            let fault = heard(200, [&body[..length]]).expect_err("a cut-off file passed");
            assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
        }
        for at in [body.len() - 1, body.len() - 5, body.len() / 2] {
            let mut damaged = body.clone();
            damaged[at] ^= 0x55;
            assert_eq!(heard(200, [damaged.as_slice()]).unwrap_err().kind(), "malformed", "byte {at}");
        }
        let trailed = [body.as_slice(), b"more"].concat();
        assert_eq!(heard(200, [trailed.as_slice()]).unwrap_err().kind(), "malformed");
    }
}

#[test]
fn a_cut_between_bare_rows_cannot_be_seen_here() {
    let rows = heard(200, [b"{\"conversation_id\":\"1\"}\n".as_slice()]).unwrap().1;
    assert_eq!(rows.len(), 1, "HTTP's own length says whether more should have come");
}
