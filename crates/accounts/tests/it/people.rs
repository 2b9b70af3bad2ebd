//! People, how they sign in, and how their sessions end.

use std::net::IpAddr;
use std::sync::Arc;

use maru_accounts::{
    FAILURES_PER_ADDRESS, FAILURES_PER_LOGIN, FAILURES_WITHIN, NewPerson, People, PeopleError,
    PersonChange, SESSION_IDLE, SESSION_MAX, Secret, SignIn, SignInError, SignedIn, StaffRole,
};
use maru_activity::RealmId;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::house::{House, NOW};

const RIGHT: &str = "correct horse battery";
const HERE: [u8; 4] = [192, 0, 2, 7];

fn realm() -> RealmId {
    "default".into()
}

impl House {
    /// The people as one more node sees them.
    fn people(&self) -> Arc<People> {
        People::new(Arc::clone(&self.store), self.env.clone())
    }

    fn pass(&self, seconds: u64) {
        self.clock.set(self.env.now().as_secs() + i64::try_from(seconds).unwrap());
    }
}

async fn add(people: &People, login: &str) {
    let new = NewPerson {
        login: login.to_owned(),
        name: "김민지".to_owned(),
        roles: [StaffRole::Agent].into(),
        dn: Some("3001".to_owned()),
    };
    people.add(&realm(), new, &Secret::new(RIGHT)).await.unwrap();
}

async fn try_from(
    people: &People,
    login: &str,
    password: &str,
    address: impl Into<IpAddr>,
) -> Result<SignedIn, SignInError> {
    let (realm, password) = (realm(), Secret::new(password));
    let wanted = SignIn { realm: &realm, login, password: &password, address: address.into() };
    people.sign_in(wanted).await
}

async fn sign_in(people: &People, login: &str, password: &str) -> Result<SignedIn, SignInError> {
    try_from(people, login, password, HERE).await
}

async fn token(people: &People, login: &str) -> String {
    sign_in(people, login, RIGHT).await.unwrap().token.expose().to_owned()
}

#[tokio::test]
async fn who_signs_in_has_a_session_on_every_node_that_the_store_cannot_give_away() {
    let house = House::new().await;
    let (people, other) = (house.people(), house.people());
    add(&people, "Kim").await;
    assert!(matches!(
        other.add(
            &realm(),
            NewPerson {
                login: "KIM".to_owned(),
                name: String::new(),
                roles: [].into(),
                dn: None
            },
            &Secret::new(RIGHT)
        )
        .await,
        Err(PeopleError::Exists(login)) if login == "kim"
    ));

    let SignedIn { token, session } = sign_in(&people, " kim", RIGHT).await.unwrap();
    assert_eq!(other.session(token.expose()).await.unwrap(), Some(session.clone()));
    assert_eq!(
        (session.person.name.as_str(), session.person.dn.as_deref()),
        ("김민지", Some("3001"))
    );
    for scope in ["account/session", "account/person"] {
        for state in house.store.states(&realm(), scope, None, 10).await.unwrap().items {
            let kept = format!("{} {}", state.key, String::from_utf8_lossy(&state.value));
            let (_, random) = token.expose().rsplit_once('.').unwrap();
            assert!(!kept.contains(random) && !kept.contains(RIGHT), "{kept}");
        }
    }
    let elsewhere = token.expose().replace("default", "shop");
    for bad in ["", ".", "default.", &session.id, &elsewhere, &format!("{}x", token.expose())] {
        assert_eq!(people.session(bad).await.unwrap(), None, "{bad}");
    }
}

#[tokio::test]
async fn a_session_ends_unused_after_twelve_hours_and_used_after_seven_days() {
    let house = House::new().await;
    let people = house.people();
    add(&people, "kim").await;
    let (used, unused) = (token(&people, "kim").await, token(&people, "kim").await);
    let half = SESSION_IDLE.as_secs() / 2;
    let mut passed = 0;
    while passed + half < SESSION_MAX.as_secs() {
        house.pass(half);
        passed += half;
        assert!(people.session(&used).await.unwrap().is_some(), "after {passed} s");
        if passed == SESSION_IDLE.as_secs() {
            assert!(people.session(&unused).await.unwrap().is_none());
        }
    }
    house.clock.set(NOW + i64::try_from(SESSION_MAX.as_secs()).unwrap() - 1);
    assert!(people.session(&used).await.unwrap().is_some());
    house.pass(1);
    assert!(people.session(&used).await.unwrap().is_none());
}

