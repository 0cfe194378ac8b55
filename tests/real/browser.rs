//! A page of `export --to html` in headless Chromium, driven by its WebDriver: it is shown, filtered, folded, played
//! and printed, and nothing that came from the wire runs in it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clients::has;

const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
];

/// What a page would run if the wire could break out of it: each leaves `hurt` behind.
const ATTACKS: [&str; 10] = [
    "<script>hurt=1</script>",
    "</script><script>hurt=2</script>",
    "</code></li></ol><img src=x onerror=hurt=3>",
    "<svg onload=hurt=4><animate onbegin=hurt=4 attributeName=x dur=1s>",
    "\"onmouseover=hurt=5 autofocus onfocus=hurt=5 x=\"",
    "'><iframe srcdoc='<script>parent.hurt=6</script>'></iframe>",
    "</style></title><style>body{display:none}*{background:url(//127.0.0.1:9/x)}</style>",
    "<a href=javascript:hurt=7 id=trap>click</a>",
    "--><meta http-equiv=refresh content=0;url=data:text/html,gone><base href=//127.0.0.1:9/>",
    "&lt;script&gt;hurt=8&lt;/script&gt;<details ontoggle=hurt=8 open>",
];

/// One browser with one window; it ends when dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    dir: tempfile::TempDir,
}

impl Browser {
    /// Starts it; nothing where there is none and none is required. The first start on a machine that has much to
    /// do can take longer than the driver waits, so it is tried again.
    pub(crate) fn start() -> Option<Browser> {
        if !has("chromium") || !has("chromedriver") {
            return None;
        }
        Some((0..5).find_map(|_| Browser::try_start().ok()).unwrap_or_else(|| Browser::try_start().unwrap()))
    }

    fn try_start() -> Result<Browser, Value> {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("HOME", dir.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.spawn().unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
        });
        // What else it says is of no interest, but somebody has to read it.
        std::thread::spawn(move || lines.for_each(drop));
        let Some(port) = port else {
            let _ = driver.wait();
            return Err(json!("the driver ended before it listened"));
        };
        let mut browser = Browser { driver, port, session: String::new(), dir };
        let profile = format!("--user-data-dir={}", browser.dir.path().join("profile").display());
        let flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).chain([profile]).collect();
        let options = json!({"args": flags});
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let made = browser.try_call("POST", "/session", &wanted)?;
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        Ok(browser)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_call(method, path, body).unwrap_or_else(|value| panic!("{method} {path}: {value}"))
    }

    /// One request of the WebDriver protocol and the value of its answer, which may be an error.
    fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let mut link = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        link.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(
            link,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reader = BufReader::new(link);
        let (mut length, mut line) = (0, String::new());
        while reader.read_line(&mut line).unwrap() > 2 {
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let value = answer["value"].clone();
        if value["error"].is_null() { Ok(value) } else { Err(value) }
    }

    pub(crate) fn open(&self, page: &Path) {
        self.post("/url", json!({"url": format!("file://{}", page.display())}));
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Value {
        self.call("POST", &format!("{}{path}", self.session), &body)
    }

    /// The value of a JavaScript expression in the page.
    pub(crate) fn eval(&self, expression: &str) -> Value {
        self.post("/execute/sync", json!({"script": format!("return ({expression});"), "args": []}))
    }

    /// How many elements a selector finds that are shown.
    fn shown(&self, selector: &str) -> u64 {
        let all = format!("[...document.querySelectorAll({})]", json!(selector));
        self.eval(&format!("{all}.filter(e => e.checkVisibility()).length")).as_u64().unwrap()
    }

    fn click(&self, id: &str) {
        self.eval(&format!("document.getElementById('{id}').click()"));
    }

    /// Types into the filter.
    fn filter(&self, words: &str) {
        let set = format!("(f => {{ f.value = {}; f.dispatchEvent(new Event('input')); }})", json!(words));
        self.eval(&format!("{set}(document.getElementById('find'))"));
    }

    /// Presses a key where nothing has the focus.
    fn press(&self, key: &str) {
        self.eval(&format!(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: {}, bubbles: true}}))",
            json!(key)
        ));
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&self, expression: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.eval(expression) != Value::Bool(true) {
            assert!(Instant::now() < deadline, "never: {expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A page with the transcript of these lines, and the page itself as text.
    fn page(&self, transcript: &str) -> (PathBuf, String) {
        let dir = self.dir.path();
        let (from, to) = (dir.join("session.heloise"), dir.join("session.html"));
        std::fs::write(&from, transcript).unwrap();
        let _ = std::fs::remove_file(&to);
        let ran = Command::new(env!("CARGO_BIN_EXE_heloise"))
            .args(["export", "--to", "html", "--output"])
            .args([&to, &from])
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let text = std::fs::read_to_string(&to).unwrap();
        (to, text)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &self.session, &json!({}));
        }
        // Its driver ends the browser, where there still is one, when it is asked to end itself.
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.driver.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.driver.wait();
    }
}

