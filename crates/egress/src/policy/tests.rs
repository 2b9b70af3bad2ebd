use super::*;

fn policy(loopback: bool, private: bool, rules: &[&str]) -> Policy {
    let allow = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    Policy { allow_loopback: loopback, allow_private: private, allow }
}

fn admit(policy: &Policy, url: &str) -> Result<(), Failure> {
    policy.admit(&Url::parse(url).map_err(|_| Failure::BadUrl)?)
}

/// URLs that lead into one's own network or are no web address, in every spelling that has fooled
/// someone. None of them may be called under the default policy.
const TRAPS: &[&str] = &[
    // This machine, plainly and by other spellings of the number.
    "http://127.0.0.1/",
    "http://127.0.0.1:3978/api/messages",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0X7F.1/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1./",
    "http://%31%32%37.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://127.0.0.1\\@bot.example/",
    "http:\\\\127.0.0.1\\",
    "http:127.0.0.1",
    "http:////127.0.0.1/",
    "h\tttp://127.0.0.1/",
    "http://127.0.\n0.1/",
    "http://localhost/",
    "http://LOCALHOST:80/",
    "http://localhost./",
    "http://a.localhost/",
    "http://ⓛocalhost/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]:8080/",
    "http://[::]/",
    // IPv4 inside IPv6.
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::127.0.0.1]/",
    "http://[::8.8.8.8]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::10.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2002:c0a8:101::1]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[::ffff:0:127.0.0.1]/",
    // One's own network.
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://167772161/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://192.168.257/",
    "http://[fc00::1]/",
    "http://[fdff:ffff::1]/",
    "http://100.64.0.1/",
    "http://100.127.255.255/",
    // Clouds' metadata.
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xA9.0xFE.0xA9.0xFE/",
    "http://169.254.170.2/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://[fd00:ec2::254]/",
    "http://[fd20:ce::254]/",
    // Special ranges.
    "http://169.254.0.1/",
    "http://[fe80::1]/",
    "http://[febf::1]/",
    "http://[fec0::1]/",
    "http://192.0.2.1/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://224.0.0.1/",
    "http://239.255.255.255/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[100::1]/",
    "http://[5f00::1]/",
    "http://[4000::1]/",
    // Not a web address, or one that carries a password.
    "file:///etc/passwd",
    "ftp://bot.example/",
    "gopher://bot.example:70/_x",
    "ws://bot.example/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "http://user@bot.example/",
    "http://user:password@bot.example/",
    "http://:password@bot.example/",
    "http://bot.example@127.0.0.1/",
    "http://",
    "http://./",
    "http://[::1%25lo]/",
    "http://256.256.256.256/",
    "http://bot.example:99999/",
    "bot.example/api",
    "//bot.example/",
    "",
];

#[test]
fn no_spelling_of_a_refused_place_is_let_through() {
    let default = Policy::default();
    for url in TRAPS {
        let refused = admit(&default, url);
        assert!(
            matches!(refused, Err(Failure::NotAllowed { .. } | Failure::BadUrl)),
            "{url:?}: {refused:?}"
        );
    }
}

#[test]
fn public_places_are_let_through() {
    let default = Policy::default();
    for url in [
        "https://bot.example/api/messages",
        "http://bot.example:3978/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::808:808]/",
        "https://[2002:808:808::1]/",
        "http://9.255.255.255/",
        "http://11.0.0.0/",
        "http://100.63.255.255/",
        "http://100.128.0.0/",
        "http://126.255.255.255/",
        "http://128.0.0.0/",
        "http://172.15.255.255/",
        "http://172.32.0.0/",
        "http://192.167.255.255/",
        "http://192.169.0.0/",
        "http://198.17.255.255/",
        "http://198.20.0.0/",
        "http://223.255.255.255/",
        "http://[2001:200::1]/",
        "http://[2001:db9::1]/",
        "http://[3ffe::1]/",
        "http://봇.example/",
        "http://notlocalhost/",
        "http://127.0.0.1.nip.example/",
    ] {
        assert_eq!(admit(&default, url), Ok(()), "{url}");
    }
}

