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
    fn chunking_does_not_matter(which in 0..9_usize, cuts in prop::collection::vec(any::<usize>(), 0..40)) {
        let body = &bodies()[which];
        let mut positions: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
        positions.extend([0, body.len()]);
        positions.sort_unstable();
        let chunks = positions.windows(2).map(|pair| &body[pair[0]..pair[1]]);
        prop_assert_eq!(day_file(200, chunks).unwrap(), day_file(200, [body.as_slice()]).unwrap());
    }
}

#[test]
fn small_chunks_do_not_matter() {
    for body in bodies() {
        for size in [1, 2, 7] {
            assert_eq!(day_file(200, body.chunks(size)).unwrap(), day_file(200, [body.as_slice()]).unwrap());
        }
    }
}

#[test]
fn rejects_every_file_that_was_cut_off() {
    let arrays = [fixture!("v2.json"), fixture!("unreadable_rows.json"), fixture!("single_object.json")];
    for body in arrays.map(<[u8]>::trim_ascii) {
        assert!(day_file(200, [body]).is_ok());
        for length in 1..body.len() {
            let fault = day_file(200, [&body[..length]]).expect_err("the parser accepted a file that was cut off");
            assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
        }
    }
}

#[test]
fn rejects_every_gzip_file_that_is_cut_off_or_damaged() {
    for body in [packed(fixture!("v3_live.json")), packed(fixture!("v2.json")), packed(b"")] {
        assert!(day_file(200, [body.as_slice()]).is_ok());
        for length in 1..body.len() {
            let fault = day_file(200, [&body[..length]]).expect_err("the parser accepted a file that was cut off");
            assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
        }
        for at in [body.len() - 1, body.len() - 5, body.len() / 2] {
            let mut damaged = body.clone();
            damaged[at] ^= 0x55;
            assert_eq!(day_file(200, [damaged.as_slice()]).unwrap_err().kind(), "malformed", "byte {at}");
        }
        let trailed = [body.as_slice(), b"more"].concat();
        assert_eq!(day_file(200, [trailed.as_slice()]).unwrap_err().kind(), "malformed");
    }
}

#[test]
fn a_cut_between_bare_rows_does_not_show() {
    let rows = day_file(200, [b"{\"conversation_id\":\"1\"}\n".as_slice()]).unwrap().1;
    assert_eq!(rows.len(), 1, "HTTP's own length says whether more should have come");
}
