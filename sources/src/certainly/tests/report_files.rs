use super::*;
use proptest::prelude::*;

const HEADER: &str = "id,timestamp,message,botuser_meta\n";

fn file_of(text: &str) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
    read_file([text.as_bytes()])
}

/// The rows of a file are those of this answer.
fn same(file: &[u8], answer: &str) {
    let text = String::from_utf8_lossy(file).into_owned();
    let (step, rows) = read_file([file]).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    assert_eq!(step.rejects, Vec::new(), "{text}");
    let (answer, expected) = response(head(200), [answer.as_bytes()]).unwrap();
    assert_eq!(answer.rejects, Vec::new());
    assert_eq!((step.rows, bytes(&rows)), (answer.rows, bytes(&expected)), "{text}");
}

#[test]
fn equal_messages_become_equal_rows() {
    let page = std::str::from_utf8(fixture!("page.json")).unwrap();
    same(fixture!("report.csv"), page);
    let crlf = std::str::from_utf8(fixture!("report.csv")).unwrap().replace('\n', "\r\n");
    same(format!("\u{feff}{crlf}").as_bytes(), page);
}

#[test]
fn detects_the_delimiter() {
    let row = r#"[{"id":1,"timestamp":1639645964,"message":"a,b;c\td"}]"#;
    for (delimiter, hint) in [(',', ""), (';', ""), ('\t', ""), (';', "sep=;\r\n"), ('|', "sep=|\n")] {
        let cells = ["1", "1639645964", "\"a,b;c\td\"", ""].join(&delimiter.to_string());
        let names = ["ID", "Timestamp", "Message", "\"a,b,c;;;\t\t\t\""].join(&delimiter.to_string());
        same(format!("{hint}{names}\n{cells}\n").as_bytes(), row);
        same(format!("\u{feff}{hint}{names}\r\n{cells}\r\n").as_bytes(), row);
        same(format!("{hint}{names}\r{cells}").as_bytes(), row);
    }
}

#[test]
fn parses_quoted_cells() {
    let row = r#"[{"id":1,"timestamp":1639645964,"message":"one \"two\"\r\n\nthree, four"}]"#;
    same(format!("{HEADER}\"1\",1639645964,\"one \"\"two\"\"\r\n\nthree, four\",\"\"\n").as_bytes(), row);
    let inch = r#"[{"id":1,"timestamp":1639645964,"message":"5\" pipe"}]"#;
    same(format!("{HEADER}1,1639645964,5\" pipe,\n\n\r\n").as_bytes(), inch);
    same(format!("{HEADER}\n1,1639645964,5\" pipe,\n,,,\n").as_bytes(), inch);
}

#[test]
fn decodes_windows_1252() {
    let row = r#"[{"id":1,"timestamp":1639645964,"message":"¿Dónde? “12 €” – Œuf"}]"#;
    same(format!("{HEADER}1,1639645964,¿Dónde? “12 €” – Œuf,\n").as_bytes(), row);
    let windows = b"id,timestamp,Mess\xE1ge,botuser_meta\n1,1639645964,\xBFD\xF3nde? \x9312 \x80\x94 \x96 \x8Cuf,\n";
    same(windows, row);
    let late = [HEADER.as_bytes(), b"1,1639645964,Mar\xEDa,\n"].concat();
    same(&late, r#"[{"id":1,"timestamp":1639645964,"message":"María"}]"#);
}

#[test]
fn rejects_rows_with_invalid_utf_8() {
    for start in ["\u{feff}id,timestamp,message,x\n", "id,timestamp,message,x\n3,1639645964,é,\n"] {
        let file = [start.as_bytes(), b"1,1639645964,Mar\xEDa,\n2,1639645964,ok,\n"].concat();
        let (step, rows) = read_file([file.as_slice()]).unwrap();
        assert_eq!((step.rejects.len(), count(&rows) as u64), (1, step.rows - 1));
        assert!(step.rejects[0].reason.ends_with("has bytes that are not UTF-8"), "{}", step.rejects[0].reason);
    }
    let utf16: Vec<u8> = "\u{feff}id\t".encode_utf16().flat_map(u16::to_le_bytes).chain(*b"\n\0").collect();
    assert!(read_file([utf16.as_slice()]).unwrap_err().to_string().contains("UTF-16"));
}

#[test]
fn unknown_columns_go_to_extra_under_their_header() {
    let file = "id,timestamp,Sentiment score,Übergabe?,,nps\n1,1639645964,0.7,True,x,\n";
    let row = r#"[{"id":1,"timestamp":1639645964,"Sentiment score":0.7,"Übergabe?":true,"column 5":"x"}]"#;
    same(file.as_bytes(), row);
}

#[test]
fn joins_the_parts_of_the_meta_data() {
    let row = r#"[{"id":1,"timestamp":1639645964,"botuser":{"botuser_meta":
        {"web":{"host":"h","hostPageUrl":"u"},"lang":"da"}}}]"#;
    let dotted = "id,timestamp,botuser.botuser_meta.web.host,botuser_meta.web.hostPageUrl,botuser_meta.lang,\
        botuser.botuser_meta.web.current_ip\n1,1639645964,h,u,da,\n";
    same(dotted.as_bytes(), row);
    // Beside the whole, which goes first where both say something.
    let both = "id,timestamp,Botuser meta web host,botuser_meta,botuser_meta_web_host_page_url,botuser_meta.lang\n\
        1,1639645964,other,\"{\"\"web\"\": {\"\"host\"\": \"\"h\"\"}}\",u,da\n";
    same(both.as_bytes(), row);
    let odd = "id,timestamp,botuser_meta,botuser_meta.lang\n1,1639645964,none,da\n";
    let beside = r#"[{"id":1,"timestamp":1639645964,"botuser_meta":"none","botuser_meta.lang":"da"}]"#;
    same(odd.as_bytes(), beside);
}

