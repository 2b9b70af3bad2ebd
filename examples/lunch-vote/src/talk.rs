//! What is said to whom: from a text to its answer.

use std::fmt::Write as _;

use rusqlite::Result;

use crate::answer::Answer;
use crate::booth::{Added, Booth, Group, Joined, RESTAURANTS_MAX, Restaurant};
use crate::words::{Said, clean, fold, is_name};

/// The way back to the first buttons.
const TO_HOME: &str = "#처음으로";
const RESULTS: &str = "#결과 보기";
const SETTINGS: &str = "#설정";

/// Answers a text, whatever it is.
pub(crate) fn answer(booth: &Booth<'_>, text: &str) -> Result<Answer> {
    let text = clean(text);
    let said = Said::read(&text);
    match booth.group()? {
        Some(group) => within(booth, &group, &said),
        None => outside(booth, &said),
    }
}

/// Answers what is no text: pictures and the like.
pub(crate) fn no_text() -> Answer {
    Answer::say("글만 읽을 수 있습니다. 아래에서 골라 주세요.")
}

/// Answers somebody who is in no group.
fn outside(booth: &Booth<'_>, said: &Said<'_>) -> Result<Answer> {
    match *said {
        Said::Home => Ok(home()),
        Said::NewGroup => booth.new_group().map(joined),
        Said::AskJoin => Ok(ask_join()),
        Said::Plain(text) => Ok(match booth.join(text)? {
            Joined::Unknown => no_group(),
            known => joined(known),
        }),
        _ => Ok(no_group()),
    }
}

/// Answers somebody who is in a group.
fn within(booth: &Booth<'_>, group: &Group, said: &Said<'_>) -> Result<Answer> {
    let restaurants = booth.restaurants(group)?;
    match *said {
        Said::Home => Ok(home()),
        Said::NewGroup => booth.new_group().map(joined),
        Said::AskJoin => Ok(ask_join()),
        Said::Choose => Ok(choose(restaurants)),
        Said::Results => Ok(Answer::say(results(&restaurants, booth.people(group)?))),
        Said::Settings => settings(booth, group, &restaurants),
        Said::AskAdd => Ok(Answer::say("추가할 식당의 이름을 입력해 주세요.").typed()),
        Said::Add(name) => add(booth, group, name),
        Said::AskRemove => Ok(ask_remove(&restaurants)),
        Said::Remove(name) => remove(booth, &restaurants, name),
        Said::AskLeave => {
            let text = "정말 그룹에서 나갈까요? 오늘의 투표도 지워지고, 마지막 사람이 나가면 그룹이 없어집니다.";
            Ok(Answer::say(text).with(&["#네, 나갈게요", SETTINGS]))
        }
        Said::Leave => {
            booth.leave()?;
            Ok(Answer::say("그룹에서 나왔습니다."))
        }
        Said::Plain(text) => plain(booth, &restaurants, text),
    }
}

/// A restaurant's name is a vote, a code joins, and anything else may be the name of a new restaurant.
fn plain(booth: &Booth<'_>, restaurants: &[Restaurant], text: &str) -> Result<Answer> {
    if let Some(chosen) = find(restaurants, text) {
        booth.vote(chosen)?;
        let before =
            restaurants.iter().find(|restaurant| restaurant.mine && restaurant.id != chosen.id);
        let told = match before {
            Some(before) => format!("오늘의 선택을 바꿨습니다: {} → {}", before.name, chosen.name),
            None => format!("오늘의 선택: {}", chosen.name),
        };
        return Ok(Answer::say(format!("{told}\n자정까지 바꿀 수 있습니다.")));
    }
    match booth.join(text)? {
        Joined::Unknown if is_name(text) => {
            let told =
                format!("‘{text}’ 식당은 없고, 그런 코드의 그룹도 없습니다. 식당으로 추가할까요?");
            Ok(Answer::say(told).with(&[&format!("#추가 {text}"), TO_HOME]))
        }
        Joined::Unknown => Ok(Answer::say("알아듣지 못했습니다. 아래에서 골라 주세요.")),
        known => Ok(joined(known)),
    }
}

fn home() -> Answer {
    Answer::say("무엇을 할까요? 아래에서 골라 주세요.")
}

fn no_group() -> Answer {
    Answer::say("아직 그룹이 없습니다. 새 그룹을 만들거나, 받은 코드로 참여해 주세요.")
        .with(&["#그룹 만들기", "#그룹 참여"])
}

fn ask_join() -> Answer {
    Answer::say("참여할 그룹의 코드 여덟 글자를 입력해 주세요.").typed()
}

