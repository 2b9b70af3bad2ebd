use maru_accounts::{Accounts, DEFAULT_REALM, Error, Leeway, SYSTEM_REALM};
use maru_activity::RealmId;
use maru_store::{Commit, StateWrite};

use crate::house::{House, KEY, NOW, OTHER_KEY};

#[tokio::test]
async fn realms_and_their_keys_are_there_again_after_a_restart() {
    let house = House::new().await;
    let accounts = house.accounts().await;
    assert!(accounts.realms().is_empty());
    let default = accounts.ensure_default().await.unwrap();
    assert_eq!(default.id.as_str(), DEFAULT_REALM);
    assert_eq!(accounts.ensure_default().await.unwrap(), default, "it is made once");
    let shop = accounts.create_realm("shop", "The shop").await.unwrap();
    assert_eq!(shop.created_at.as_secs(), NOW);

    let again = house.accounts().await;
    assert_eq!(again.realms(), [default.clone(), shop.clone()]);
    assert_eq!(again.realm(&shop.id), Some(shop.clone()));
    for realm in [&default, &shop] {
        assert_eq!(
            again.signing_keys(&realm.id).unwrap(),
            accounts.signing_keys(&realm.id).unwrap()
        );
    }
}

#[tokio::test]
async fn a_realm_is_made_once_and_has_a_plain_id() {
    let house = House::new().await;
    let accounts = house.accounts().await;
    // Another node, which has not heard of what the first one does.
    let other = house.accounts().await;
    accounts.create_realm("shop", "Shop").await.unwrap();
    let keys = accounts.signing_keys(&"shop".into()).unwrap();
    for accounts in [&accounts, &other] {
        let refused = accounts.create_realm("shop", "Another").await;
        assert!(matches!(refused, Err(Error::RealmExists(_))));
    }
    other.reload().await.unwrap();
    assert_eq!(other.signing_keys(&"shop".into()).unwrap(), keys, "no key was added");

    let long = "a".repeat(65);
    for bad in ["", "_system", SYSTEM_REALM, "Shop", "a b", "a/b", "-a", "é", &long] {
        let refused = accounts.create_realm(bad, "Bad").await;
        assert!(matches!(refused, Err(Error::BadRealmId(_))), "{bad}");
    }
    accounts.create_realm(long.get(1..).unwrap(), "Long").await.unwrap();
}

#[tokio::test]
async fn nodes_that_start_at_once_agree_on_the_default_realm() {
    let house = House::new().await;
    let (one, two) = (house.accounts().await, house.accounts().await);
    let (first, second) = tokio::join!(one.ensure_default(), two.ensure_default());
    assert_eq!(first.unwrap().id, second.unwrap().id);
    one.reload().await.unwrap();
    two.reload().await.unwrap();
    assert_eq!(one.realms(), two.realms());
    let default = RealmId::from(DEFAULT_REALM);
    assert_eq!(one.signing_keys(&default).unwrap(), two.signing_keys(&default).unwrap());
}

#[tokio::test]
async fn another_instance_key_is_refused_and_named() {
    let house = House::new().await;
    house.accounts().await.ensure_default().await.unwrap();
    let refused = house.open(OTHER_KEY, Leeway::default()).await;
    assert!(matches!(refused, Err(Error::OtherInstanceKey)));
    // The same where no fingerprint was kept yet.
    house.forget("accounts/instance-key", "fingerprint").await;
    let refused = house.open(OTHER_KEY, Leeway::default()).await;
    assert!(matches!(refused, Err(Error::OtherInstanceKey)));
    house.accounts().await;
    let refused = house.open(OTHER_KEY, Leeway::default()).await;
    assert!(matches!(refused, Err(Error::OtherInstanceKey)), "it is kept from then on");
}

#[tokio::test]
async fn of_nodes_that_start_at_once_with_keys_of_their_own_one_goes_on() {
    let house = House::new().await;
    assert!(!Accounts::is_sealed(&*house.store).await.unwrap());
    let leeway = Leeway::default;
    let (one, two) = tokio::join!(house.open(KEY, leeway()), house.open(OTHER_KEY, leeway()));
    assert!(Accounts::is_sealed(&*house.store).await.unwrap());
    let refused = [one.err(), two.err()].into_iter().flatten().collect::<Vec<_>>();
    assert!(matches!(refused[..], [Error::OtherInstanceKey]), "{refused:?}");
}

#[tokio::test]
async fn what_another_node_changes_is_noticed() {
    let house = House::new().await;
    let (one, two) = (house.accounts().await, house.accounts().await);
    let realm = one.create_realm("shop", "Shop").await.unwrap();
    let first = one.signing_keys(&realm.id).unwrap()[0].kid.clone();
    let kids = |accounts: &Accounts| -> Vec<String> {
        accounts.signing_keys(&realm.id).unwrap().into_iter().map(|key| key.kid).collect()
    };
    two.refresh().await.unwrap();
    assert_eq!(kids(&two), std::slice::from_ref(&first));
    let second = one.rotate_signing_key(&realm.id).await.unwrap();
    assert_eq!(kids(&two), std::slice::from_ref(&first));
    two.refresh().await.unwrap();
    assert_eq!(kids(&two), [first.clone(), second.clone()]);
    one.remove_signing_key(&realm.id, &first).await.unwrap();
    two.refresh().await.unwrap();
    assert_eq!(kids(&two), [second]);
}

#[tokio::test]
async fn a_sealed_key_does_not_open_in_another_realm() {
    let house = House::new().await;
    let accounts = house.accounts().await;
    let (a, b) = (RealmId::from("a"), RealmId::from("b"));
    accounts.create_realm("a", "A").await.unwrap();
    accounts.create_realm("b", "B").await.unwrap();
    // Whoever can write to the store, but does not have the instance key, copies b's key to a.
    let stolen = house.store.states(&b, "accounts/signing-key", None, 10).await.unwrap().items;
    let mut commit = Commit::new(maru_activity::CommitId(house.env.uuid()), a, house.env.now());
    let (key, value) = (&stolen[0].key, stolen[0].value.clone());
    commit.states.push(StateWrite::put("accounts/signing-key", key, value).at_version(0));
    house.store.commit(commit).await.unwrap();
    assert!(matches!(accounts.reload().await, Err(Error::Sealed { .. })));
    assert_eq!(accounts.realms().len(), 2, "what was known stays");
}
