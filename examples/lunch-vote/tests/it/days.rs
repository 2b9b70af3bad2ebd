//! One vote a day, and what becomes of it.

use crate::house::{House, LAST_SECOND};

#[tokio::test]
async fn a_vote_counts_until_midnight_in_seoul() {
    let house = House::open();
    house.new_group("ara").await;
    house.say("ara", "국수집").await;
    let before = house.say("ara", "#결과 보기").await;
    let expected = [
        "오늘의 점심: 1명 중 1명이 골랐습니다.",
        "1위 국수집 1표",
        "백반집 0표",
        "분식집 0표",
        "내 선택: 국수집",
    ];
    assert_eq!(before.lines(), expected);

    house.set_clock(LAST_SECOND + 1);
    let after = house.say("ara", "#결과 보기").await;
    assert_eq!(
        after.lines(),
        ["오늘의 점심: 1명 중 0명이 골랐습니다.", "국수집 0표", "백반집 0표", "분식집 0표"]
    );
    // A new day's vote changes nothing of yesterday's.
    assert_eq!(house.say("ara", "분식집").await.lines()[0], "오늘의 선택: 분식집");
}

#[tokio::test]
async fn a_vote_can_be_changed_and_stays_one() {
    let house = House::open();
    house.new_group("ara").await;
    house.say("ara", "국수집").await;
    let changed = house.say("ara", "분식집").await;
    assert_eq!(changed.lines()[0], "오늘의 선택을 바꿨습니다: 국수집 → 분식집");
    assert_eq!(house.say("ara", "분식집").await.lines()[0], "오늘의 선택: 분식집");
    let results = house.say("ara", "#결과 보기").await;
    assert_eq!(results.lines()[..2], ["오늘의 점심: 1명 중 1명이 골랐습니다.", "1위 분식집 1표"]);
    let choice = house.say("ara", "#점심 선택").await;
    assert_eq!(choice.lines()[1], "지금 선택: 분식집");
    assert_eq!(choice.buttons, ["국수집", "백반집", "분식집", "#결과 보기", "#처음으로"]);
}

#[tokio::test]
async fn equal_votes_share_a_place() {
    let house = House::open();
    let code = house.new_group("u0").await;
    for (user, restaurant) in
        [("u0", "분식집"), ("u1", "국수집"), ("u2", "분식집"), ("u3", "국수집"), ("u4", "백반집")]
    {
        house.say(user, &code).await;
        house.say(user, restaurant).await;
    }
    let results = house.say("u4", "#결과 보기").await;
    let expected = [
        "오늘의 점심: 5명 중 5명이 골랐습니다.",
        "공동 1위 국수집 2표",
        "공동 1위 분식집 2표",
        "3위 백반집 1표",
        "내 선택: 백반집",
    ];
    assert_eq!(results.lines(), expected);
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let house = House::open();
    let code = house.new_group("ara").await;
    house.say("ara", "#추가 만둣집").await;
    house.say("ara", "만둣집").await;
    let before = house.say("ara", "#결과 보기").await;
    let house = house.restart();
    assert_eq!(house.say("ara", "#결과 보기").await, before);
    house.say("bom", &code).await;
    assert!(house.say("bom", "만둣집").await.text.starts_with("오늘의 선택: 만둣집"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn votes_at_the_same_moment_all_count() {
    let house = House::open();
    let code = house.new_group("u0").await;
    let everybody: Vec<_> = (0..24).map(|index| format!("u{index}")).collect();
    let house = std::sync::Arc::new(house);
    let voters: Vec<_> = everybody
        .into_iter()
        .enumerate()
        .map(|(index, user)| {
            let (house, code) = (std::sync::Arc::clone(&house), code.clone());
            tokio::spawn(async move {
                house.say(&user, &code).await;
                // Two taps of one person, one of them late.
                let (first, second) =
                    tokio::join!(house.say(&user, "분식집"), house.say(&user, "분식집"));
                let last = if index % 3 == 0 { "국수집" } else { "분식집" };
                (first, second, house.say(&user, last).await)
            })
        })
        .collect();
    for voter in voters {
        voter.await.unwrap();
    }
    let results = house.say("u1", "#결과 보기").await;
    let expected = [
        "오늘의 점심: 24명 중 24명이 골랐습니다.",
        "1위 분식집 16표",
        "2위 국수집 8표",
        "백반집 0표",
        "내 선택: 분식집",
    ];
    assert_eq!(results.lines(), expected);
}
