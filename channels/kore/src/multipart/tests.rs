use proptest::prelude::*;

use super::*;

const WEB_TYPE: &str = "multipart/form-data; boundary=--------MultipartData0.6842";

fn read(content_type: &str, body: &[u8]) -> Result<Vec<Part>, MultipartError> {
    parse(content_type, &Bytes::copy_from_slice(body), 1_024)
}

fn named<'a>(parts: &'a [Part], name: &str) -> &'a [u8] {
    &parts.iter().find(|part| part.name == name).unwrap().bytes
}

/// What the web SDK writes: a semicolon too many, a content type that is none, base64 in one line.
#[test]
fn the_web_sdks_own_form_is_read() {
    let body = "----------MultipartData0.6842\r\n\
        Content-Disposition: form-data; name=\"fileExtension\";\r\n\r\npng\r\n\
        ----------MultipartData0.6842\r\n\
        Content-Disposition: form-data; name=\"filename\";\r\n\r\n사진.png\r\n\
        ----------MultipartData0.6842\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"사진.png\"\r\n\
        Content-Type: UTF-8; charset=ISO-8859-1\r\n\
        Content-Transfer-Encoding: base64\r\n\r\naGVs\nbG8=\r\n\
        ----------MultipartData0.6842--\r\n";
    let parts = read(WEB_TYPE, body.as_bytes()).unwrap();
    assert_eq!(named(&parts, "fileExtension"), b"png");
    assert_eq!(named(&parts, "filename"), "사진.png".as_bytes());
    assert_eq!(named(&parts, "file"), b"hello");
    assert_eq!(parts[2].filename.as_deref(), Some("사진.png"));
}

/// An empty file, or the empty last chunk of a file whose size is a multiple of a chunk's.
#[test]
fn what_the_web_sdk_writes_for_no_data_is_none() {
    let part = |contents: &str, header: &str| {
        let start = "--b\r\nContent-Disposition: form-data; name=\"chunk\"";
        let parts = read("", format!("{start}{header}\r\n\r\n{contents}\r\n--b--").as_bytes());
        String::from_utf8(named(&parts.unwrap(), "chunk").to_vec()).unwrap()
    };
    let base64 = "; filename=\"a\"\r\nContent-Transfer-Encoding: base64";
    assert_eq!(part("[object Object]", ";"), "");
    assert_eq!(part("data:", base64), "");
    assert_eq!(part("data:application/octet-stream;base64,", base64), "");
    assert_eq!(part("data:image/png;base64,aGVsbG8=", base64), "hello");
    assert_eq!(part("[object Object]", "; filename=\"a.txt\""), "[object Object]");
}

/// The uploader of kore-web-sdk 10.1.12 sends each part again with every later request of the page.
#[test]
fn of_several_parts_of_a_name_the_last_counts_and_the_others_are_not_read() {
    let part = |name: &str, more: &str, contents: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\";{more}\r\n\r\n{contents}\r\n"
        )
    };
    let base64 = "\r\nContent-Transfer-Encoding: base64";
    let mut body = String::new();
    for chunk in 0..200 {
        body += &part("chunkNo", "", &chunk.to_string());
        // Longer than a part may be, and no base64: nobody looks.
        body += &part("chunk", base64, &"!".repeat(2_000));
    }
    body += &part("chunkNo", "", "200");
    body += &part("chunk", base64, "aGVsbG8=");
    let parts = read("", (body + "--b--").as_bytes()).unwrap();
    assert_eq!(parts.len(), 2);
    assert_eq!((named(&parts, "chunkNo"), named(&parts, "chunk")), (&b"200"[..], &b"hello"[..]));
}

#[test]
fn an_ordinary_form_is_read_byte_for_byte() {
    let mut body = b"--b\r\nContent-Disposition: form-data; name=chunkNo\r\n\r\n0\r\n".to_vec();
    body.extend(
        b"--b\r\nContent-Disposition: form-data; name=\"chunk\"; filename=\"../a;b.bin\"\r\n",
    );
    body.extend(b"Content-Type: application/octet-stream\r\n\r\n");
    let contents = b"aGVsbG8=\r\n\r\n--not-b\n--bc\n\0\xff--b in a line\r\n";
    body.extend(contents);
    body.extend(b"\r\n--b--\r\n");
    for content_type in
        ["multipart/form-data; boundary=b", "multipart/form-data; boundary=\"b\"; charset=utf-8"]
    {
        let parts = read(content_type, &body).unwrap();
        assert_eq!(named(&parts, "chunkNo"), b"0");
        assert_eq!(named(&parts, "chunk"), contents);
        assert_eq!(parts[1].filename.as_deref(), Some("a;b.bin"));
    }
}