const SESSION: &str = "%heloise 1\n%target smtp://mx.example.org:25\n%title a refused recipient\n\n\
    0.000000 === connected 192.0.2.10:25 from 198.51.100.7:51234\n0.010000 <- 220 mx.example.org ESMTP\n\
    0.100000 -> EHLO client.example\n0.110000 <- 250-mx.example.org\n0.110000 <- 250 SIZE 1000\n\
    0.200000 -> MAIL FROM:<alice@example.net>\n0.210000 <- 250 2.1.0 Ok\n\
    0.300000 -> RCPT TO:<bob@example.net>\n0.310000 <** 554 5.7.1 <bob@example.net>: Relay access denied\n\
    0.400000 -> RCPT TO:<postmaster@example.org>\n0.410000 <- 250 2.1.5 Ok\n0.500000 -> DATA\n0.510000 <- 354 go\n";

fn session() -> String {
    let mut text = SESSION.to_owned();
    (0..40).for_each(|n| text.push_str(&format!("0.600000 -> content {n}\n")));
    text + "0.700000 -> .\n0.710000 <- 250 2.0.0 queued\n0.800000 === closed by=client\n"
}

#[test]
fn the_page_is_read_filtered_folded_and_played() {
    let Some(browser) = Browser::start() else { return };
    let (page, _) = browser.page(&session());
    browser.open(&page);
    assert_eq!(browser.eval("document.title"), "a refused recipient");
    // Shown whole, but for the middle of the content, which a click brings.
    let all = browser.eval("document.querySelectorAll('li[id]').length").as_u64().unwrap();
    assert_eq!(all, 56);
    assert_eq!(browser.shown("li[id]"), all - 30);
    browser.eval("document.querySelector('.more button').click()");
    assert_eq!(browser.shown("li[id]"), all);
    // The refusal is explained, open; the meaning of a keyword stands beside it.
    assert_eq!(browser.shown("details[open] p"), 3);
    assert!(browser.eval("document.querySelector('small').textContent").as_str().unwrap().contains("size"));
    browser.click("fold");
    assert_eq!((browser.shown("details p"), browser.shown(".quiet")), (0, 0));
    browser.click("fold");
    assert_eq!(browser.shown("details p"), 3);
    // Words, and the kinds; both are undone by Escape.
    browser.filter("postmaster");
    assert_eq!(browser.shown("li[id]"), 1);
    assert_eq!(browser.eval("document.getElementById('count').textContent"), "1 of 56");
    browser.press("Escape");
    assert_eq!(browser.shown("li[id]"), all);
    browser.eval(
        "(o => { o.value = 'bad'; o.dispatchEvent(new Event('change')); })(document.getElementById('only'))",
    );
    assert_eq!(browser.shown("li[id]"), 1);
    browser.press("Escape");
    // The next error is where the address bar says.
    browser.press("e");
    assert_eq!(browser.eval("document.querySelector(':target code').textContent.slice(0, 9)"), "554 5.7.1");
    // Played: first little, later all. A step back shows less.
    browser.eval("document.getElementById('speed').value = '0.5'");
    browser.click("play");
    assert!(browser.shown("li[id]") < all);
    browser.press("ArrowRight");
    browser.press("ArrowRight");
    let ahead = browser.shown("li[id]");
    browser.press("ArrowLeft");
    assert!(browser.shown("li[id]") < ahead);
    assert_eq!(browser.eval("document.getElementById('play').textContent"), "Go on");
    browser.eval("document.getElementById('speed').value = '20'");
    browser.click("play");
    browser.until("document.getElementById('play').textContent === 'Play'");
    assert_eq!(browser.shown("li[id]"), all);
    // Light and dark.
    let ground = "getComputedStyle(document.body).backgroundColor";
    let before = browser.eval(ground);
    browser.click("look");
    assert_ne!(browser.eval(ground), before);
    browser.click("look");
    assert_eq!(browser.eval(ground), before);
    // On paper nothing is hidden that was folded, and there are no buttons.
    browser.click("fold");
    browser.eval("dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.shown("details[open]"), 1);
    browser.eval("dispatchEvent(new Event('afterprint'))");
    let pdf = browser.post("/print", json!({"background": true}));
    assert!(pdf.as_str().unwrap().starts_with("JVBERi0"), "a PDF");
}

#[test]
fn the_page_is_whole_without_script() {
    let Some(browser) = Browser::start() else { return };
    let (page, text) = browser.page(&session());
    let (before, after) = text.split_once("script-src 'sha256-").unwrap();
    let (_, after) = after.split_once("'; base-uri").unwrap();
    std::fs::write(&page, format!("{before}script-src 'none'; base-uri{after}")).unwrap();
    browser.open(&page);
    assert_eq!(browser.eval("document.documentElement.className"), "");
    assert_eq!((browser.shown("li[id]"), browser.shown("nav"), browser.shown("details p")), (56, 0, 3));
}

/// A transcript that has every attack in every place that anybody outside can write to.
fn attacked() -> String {
    let mut text = String::from("%heloise 1\n");
    for attack in ATTACKS {
        text.push_str(&format!(
            "%title {attack}\n%target smtp://{attack}\n%client {attack}\n%x-other {attack}\n"
        ));
    }
    for attack in ATTACKS {
        let quoted = attack.replace('"', "\\\"");
        let attack = attack.replace('{', "\\{");
        text.push_str(&format!(
            "# {attack}\n=== connected {attack}\n=== tls X Y verified=no why=\"{quoted}\" subject=\"{quoted}\"\n\
             === quirk {attack}\n=== strange {attack}\n<- 220 {attack}\n -> EHLO {attack}\n<- 250-{attack}\n<- 250 {attack}\n\
             -> AUTH PLAIN {{secret sasl=PLAIN user=\"{quoted}\"}}\n<~* 535 5.7.8 {attack}\n ~> RCPT TO:<{attack}>\n\
             <~* 554 5.7.1 {attack}\n### note {attack}\n*** {attack}\n??? {attack}\n%later {attack}\n=== closed by=\"{quoted}\"\n"
        ));
    }
    text
}

#[test]
fn nothing_from_the_wire_runs() {
    let Some(browser) = Browser::start() else { return };
    let (page, text) = browser.page(&attacked());
    browser.open(&page);
    assert_eq!(browser.eval("typeof window.hurt"), "undefined");
    assert!(browser.shown("li[id]") > 100, "the page is shown");
    // Its own elements and attributes, and no others; nothing is fetched.
    let foreign = "[...document.querySelectorAll('body *')].filter(e => !/^(HEADER|H1|DL|DIV|DT|DD|NAV|INPUT|SELECT|OPTION|\
                   BUTTON|OUTPUT|MAIN|OL|LI|TIME|A|B|CODE|SMALL|SPAN|DETAILS|SUMMARY|P|I|FOOTER|SCRIPT)$/.test(e.tagName)).length";
    assert_eq!(browser.eval(foreign), 0);
    assert_eq!(browser.eval("document.scripts.length"), 1);
    let attributes = "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^on|^style$|^src/.test(a.name)).length";
    assert_eq!(browser.eval(attributes), 0);
    assert_eq!(browser.eval("[...document.links].every(a => a.getAttribute('href').startsWith('#e'))"), true);
    assert_eq!(browser.eval("performance.getEntriesByType('resource').length"), 0);

    // Behind the escaping stands a second wall. With a hole in the first, still nothing runs …
    let attacks: String = ATTACKS.into_iter().filter(|attack| !attack.contains("refresh")).collect();
    let holed = text.replacen("<main>", &format!("<main>{attacks}"), 1);
    std::fs::write(&page, &holed).unwrap();
    browser.open(&page);
    browser.until("document.readyState === 'complete'");
    browser.eval("document.getElementById('trap')?.dispatchEvent(new MouseEvent('click', {bubbles: true}))");
    assert_eq!(browser.eval("typeof window.hurt"), "undefined");
    // … and without the second, something does: this test can fail.
    let open = holed.replacen("http-equiv=\"Content-Security-Policy\"", "name=\"nothing\"", 1);
    std::fs::write(&page, open).unwrap();
    browser.open(&page);
    browser.until("typeof window.hurt === 'number'");
}

/// A server whose every word is an attack.
fn attacker() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for link in listener.incoming() {
            let mut link = link.unwrap();
            let lines = |code: u16| ATTACKS.map(|attack| format!("{code}-{attack}\r\n")).concat();
            // The client leaves when it has seen enough.
            let _ = write!(link, "{}220 {}\r\n", lines(220), ATTACKS[0]);
            let reader = BufReader::new(link.try_clone().unwrap());
            for _ in reader.lines().map_while(Result::ok) {
                let _ = write!(link, "{}250 {}\r\n", lines(250), ATTACKS[1]);
            }
        }
    });
    addr
}

