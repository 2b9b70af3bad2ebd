//! Names that try to lead somewhere else: every file is under a name of ours in the folder of files, and
//! under a harmless one for whoever saves it.

use std::path::Path;

use axum::body::Body;
use maru_files::Refused;

use crate::house::{House, form};

/// What stands before a name to leave the folder that it is put into.
const WAYS_OUT: [&str; 26] = [
    "../",
    "..\\\\",
    "....//",
    "..././",
    "..;/",
    "./../",
    "..%2f",
    "..%5c",
    "%2e%2e%2f",
    "%2e%2e/",
    "..%252f",
    "..%c0%af",
    "..%ef%bc%8f",
    "..\u{ff0f}",
    "..\u{2215}",
    "\u{ff0e}\u{ff0e}/",
    "/",
    "//",
    "C:\\\\",
    "C:/",
    "\\\\\\\\host\\\\share\\\\",
    "\\\\\\\\?\\\\C:\\\\",
    "//host/share/",
    "file:///",
    "~/",
    "%00/",
];

/// How a part's header names a file otherwise.
const OTHERS: [&str; 34] = [
    r#"filename="..""#,
    r#"filename="../..""#,
    r#"filename=".""#,
    r#"filename="/""#,
    r#"filename="""#,
    r#"filename=" . .txt""#,
    r#"filename=".htaccess""#,
    r#"filename="a.txt:stream""#,
    r#"filename="a.txt::$DATA""#,
    r#"filename="CON.txt""#,
    r#"filename="nul.txt""#,
    r#"filename="LPT1.txt""#,
    r#"filename="a.txt.""#,
    r#"filename="a.txt ""#,
    r#"filename="a.txt/.""#,
    r#"filename="a.html;.txt""#,
    r#"filename="a.txt"; filename="../b.txt""#,
    r#"filename="a\".html\".txt""#,
    r#"filename="a%22; filename=%22b.html.txt""#,
    r#"filename="a%0d%0aX-Evil: 1.txt""#,
    "filename=\"a\tb.txt\"",
    "filename=\"a\0.txt\"",
    "filename=\"../\0/a.txt\"",
    "filename=\"a\u{202e}txt.exe.txt\"",
    "filename=\"\u{feff}a.txt\"",
    "filename=../../a.txt",
    "filename='../../a.txt'",
    "filename*=UTF-8''..%2f..%2fa.txt",
    "filename*=utf-8'ko'%2e%2e%5c%2e%2e%5ca.txt",
    "filename*=UTF-8''a%00.txt",
    "filename*=UTF-8''a%0d%0aSet-Cookie:%20x.txt",
    "filename*=UTF-8''%c0%ae%c0%ae%c0%afa.txt",
    "filename=\"a.txt\"; filename*=UTF-8''..%2f..%2fb.txt",
    "filename*=UTF-8''..%2f..%2fb.txt; filename=\"a.txt\"",
];

fn forms() -> Vec<Vec<u8>> {
    let mut forms: Vec<Vec<u8>> = Vec::new();
    for way in WAYS_OUT {
        for depth in [1, 12] {
            forms.push(format!("filename=\"{}etc/maru.txt\"", way.repeat(depth)).into_bytes());
        }
    }
    forms.extend(OTHERS.iter().map(|form| form.as_bytes().to_vec()));
    for length in [255, 256, 4_000, 7_900, 9_000] {
        forms.push(format!("filename=\"{}.txt\"", "../".repeat(length / 3)).into_bytes());
        forms.push(format!("filename=\"{}.txt\"", "한".repeat(length / 3)).into_bytes());
    }
    // Slashes longer than they need to be, and bytes that are no letters.
    forms.push(b"filename=\"..\xc0\xaf..\xc0\xafa.txt\"".to_vec());
    forms.push(b"filename=\"\xff\xfe\x00.txt\"".to_vec());
    forms
}

/// Whether a path below this house's folder is one that we gave: the realm, two letters, the others.
fn is_ours(path: &Path) -> bool {
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
    let letters = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
    match parts[..] {
        ["blobs", "default", folder, file] => {
            (folder.len(), file.len()) == (2, 41) && letters(folder) && letters(file)
        }
        _ => false,
    }
}

#[tokio::test]
async fn no_name_leads_out_of_the_folder_of_files_or_says_anything_but_a_name() {
    let house = House::new().await;
    let conversation = house.conversation().await;
    let before = house.tree();
    let forms = forms();
    let (mut taken, mut refused) = (0, 0);
    for named in &forms {
        let shown = String::from_utf8_lossy(named);
        let named = [b"name=\"file\"; " as &[u8], named].concat();
        let body = Body::from(form(&named, b"some words"));
        let file = match house.take_body(&conversation, body, 65_536).await {
            Ok(file) => file,
            Err(Refused::Form(_) | Refused::NoFile | Refused::NotTaken) => {
                refused += 1;
                continue;
            }
            Err(error) => unreachable!("{shown:?}: {error}"),
        };
        taken += 1;
        let linked = house.files.linked(&file.url).unwrap();
        let name = house.hall.blobs().describe(&linked.blob).await.unwrap().name;
        let harmless = |c: char| !matches!(c, '/' | '\\' | '\u{202e}') && !c.is_control();
        assert!(name.chars().all(harmless) && name.len() <= 255, "{shown:?} became {name:?}");
        assert!(name.chars().any(|c| c != '.') && !name.ends_with(['.', ' ']), "{name:?}");
        // In the address it is one part of the path, and asks for nothing.
        let (_, rest) = file.url.split_once("/nxchat/file/").unwrap();
        assert!(rest.split('/').count() == 2 && !rest.contains(['?', '#']), "{rest}");
        let (content_type, how, body) = house.fetch(&file.url).await.unwrap();
        assert_eq!((&*content_type, &body[..]), ("text/plain", &b"some words"[..]));
        assert!(how.starts_with("attachment; filename=") && how.is_ascii(), "{how}");
    }
    assert!(forms.len() >= 60, "{}", forms.len());
    assert!(taken >= 60 && refused >= 5, "{taken} taken, {refused} refused");
    let new: Vec<_> = house.tree().difference(&before).cloned().collect();
    assert_eq!(new.len(), taken);
    assert!(new.iter().all(|path| is_ours(path)), "{new:?}");
}