#[test]
fn a_cell_may_hold_an_object() {
    let file = "id,timestamp,bot_module,botuser\n1,1639645964,\"{\"\"id\"\": 5, \"\"name\"\": \"\"N\"\", \"\"icon\"\": \"\"\"\"}\",\"{\"\"id\"\": 7}\"\n";
    same(file.as_bytes(), r#"[{"id":1,"timestamp":1639645964,"bot_module":{"name":"N","id":5},"botuser":{"id":7}}]"#);
}

#[test]
fn rejects_rows_with_a_wrong_number_of_cells() {
    let text = format!(
        "{HEADER}1,1639645964,\"two\nlines\",\n2,1639645964,short\n3,1639645964,a,long,one\n4,soon,,\n5,1639645964,ok,\n"
    );
    let (step, rows) = file_of(&text).unwrap();
    assert_eq!((step.rows, count(&rows)), (5, 2));
    let rejects: Vec<_> = step.rejects.iter().map(|reject| (reject.reason.as_str(), reject.raw.as_str())).collect();
    let expected = [
        ("line 4 has 3 cells, and the header has 4", "2,1639645964,short"),
        ("line 5 has 5 cells, and the header has 4", "3,1639645964,a,long,one"),
        ("line 6 has no valid timestamp", "4,soon,,"),
    ];
    assert_eq!(rejects, expected);
}

#[test]
fn refuses_rows_of_another_bot() {
    let rows = |header: &str, bot: &str| file_of(&format!("id,timestamp,{header}\n1,1639645964,{bot}\n"));
    for header in ["botId", "bot_id", "Bot UUID", "BOT ID"] {
        let upper = BOT.to_uppercase();
        for own in [BOT, &upper, "", &format!(" {BOT} ")] {
            same(
                format!("id,timestamp,{header}\n1,1639645964,{own}\n").as_bytes(),
                r#"[{"id":1,"timestamp":1639645964}]"#,
            );
        }
        let fault = rows(header, "2b11").unwrap_err();
        assert_eq!(fault.to_string(), "refused: line 2: a row of another bot", "{header}");
    }
}

#[test]
fn rejects_other_files() {
    let files = [
        "",
        "\n\r\n",
        "id,message\n1,hi\n",
        "timestamp,message\n1639645964,hi\n",
        "<!DOCTYPE html>\n<html>\n",
        "{\"detail\":\"Not found.\"}\n",
        "id,timestamp",
        "\"id,timestamp\n",
        "\0\0\0\0\n",
    ];
    for text in files {
        let fault = file_of(text).expect_err(text);
        assert_eq!(fault.kind(), "malformed", "{text}: {fault}");
    }
    let (step, rows) = file_of("conversation_id,timestamp\n").unwrap();
    assert_eq!((step, rows.len()), (ResponseSummary::default(), 0), "a report without a row");
    let open = format!("{HEADER}\"1{}", "x".repeat(8 * 1024 * 1024));
    assert!(file_of(&open).unwrap_err().to_string().contains("is a quote left open?"));
}

#[test]
fn rejects_a_file_that_was_cut_off_in_a_row() {
    let cuts = ["1,1639645964,hi", "1,1639645964,\"hi", "1,1639645964,hi,\"{", "1", "\""];
    for cut in cuts {
        let fault = file_of(&format!("{HEADER}0,1639645964,hi,\n{cut}")).unwrap_err();
        assert_eq!(fault.to_string(), "malformed: the file is cut off in the middle of a row", "{cut}");
    }
    assert_eq!(file_of(&format!("{HEADER}0,1639645964,hi,")).unwrap().0.rows, 1, "the last line end may be missing");
    let mut reader = file_reader();
    reader.feed(head(200), format!("{HEADER}0,1639645964,hi,\n1,").as_bytes()).unwrap();
    assert!(reader.finish(head(200)).is_err());
    assert!(reader.take().is_none(), "the reader drops the rows of a file that fails");
    assert!(reader.feed(head(200), b"x").is_err(), "the first fault is final");
}

#[test]
fn detects_every_cut_that_shows() {
    let text = std::str::from_utf8(fixture!("report.csv")).unwrap();
    let ends = text.match_indices('\n').flat_map(|(at, _)| [at, at + 1]);
    // Before the first byte of a row's last cell, nothing tells the cut from an empty cell.
    let allowed: Vec<usize> = ends.chain([text.find("\"{\"\"web").unwrap()]).collect();
    let header = text.find('\n').unwrap();
    for length in 0..text.len() {
        let cut = read_file([&text.as_bytes()[..length]]);
        let is_allowed = allowed.contains(&length) && length > header;
        assert_eq!(cut.is_ok(), is_allowed, "after {length} bytes: {:?}", cut.map(|(step, _)| step));
    }
}

#[test]
fn returns_rows_while_the_file_arrives() {
    let mut reader = file_reader();
    reader.feed(head(200), HEADER.as_bytes()).unwrap();
    let (mut sizes, mut most) = (Vec::new(), 0);
    for id in 0..2_101 {
        reader.feed(head(200), format!("{id},1639645964,{},\n", "x".repeat(100)).as_bytes()).unwrap();
        while let Some(rows) = reader.take() {
            most = most.max(rows.size());
            sizes.push(rows.len());
        }
    }
    assert_eq!(sizes, [500; 4]);
    // Long rows go earlier.
    let long = "y".repeat(400_000);
    for id in 0..6 {
        reader.feed(head(200), format!("l{id},1639645964,{long},\n").as_bytes()).unwrap();
    }
    let sizes: Vec<usize> = std::iter::from_fn(|| reader.take()).map(|rows| rows.len()).collect();
    assert_eq!(sizes, [104, 3]);
    assert_eq!(reader.finish(head(200)).unwrap().rows, 2_107);
}

proptest! {
    #[test]
    fn chunking_does_not_matter(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20), crlf: bool) {
        let text = std::str::from_utf8(fixture!("report.csv")).unwrap();
        let text = if crlf { format!("\u{feff}{}", text.replace('\n', "\r\n")) } else { text.to_owned() };
        let file = text.as_bytes();
        let mut positions: Vec<usize> = cuts.iter().map(|cut| cut.index(file.len())).chain([0, file.len()]).collect();
        positions.sort_unstable();
        let chunks: Vec<&[u8]> = positions.windows(2).map(|pair| &file[pair[0]..pair[1]]).collect();
        prop_assert_eq!(bytes(&read_file(chunks).unwrap().1), bytes(&read_file([fixture!("report.csv")]).unwrap().1));
    }

    /// Nonsense ends in a fault or in rows, and never in a panic; however it is cut.
    #[test]
    fn chunking_of_arbitrary_text_does_not_matter(
        pieces in prop::collection::vec(prop::sample::select(&PIECES), 0..30),
        size in 1..9_usize,
    ) {
        let file = format!("{HEADER}{}", pieces.concat());
        let whole = read_file([file.as_bytes()]).map(|(step, rows)| (step, bytes(&rows)));
        prop_assert_eq!(read_file(file.as_bytes().chunks(size)).map(|(step, rows)| (step, bytes(&rows))), whole);
    }
}

const PIECES: [&str; 12] = ["\"", "\"\"", ",", ";", "\n", "\r\n", "\r", "1,1639645964,", "é", " ", "{}", "x,y,z,\n"];
