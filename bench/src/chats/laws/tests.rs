use super::*;

fn shown(place: u64, mid: Option<&str>) -> Shown {
    Shown {
        place,
        from: place,
        s: Some(place),
        kind: "msg".to_owned(),
        mid: mid.map(str::to_owned),
        text: mid.map(|mid| format!("text of {mid}")),
    }
}

/// A chat in which both said something, and each saw all of it.
fn sound() -> Book {
    let saying = |by: &str, mid: &str| Saying {
        by: by.to_owned(),
        mid: mid.to_owned(),
        text: format!("text of {mid}"),
        confirmed: true,
    };
    let mut book = Book {
        said: vec![saying(CUSTOMER, "a"), saying("5000", "b"), saying(CUSTOMER, "c")],
        agent: Some("5000".to_owned()),
        ..Book::default()
    };
    let all = vec![shown(1, None), shown(2, Some("a")), shown(3, Some("b")), shown(4, Some("c"))];
    for viewer in [CUSTOMER, "5000"] {
        book.live.insert(viewer.to_owned(), all.clone());
        book.kept.insert(viewer.to_owned(), all.clone());
    }
    book
}

/// The laws that a chat breaks after this was done to it.
fn broken(harm: impl FnOnce(&mut Book)) -> Vec<&'static str> {
    let mut book = sound();
    harm(&mut book);
    let books = HashMap::from([("NX_1".to_owned(), book)]);
    let verdicts = judge(&books, |_| true);
    verdicts.iter().filter(|verdict| !verdict.is_kept()).map(|verdict| verdict.law).collect()
}

fn kept<'a>(book: &'a mut Book, viewer: &str) -> &'a mut Vec<Shown> {
    book.kept.get_mut(viewer).unwrap()
}

fn live<'a>(book: &'a mut Book, viewer: &str) -> &'a mut Vec<Shown> {
    book.live.get_mut(viewer).unwrap()
}

#[test]
fn a_sound_chat_breaks_no_law_and_each_harm_its_own() {
    assert_eq!(broken(|_| ()), [""; 0]);
    // Lost for both: C3 would tell, too, if it had been shown to anybody.
    let lost = |book: &mut Book| {
        for viewer in [CUSTOMER, "5000"] {
            for list in [&mut book.live, &mut book.kept] {
                let shown = list.get_mut(viewer).unwrap();
                shown[2].mid = None;
            }
        }
    };
    assert_eq!(broken(lost), ["C1"]);
    let doubled = |book: &mut Book| {
        for list in [&mut book.live, &mut book.kept] {
            list.get_mut(CUSTOMER).unwrap().push(shown(5, Some("a")));
        }
    };
    assert_eq!(broken(doubled), ["C1", "C4"]);
    assert_eq!(broken(|book| drop(live(book, CUSTOMER).remove(1))), ["C2", "C3"]);
    assert_eq!(broken(|book| drop(live(book, "5000").remove(1))), ["C3"]);
    assert_eq!(broken(|book| live(book, "5000").swap(1, 2)), ["C2", "C3"]);
    let turned = |book: &mut Book| {
        for list in [&mut book.live, &mut book.kept] {
            let shown = list.get_mut("5000").unwrap();
            (shown[1].mid, shown[2].mid) = (shown[2].mid.clone(), shown[1].mid.clone());
            (shown[1].text, shown[2].text) = (shown[2].text.clone(), shown[1].text.clone());
        }
    };
    assert_eq!(broken(turned), ["C4"]);
    assert_eq!(broken(|book| book.said.swap(0, 2)), ["C4"]);
    assert_eq!(broken(|book| kept(book, CUSTOMER)[1].text = None), ["C3", "C5"]);
    assert_eq!(broken(|book| book.turns.push("clear 503".to_owned())), ["C6"]);
    assert_eq!(broken(|book| book.agent = Some("5001".to_owned())), ["C6"]);
}

#[test]
fn what_befell_a_call_that_was_not_to_be_left_alone_is_no_fault() {
    let mut book = sound();
    book.turns.push("left 5000".to_owned());
    let books = HashMap::from([("NX_1".to_owned(), book)]);
    let of = |calm| judge(&books, |_| calm).iter().filter(|v| v.broken > 0).count();
    assert_eq!((of(true), of(false)), (1, 0));
}

#[test]
fn a_skip_takes_all_of_its_places() {
    let with_skip = |from: u64| {
        let mut book = sound();
        for list in [&mut book.live, &mut book.kept] {
            let skip = Shown { from, kind: "skip".to_owned(), ..shown(7, None) };
            list.get_mut(CUSTOMER).unwrap().push(skip);
        }
        let books = HashMap::from([("NX_1".to_owned(), book)]);
        judge(&books, |_| true).iter().filter(|verdict| verdict.broken > 0).count()
    };
    assert_eq!((with_skip(5), with_skip(6)), (0, 1));
}
