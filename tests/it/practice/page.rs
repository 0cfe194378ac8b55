//! What the practice server says of itself.

use super::*;

#[test]
fn the_short_list_is_short_and_names_the_domain() {
    let options = PracticeOptions { domain: "shop.test".to_owned(), ..PracticeOptions::default() };
    let practice = Practice::bind(options).unwrap();
    let things = practice.things_to_try();
    assert!((8..=14).contains(&things.len()), "{things:?}");
    assert!(things.iter().any(|thing| thing.line == "RCPT TO:<full@shop.test>"), "{things:?}");
    assert!(things.iter().all(|thing| !thing.line.contains('{') && !thing.what.contains('{')));
    assert!(practice.addr().ip().is_loopback());
    assert!(practice.users().iter().any(|(name, ..)| name == "alice@shop.test"));
}

/// The page is made from the tables. `HELOISE_BLESS=1 cargo test` writes it anew.
#[test]
fn the_page_about_it_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/practice-server.md");
    let page = page();
    if std::env::var_os("HELOISE_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), page, "run HELOISE_BLESS=1 cargo test");
}

fn page() -> String {
    let values = [
        ("domain", "example.org"),
        ("host", "mx.example.org"),
        ("errors", "10"),
        ("client", "192.0.2.7"),
        ("user", "alice@example.org"),
        ("option", "COLOUR"),
        ("rcpt_domain", "nullmx.example"),
        ("id", "8D2C4F01A7"),
    ];
    let cell = |text: &str| practice::rules::fill(text, &values).replace('\n', " ");
    let mut page = "# The practice server\n\n\
        `heloise demo` opens a session with it, `heloise serve --practice` lets any client in. It listens on\n\
        loopback, delivers nothing, and answers as real servers do. Its domain is `example.org`; mail for\n\
        `alice`, `bob` and `postmaster` is taken. `HELP` lists what stands here.\n\n\
        ## What to run into\n\n| type | what it shows | reply |\n|---|---|---|\n"
        .to_owned();
    for rule in practice::rules::RULES.iter().filter(|rule| !rule.what.is_empty()) {
        let reply = match rule.how {
            practice::rules::How::HangUp | practice::rules::How::Silence => "none".to_owned(),
            _ => {
                let line = cell(rule.line);
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                format!("`{} {}`", rule.code, cell(&rule.text.replace("{address}", address)))
            }
        };
        page.push_str(&format!("| `{}` | {} | {reply} |\n", cell(rule.line), cell(rule.what)));
    }
    page.push_str("\n## Users\n\nAUTH is offered after STARTTLS, which goes up to TLS 1.3 where OpenSSL does it. The user name is the full address.\n\n");
    page.push_str("| user | password or token | |\n|---|---|---|\n");
    for user in practice::users::USERS {
        page.push_str(&format!("| `{}@example.org` | `{}` | {} |\n", user.local, user.password, user.what));
    }
    page
}