fn joined(how: Joined) -> Answer {
    Answer::say(match how {
        Joined::Now(group) => format!(
            "그룹에 들어왔습니다. 코드는 {} 입니다. 함께 고를 사람에게 알려 주세요.",
            group.code
        ),
        Joined::Already => "이미 그 그룹에 있습니다.".to_owned(),
        Joined::Unknown => "그런 코드의 그룹이 없습니다.".to_owned(),
        Joined::Full => "지금은 더 받을 수 없습니다. 나중에 다시 시도해 주세요.".to_owned(),
    })
}

/// The buttons to vote with, in the order in which they were added: they stay where they are.
fn choose(mut restaurants: Vec<Restaurant>) -> Answer {
    if restaurants.is_empty() {
        return Answer::say("고를 식당이 없습니다.").with(&["#식당 추가", TO_HOME]);
    }
    restaurants.sort_by_key(|restaurant| restaurant.id);
    let mut text = "오늘 점심은 어디로 갈까요?".to_owned();
    if let Some(mine) = restaurants.iter().find(|restaurant| restaurant.mine) {
        let _ = write!(text, "\n지금 선택: {}", mine.name);
    }
    let names = restaurants.iter().map(|restaurant| restaurant.name.as_str());
    Answer::say(text).with(&names.chain([RESULTS, TO_HOME]).collect::<Vec<_>>())
}

/// Today's votes, the most first. Restaurants with the same number share their place.
fn results(restaurants: &[Restaurant], people: u32) -> String {
    let voted: u32 = restaurants.iter().map(|restaurant| restaurant.votes).sum();
    let mut text = format!("오늘의 점심: {people}명 중 {voted}명이 골랐습니다.");
    for Restaurant { name, votes, .. } in restaurants {
        let better = restaurants.iter().filter(|other| other.votes > *votes).count();
        let equal = restaurants.iter().filter(|other| other.votes == *votes).count();
        let place = match (votes, equal) {
            (0, _) => String::new(),
            (_, 1) => format!("{}위 ", better + 1),
            _ => format!("공동 {}위 ", better + 1),
        };
        let _ = write!(text, "\n{place}{name} {votes}표");
    }
    if let Some(mine) = restaurants.iter().find(|restaurant| restaurant.mine) {
        let _ = write!(text, "\n내 선택: {}", mine.name);
    }
    text
}

fn settings(booth: &Booth<'_>, group: &Group, restaurants: &[Restaurant]) -> Result<Answer> {
    let text = format!(
        "그룹 코드: {}\n사람: {}명\n식당: {}곳 (최대 {RESTAURANTS_MAX}곳)",
        group.code,
        booth.people(group)?,
        restaurants.len()
    );
    let buttons = ["#식당 추가", "#식당 삭제", "#그룹 참여", "#그룹 나가기", TO_HOME];
    Ok(Answer::say(text).with(&buttons))
}

fn add(booth: &Booth<'_>, group: &Group, name: &str) -> Result<Answer> {
    if !is_name(name) {
        return Ok(Answer::say("식당 이름은 스무 글자까지이고, ‘#’로 시작할 수 없습니다."));
    }
    Ok(match booth.add(group, name)? {
        Added::Now => Answer::say(format!("식당을 추가했습니다: {name}")),
        Added::Already => Answer::say(format!("이미 있는 식당입니다: {name}")),
        Added::Full => Answer::say(format!("식당은 {RESTAURANTS_MAX}곳까지 추가할 수 있습니다.")),
    })
}

fn ask_remove(restaurants: &[Restaurant]) -> Answer {
    let removals = restaurants.iter().map(|restaurant| format!("#삭제 {}", restaurant.name));
    Answer::say("어느 식당을 삭제할까요? 그 식당의 오늘 표도 지워집니다.")
        .with(&removals.chain([TO_HOME.to_owned()]).collect::<Vec<_>>())
}

fn remove(booth: &Booth<'_>, restaurants: &[Restaurant], name: &str) -> Result<Answer> {
    let Some(gone) = find(restaurants, name) else {
        return Ok(Answer::say("그런 식당은 없습니다."));
    };
    booth.remove(gone)?;
    Ok(Answer::say(format!("식당을 삭제했습니다: {} ({}표)", gone.name, gone.votes)))
}

fn find<'a>(restaurants: &'a [Restaurant], name: &str) -> Option<&'a Restaurant> {
    let folded = fold(name);
    restaurants.iter().find(|restaurant| fold(&restaurant.name) == folded)
}