#[test]
fn the_bodys_own_boundary_counts_where_the_header_is_wrong() {
    let body = b"--x\nContent-Disposition: form-data; name=\"a\"\n\n1\n--x--\n";
    for content_type in ["multipart/form-data", "", "multipart/form-data; boundary=other"] {
        let parts = read(content_type, body).unwrap();
        assert_eq!((parts.len(), named(&parts, "a")), (1, &b"1"[..]), "{content_type}");
    }
}

#[test]
fn what_is_no_form_or_too_much_is_refused() {
    assert_eq!(read(WEB_TYPE, b""), Err(MultipartError::NoForm));
    assert_eq!(read(WEB_TYPE, b"{}"), Err(MultipartError::NoForm));
    assert_eq!(read(WEB_TYPE, b"--"), Err(MultipartError::NoForm));
    let part = |header: &str, contents: &str| format!("--b\r\n{header}\r\n\r\n{contents}\r\n--b--");
    let base64 = "Content-Disposition: form-data; name=f\r\nContent-Transfer-Encoding: base64";
    assert_eq!(read("", part(base64, "a!b").as_bytes()), Err(MultipartError::NoBase64));
    let long = "A".repeat(1_368);
    assert_eq!(read("", part(base64, &long).as_bytes()), Err(MultipartError::PartTooLarge(1_024)));
    let plain = "Content-Disposition: form-data; name=f";
    let read_plain = |length: usize| read("", part(plain, &"x".repeat(length)).as_bytes());
    assert_eq!(read_plain(1_024).unwrap()[0].bytes.len(), 1_024);
    assert_eq!(read_plain(1_025), Err(MultipartError::PartTooLarge(1_024)));
    let header = format!("X: {}", "y".repeat(PART_HEADER_BYTES_MAX));
    assert_eq!(read("", part(&header, "").as_bytes()), Err(MultipartError::HeaderTooLong));
    let names = |count: usize| {
        let part = |n| format!("--b\r\nContent-Disposition: form-data; name=n{n}\r\n\r\n{n}\r\n");
        (0..count).map(part).collect::<String>() + "--b--"
    };
    assert_eq!(read("", names(PARTS_MAX).as_bytes()).unwrap().len(), PARTS_MAX);
    assert_eq!(read("", names(PARTS_MAX + 1).as_bytes()), Err(MultipartError::TooManyNames));
}

#[test]
fn a_form_that_breaks_off_has_its_whole_parts() {
    let body = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b\r\nContent-Disp";
    let parts = read("", body).unwrap();
    assert_eq!((parts.len(), named(&parts, "a")), (1, &b"1"[..]));
}

proptest! {
    #[test]
    fn no_body_breaks_it_and_no_part_is_larger_than_allowed(
        content_type in "(multipart/form-data; boundary=)?[-a-b\"; ]{0,8}",
        pieces in prop::collection::vec(
            prop_oneof![
                Just(b"--b".to_vec()), Just(b"\r\n".to_vec()), Just(b"--".to_vec()), Just(b"\n".to_vec()),
                Just(b"Content-Disposition: form-data; name=\"f\";".to_vec()),
                Just(b"Content-Transfer-Encoding: base64".to_vec()),
                prop::collection::vec(any::<u8>(), 0..40),
            ],
            0..40,
        ),
    ) {
        if let Ok(parts) = parse(&content_type, &Bytes::from(pieces.concat()), 16) {
            prop_assert!(parts.len() <= PARTS_MAX);
            prop_assert!(parts.iter().all(|part| part.bytes.len() <= 16));
        }
    }

    #[test]
    fn what_is_written_is_read_again(
        contents in prop::collection::vec(any::<u8>(), 0..200),
        as_base64: bool,
    ) {
        // With 122 random bits nobody's contents hold the boundary by chance; here they are short.
        let boundary = "0f9d2c";
        prop_assume!(memmem::find(&contents, boundary.as_bytes()).is_none());
        let mut body = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\";\r\n");
        if as_base64 {
            body.push_str("Content-Transfer-Encoding: base64\r\n");
        }
        let mut body = (body + "\r\n").into_bytes();
        if as_base64 {
            body.extend(BASE64.encode(&contents).into_bytes());
        } else {
            body.extend(&contents);
        }
        body.extend(format!("\r\n--{boundary}--").into_bytes());
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let parts = parse(&content_type, &body.into(), 200).unwrap();
        prop_assert_eq!(parts.len(), 1);
        prop_assert_eq!(&parts[0].bytes[..], &contents[..]);
    }
}