#[test]
fn each_switch_opens_its_own_places_only() {
    let cases = [
        // URL, with allow_loopback, with allow_private
        ("http://127.0.0.1/", true, false),
        ("http://127.8.8.8/", true, false),
        ("http://[::1]/", true, false),
        ("http://localhost/", true, false),
        ("http://[::ffff:127.0.0.1]/", true, false),
        ("http://10.1.2.3/", false, true),
        ("http://172.16.0.1/", false, true),
        ("http://192.168.1.1/", false, true),
        ("http://[fd12::1]/", false, true),
        ("http://[::ffff:10.1.2.3]/", false, true),
        ("http://0.0.0.0/", false, false),
        ("http://[::]/", false, false),
        ("http://[2002:7f00:1::]/", false, false),
        ("http://[64:ff9b::a01:203]/", false, false),
        ("http://100.64.0.1/", false, false),
        ("http://169.254.169.254/", false, false),
        ("http://[fd00:ec2::254]/", false, false),
        ("http://100.100.100.200/", false, false),
        ("http://[fe80::1]/", false, false),
    ];
    for (url, loopback, private) in cases {
        assert_eq!(admit(&policy(true, false, &[]), url).is_ok(), loopback, "loopback {url}");
        assert_eq!(admit(&policy(false, true, &[]), url).is_ok(), private, "private {url}");
    }
}

#[test]
fn a_rule_opens_what_it_says_and_no_more() {
    let cases = [
        // rule, URL, opened
        ("127.0.0.1", "http://127.0.0.1:9/", true),
        ("127.0.0.1", "http://localhost/", true),
        ("127.0.0.1", "http://127.0.0.2/", false),
        ("127.0.0.1:3978", "http://127.0.0.1:3978/", true),
        ("127.0.0.1:3978", "http://127.0.0.1:3979/", false),
        ("127.0.0.1:80", "http://127.0.0.1/", true),
        ("127.0.0.1:443", "https://2130706433/", true),
        ("127.0.0.1:443", "http://127.0.0.1/", false),
        ("::1", "http://[::1]/", true),
        ("::1", "http://127.0.0.1/", false),
        ("localhost", "http://localhost:81/", true),
        ("localhost", "http://a.localhost/", false),
        ("localhost", "http://127.0.0.1/", false),
        ("*.localhost", "http://a.localhost/", true),
        ("10.0.0.0/8", "http://10.200.0.1/", true),
        ("10.0.0.0/8", "http://11.0.0.1/", true),
        ("10.0.0.0/9", "http://10.128.0.1/", false),
        ("10.0.0.0/8", "http://[::ffff:10.0.0.1]/", true),
        ("10.0.0.0/8", "http://[64:ff9b::a00:1]/", false),
        ("[fd00::/8]:8080", "http://[fd00::1]:8080/", true),
        ("[fd00::/8]:8080", "http://[fd00::1]/", false),
        ("169.254.169.254", "http://169.254.169.254/", true),
        ("169.254.169.254", "http://169.254.169.253/", false),
        ("0.0.0.0/0", "http://192.168.0.1/", true),
        ("0.0.0.0/0", "http://[fd00::1]/", false),
        ("::/0", "http://192.168.0.1/", false),
        ("bot.example", "http://user@bot.example/", false),
        ("bot.example", "ftp://bot.example/", false),
    ];
    for (rule, url, opened) in cases {
        let found = admit(&policy(false, false, &[rule]), url);
        assert_eq!(found.is_ok(), opened, "{rule} {url}: {found:?}");
    }
}

#[test]
fn a_resolver_sees_the_rules_of_its_port_only() {
    let whole = policy(false, false, &["10.0.0.1", "10.0.0.2:81", "in.example:81", "*.in.example"]);
    let (at_81, elsewhere) = (whole.at_port(Some(81)), whole.at_port(None));
    let address = |last| IpAddr::from([10, 0, 0, last]);
    for (last, there, other) in [(1, true, true), (2, true, false), (3, false, false)] {
        assert_eq!(at_81.allows_address(address(last)), there, "10.0.0.{last}");
        assert_eq!(elsewhere.allows_address(address(last)), other, "10.0.0.{last}");
    }
    assert!(at_81.trusts_name("in.example") && !elsewhere.trusts_name("in.example"));
    assert!(at_81.trusts_name("a.in.example.") && elsewhere.trusts_name("A.in.example"));
}
