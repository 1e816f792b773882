use super::*;

fn filed<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<ResponseSummary, Fault> {
    let (step, rows) = read(Boxed(opened(&json!({})).source.file_reader("processes").unwrap()), head(200), chunks)?;
    assert!(rows.is_empty(), "a file names processes, and brings no rows");
    Ok(step)
}

fn file(text: &str) -> Result<ResponseSummary, Fault> {
    filed([text.as_bytes()])
}

#[test]
fn a_file_names_its_processes() {
    let step = filed([fixture!("history_es.csv")]).unwrap();
    let items = vec![item(ID, "2026-08-08T13:11:33Z", None), item("IDP41c0aa02", "2026-08-08T14:00:00Z", None)];
    assert_eq!((step.rows, step.items), (4, items));
    let reasons: Vec<&str> = step.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    assert_eq!(reasons, ["line 5 has no valid process id", "line 6 has no valid creation date"]);
}

#[test]
fn parses_dates_in_every_language() {
    let date = |body: &[u8]| filed([body]).unwrap().items[0].scope.unwrap().from();
    assert_eq!(date(fixture!("history_en.csv")), utc("2026-08-09T15:04:00Z"), "the month first");
    assert_eq!(date(fixture!("history_pt.csv")), utc("2026-08-09T15:04:05Z"), "the day first");
    let cases = [
        ("Fecha de creacion", "31/12/2026 23:59", "2026-12-31T23:59:00Z"),
        ("Creation Date", "31/12/2026", "2026-12-31T00:00:00Z"),
        ("Creation date", "12/31/2026 10:00:00", "2026-12-31T10:00:00Z"),
        ("Fecha de creación", "12/31/2026 10:00:00", "2026-12-31T10:00:00Z"),
        ("creation_date", "2026-12-31T10:00:00-05:00", "2026-12-31T15:00:00Z"),
        ("Data de criação", "2026-12-31", "2026-12-31T00:00:00Z"),
    ];
    for (name, written, at) in cases {
        assert_eq!(date(format!("process_id,{name}\na,{written}\n").as_bytes()), utc(at), "{name} {written}");
    }
    for wrong in ["", "31/13/2026", "13/31/2026 10:00", "1/1", "2026-02-30", "1/1/99999 10:00", "10:00"] {
        let step = file(&format!("Process ID;Creation date\na;{wrong}\n")).unwrap();
        assert_eq!((step.items.len(), step.rejects.len()), (0, 1), "{wrong}");
    }
}

/// An operator who wants some processes writes their ids, and no day is to wait for them.
#[test]
fn a_single_column_of_ids_names_processes() {
    let step = file("process_id\nIDP1\n\nIDP2\n").unwrap();
    let item = |id: &str| Item { slice: key(id), scope: None, seen_version: None, has_ended: false };
    assert_eq!((step.rows, step.items), (2, vec![item("IDP1"), item("IDP2")]));
}

#[test]
fn rejects_other_files() {
    for body in ["", "\n\n", "a,b\n1,2\n", "Process ID,Status\na,b\n", "Creation date\n2026-08-08\n", "sep=;\n"] {
        assert_eq!(file(body).expect_err(body).kind(), "malformed", "{body:?}");
    }
    let wide = "Process ID,Creation date\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    assert_eq!(filed([wide.as_slice()]).unwrap_err().kind(), "malformed");
}

#[test]
fn rejects_rows_without_stopping_the_file() {
    let body =
        "sep=;\nProcess ID;Creation date;Mensaje\na;2026-08-08;é\nb;2026-08-08\n;;\nc/d;2026-08-08;\ne;2026-08-08;x\n";
    let step = file(body).unwrap();
    assert_eq!((step.rows, step.items.len(), step.rejects.len()), (4, 2, 2));
    assert_eq!(step.rejects[0].reason, "line 4 has 2 cells, and the header has 3");
    let mixed = [b"Process ID,Creation date,x\na,2026-08-08,\xC3\xA9\n".as_slice(), b"b,2026-08-08,\xE9\n"].concat();
    let step = filed([mixed.as_slice()]).unwrap();
    assert_eq!((step.items.len(), step.rejects.len()), (1, 1));
    let windows = filed([b"Process ID,Fecha de creaci\xF3n\na,2026-08-08\n".as_slice()]).unwrap();
    assert_eq!(windows.items.len(), 1);
}

#[test]
fn rejects_a_file_that_was_cut_off_in_a_row() {
    let body = fixture!("history_es.csv");
    for length in 0..body.len() {
        // A cut right after a line end does not show; of the two characters `\r\n` the first is a line end already.
        let is_end = matches!(body[..length], [.., b'\r' | b'\n']);
        let is_quoted = body[..length].iter().fold(false, |is_quoted, byte| is_quoted ^ (*byte == b'"'));
        let passed = filed([&body[..length]]).is_ok();
        assert_eq!(passed, is_end && !is_quoted, "after {length} bytes");
    }
}