#[tokio::test]
async fn what_ends_sessions_is_told_to_every_node_that_holds_one_open() {
    let house = House::new().await;
    let (people, other) = (house.people(), house.people());
    add(&people, "kim").await;
    let mut told = other.changes();
    let change = |disabled| PersonChange { disabled: Some(disabled), ..PersonChange::default() };

    for way in ["sign out", "everywhere", "password", "disabled", "removed"] {
        let (mine, another) = (token(&people, "kim").await, token(&people, "kim").await);
        told.mark_unchanged();
        other.refresh().await.unwrap();
        assert!(!told.has_changed().unwrap() || way != "sign out", "signing in ends nothing");
        told.mark_unchanged();
        match way {
            "sign out" => people.sign_out(&mine).await.unwrap(),
            "everywhere" => drop(people.sign_out_everywhere(&realm(), "kim").await.unwrap()),
            "password" => {
                people.set_password(&realm(), "kim", &Secret::new(RIGHT)).await.map(drop).unwrap();
            }
            "disabled" => {
                people.change(&realm(), "kim", &change(true)).await.map(drop).unwrap();
                assert!(matches!(sign_in(&people, "kim", RIGHT).await, Err(SignInError::Denied)));
                people.change(&realm(), "kim", &change(false)).await.map(drop).unwrap();
            }
            _ => {
                people.remove(&realm(), "kim").await.unwrap();
                // Somebody else, though of the same name.
                add(&people, "kim").await;
            }
        }
        other.refresh().await.unwrap();
        assert!(told.has_changed().unwrap(), "{way}");
        assert_eq!(other.session(&mine).await.unwrap(), None, "{way}");
        let others = other.session(&another).await.unwrap();
        assert_eq!(others.is_some(), way == "sign out", "{way}");
    }
}

#[tokio::test]
async fn strangers_learn_nothing_of_who_there_is() {
    let house = House::new().await;
    let people = house.people();
    add(&people, "kim").await;
    add(&people, "off").await;
    let disabled = PersonChange { disabled: Some(true), ..PersonChange::default() };
    people.change(&realm(), "off", &disabled).await.unwrap();

    // The same answers one after the other, whoever it is, until all are locked; and then the right
    // password is worth as much as a wrong one.
    let logins =
        [("kim", "wrong password"), ("nobody", RIGHT), ("off", RIGHT), ("no login!", RIGHT)];
    let mut said: Vec<Vec<String>> = Vec::new();
    for (n, (login, password)) in logins.into_iter().enumerate() {
        let address = [192, 0, 2, u8::try_from(n).unwrap()];
        let mut answers = Vec::new();
        for _ in 0..FAILURES_PER_LOGIN {
            let denied = try_from(&people, login, password, address).await.unwrap_err();
            answers.push(format!("{denied:?}"));
        }
        let locked = try_from(&people, login, RIGHT, address).await.unwrap_err();
        assert!(
            matches!(locked, SignInError::Locked { again_after } if again_after == FAILURES_WITHIN)
        );
        answers.push(format!("{locked:?}"));
        said.push(answers);
    }
    assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:#?}");

    house.pass(FAILURES_WITHIN.as_secs());
    sign_in(&people, "kim", RIGHT).await.unwrap();
}