#[test]
fn nothing_from_the_wire_runs_in_the_report_of_a_check() {
    let Some(browser) = Browser::start() else { return };
    let page = browser.dir.path().join("report.html");
    let ran = Command::new(env!("CARGO_BIN_EXE_heloise"))
        .args(["check", "--json", "--timeout", "5", "--report"])
        .args([&page, Path::new(&attacker().to_string())])
        .output()
        .unwrap();
    let text = std::fs::read_to_string(&page).unwrap_or_else(|_| panic!("{ran:?}"));
    assert!(text.contains("&lt;script&gt;hurt=1&lt;/script&gt;"), "the attacks are told");
    std::fs::write(&page, text.replace("<details>", "<details open>")).unwrap();
    browser.open(&page);
    assert_eq!(browser.eval("typeof window.hurt"), "undefined");
    assert!(browser.shown("article") > 0 && browser.shown("svg") > 2 && browser.shown("li[id]") > 20);
    let foreign = "[...document.querySelectorAll('body *')].filter(e => !/^(HEADER|H1|H2|H3|DL|DIV|DT|DD|SECTION|ARTICLE|\
                   OL|UL|LI|TIME|A|B|CODE|SPAN|DETAILS|SUMMARY|P|TABLE|THEAD|TBODY|TR|TH|TD|svg|rect|FOOTER)$/.test(e.tagName)).length";
    assert_eq!(browser.eval(foreign), 0);
    assert_eq!(browser.eval("document.scripts.length"), 0);
    assert_eq!(browser.eval("[...document.links].every(a => a.getAttribute('href').startsWith('#e'))"), true);
    assert_eq!(browser.eval("performance.getEntriesByType('resource').length"), 0);
    // The second wall stands here too: with a hole in the escaping nothing runs, and without the wall it does.
    let holed = text.replacen("<section>", "<section><img src=x onerror=hurt=3>", 1);
    std::fs::write(&page, &holed).unwrap();
    browser.open(&page);
    browser.until("document.readyState === 'complete'");
    assert_eq!(browser.eval("typeof window.hurt"), "undefined");
    let open = holed.replacen("http-equiv=\"Content-Security-Policy\"", "name=\"nothing\"", 1);
    std::fs::write(&page, open).unwrap();
    browser.open(&page);
    browser.until("typeof window.hurt === 'number'");
}