#[tokio::test]
async fn of_many_guesses_at_once_on_two_nodes_no_more_are_looked_at_than_one_by_one() {
    let house = House::new().await;
    let nodes = [house.people(), house.people()];
    add(&nodes[0], "kim").await;
    let mut guesses = tokio::task::JoinSet::new();
    for n in 0..40_usize {
        let people = Arc::clone(&nodes[n % 2]);
        guesses.spawn(async move { sign_in(&people, "kim", "wrong password").await.unwrap_err() });
    }
    let denied = guesses.join_all().await;
    let looked_at = denied.iter().filter(|error| matches!(error, SignInError::Denied)).count();
    assert!(looked_at <= FAILURES_PER_LOGIN as usize, "{looked_at}");

    // Whatever is left is all there is.
    let mut left = FAILURES_PER_LOGIN as usize - looked_at;
    while !matches!(
        sign_in(&nodes[0], "kim", "wrong password").await.unwrap_err(),
        SignInError::Locked { .. }
    ) {
        left = left.checked_sub(1).expect("no more than that");
    }
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_address_that_tries_many_logins_is_locked_and_one_where_many_work_is_not() {
    let house = House::new().await;
    let people = house.people();
    add(&people, "kim").await;
    // Two addresses of one subscriber.
    let from = |n: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, n]);
    for _ in 0..3 {
        try_from(&people, "kim", RIGHT, from(1)).await.unwrap();
    }
    for n in 0..FAILURES_PER_ADDRESS {
        let tried = try_from(&people, &format!("guess{n}"), RIGHT, from(2)).await;
        assert!(matches!(tried, Err(SignInError::Denied)));
    }
    let tried = try_from(&people, "kim", RIGHT, from(3)).await;
    assert!(matches!(tried, Err(SignInError::Locked { .. })));
    try_from(&people, "kim", RIGHT, [0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]).await.unwrap();
}

#[tokio::test]
async fn a_floor_of_agents_signs_in_at_once_from_one_address() {
    let house = House::new().await;
    let people = house.people();
    let logins: Vec<String> = (0..24).map(|agent| format!("agent{agent}")).collect();
    for login in &logins {
        add(&people, login).await;
    }
    let mut all = tokio::task::JoinSet::new();
    for login in logins {
        let people = Arc::clone(&people);
        all.spawn(async move { sign_in(&people, &login, RIGHT).await });
    }
    for let_in in all.join_all().await {
        let_in.unwrap();
    }
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it_and_failures_are_counted() {
    let house = House::new().await;
    let people = house.people();
    add(&people, "kim").await;
    let SignedIn { token, session } = sign_in(&people, "kim", RIGHT).await.unwrap();
    let (old, new) = (Secret::new(RIGHT), Secret::new("another good one"));
    let change = async |old: &Secret, new: &Secret| {
        people.change_password(&session, old, new, HERE.into()).await
    };
    assert!(matches!(change(&old, &Secret::new("short")).await, Err(SignInError::BadPassword)));
    assert!(matches!(change(&new, &new).await, Err(SignInError::Denied)));
    assert!(people.session(token.expose()).await.unwrap().is_some());
    change(&old, &new).await.unwrap();
    assert!(people.session(token.expose()).await.unwrap().is_none());
    sign_in(&people, "kim", new.expose()).await.unwrap();
    for _ in 0..FAILURES_PER_LOGIN {
        assert!(matches!(change(&old, &new).await, Err(SignInError::Denied)));
    }
    assert!(matches!(change(&new, &old).await, Err(SignInError::Locked { .. })));
}

#[tokio::test]
async fn what_comes_of_tries_to_sign_in_is_counted_by_its_reason() {
    let house = House::new().await;
    let people = house.people();
    let mut registry = Registry::default();
    people.register(&mut registry);
    let counted = || {
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let of = |outcome: &str| {
            let line = format!("sign_ins_total{{outcome=\"{outcome}\"}} ");
            let count = text.lines().find_map(|text| text.strip_prefix(&line)).unwrap();
            count.parse::<u32>().unwrap()
        };
        ["let_in", "unknown", "wrong_password", "disabled", "locked"].map(of)
    };
    add(&people, "kim").await;
    assert_eq!(counted(), [0; 5]);
    sign_in(&people, "kim", RIGHT).await.unwrap();
    sign_in(&people, "nobody", RIGHT).await.unwrap_err();
    for _ in 0..FAILURES_PER_LOGIN + 2 {
        sign_in(&people, "kim", "wrong password").await.unwrap_err();
    }
    add(&people, "lee").await;
    let disabled = PersonChange { disabled: Some(true), ..PersonChange::default() };
    people.change(&realm(), "lee", &disabled).await.unwrap();
    sign_in(&people, "lee", RIGHT).await.unwrap_err();
    sign_in(&people, "lee", "wrong password").await.unwrap_err();
    assert_eq!(counted(), [1, 1, FAILURES_PER_LOGIN + 1, 1, 2]);
}
