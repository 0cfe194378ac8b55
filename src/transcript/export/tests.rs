use super::*;

const HOSTILE: &str = "\
%heloise 1
%target smtp://mx.example.org:25
%started 2026-11-23T19:02:11+01:00
%title </title><script>alert(1)</script> **bold**
%origin <img src=x onerror=alert(2)>

0.000000 === connected 192.0.2.10:25 from 198.51.100.7:51234
0.100000 <-  220 <script>alert(3)</script> \\x1b]0;pwned\\x07 ``` ~~~
0.200000  -> EHLO \"x\" onmouseover='alert(4)'
0.250000 <-  250-a\\x0a```\\x0a# head
0.300000 <-  250 AUTH PLAIN
1.000000  -> STARTTLS
1.100000 <-  220 go
1.200000 === tls TLSv1.2 X verified=no why=\"<b>\" insecure=yes subject=\"CN=</code><script>\"
2.000000  ~> AUTH PLAIN {secret sasl=PLAIN user=\"<u>\"}
2.100000 <~* 535 5.7.8 no\\xe2\\x80\\xae
2.200000  ~> NOOP\\n
2.250000 <~  250 ok
2.300000  ~> /odd
2.350000 <~  250 ok
3.000000  ~> DATA
3.100000 <~  354 go
3.200000  ~> Subject: x\\x1b[2J
3.250000  ~> {data 5 sha256=0000000000000000000000000000000000000000000000000000000000000000}
3.300000  ~> .
3.400000 <~  250 ok
4.000000 ### note [x](javascript:alert(5))
5.000000 *** <script>alert(6)</script>
5.500000 ``` fence
6.000000 === closed by=server
";

fn exported(format: &mut dyn Export) -> String {
    let mut reader = Reader::new(HOSTILE.as_bytes()).unwrap();
    let mut out = Vec::new();
    let note = Annotation {
        beside: Some("<b onclick=alert(8)> ```".into()),
        headline: "permanent <script>alert(7)</script>".into(),
        lines: vec![("why".into(), "you & me ``` \x1b[31m".into())],
    };
    let bad = |entry: &Entry| matches!(entry.kind, EntryKind::Received { error: true, .. });
    let summary = run(&mut reader, &mut out, format, |entry| bad(entry).then(|| note.clone())).unwrap();
    assert_eq!((summary.unreadable.count, summary.warning), (0, None));
    String::from_utf8(out).unwrap()
}

#[test]
fn text_shows_arrows_explanations_and_the_missing_verification() {
    let plain = exported(&mut text::Text { color: false, times: true, width: None });
    assert!(plain.contains("    2.100 <~* 535 5.7.8 no\\xe2\\x80\\xae      <b onclick"), "{plain}");
    assert!(plain.contains("\n               why   you & me"), "{plain}");
    assert!(plain.contains("was not verified"));
    assert!(plain.contains("{secret sasl=PLAIN user=\"<u>\"}"));
    assert!(plain.chars().all(|c| c == '\n' || crate::transcript::text::is_plain(c)));
    let color = exported(&mut text::Text { color: true, times: false, width: None });
    let escapes: Vec<_> = color.split('\x1b').skip(1).map(|s| s.split('m').next().unwrap()).collect();
    assert!(escapes.iter().all(|e| e.starts_with('[') && e.len() <= 5), "{escapes:?}");
}

#[test]
fn html_lets_nothing_out() {
    let page = exported(&mut html::Html::default());
    let body = page.split("<body>").nth(1).unwrap();
    assert_eq!(body.matches("<script>").count(), 1, "only the page's own script");
    assert_eq!(page.matches("<title>").count(), 1);
    for bad in ["<img", "<u>", "onmouseover='", "alert(3)</script>", "\x1b", "\u{202e}"] {
        assert!(!body.contains(bad), "{bad}");
    }
    assert!(page.contains("class=\"got bad tls\""));
    assert!(page.contains("info warn"));
    assert!(page.contains("<details open><summary>permanent &lt;script&gt;"));
    assert!(page.contains("data-at=\"2.100000\""));
    let own = page.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    use base64::Engine;
    let hash = base64::engine::general_purpose::STANDARD.encode(<sha2::Sha256 as sha2::Digest>::digest(own));
    assert!(page.contains(&format!("script-src 'sha256-{hash}'")));
    let own = [
        "header", "h1", "dl", "dt", "dd", "nav", "input", "select", "option", "button", "main", "ol", "li",
        "time", "a", "b", "code", "small", "span", "details", "summary", "p", "i", "div", "output", "footer",
        "script", "body", "html",
    ];
    let markup = body.split("<script>").next().unwrap();
    for tag in markup.split('<').skip(1) {
        let name = tag.trim_start_matches('/').split([' ', '>']).next().unwrap();
        assert!(own.contains(&name), "<{tag}");
    }
}

#[test]
fn markdown_lets_nothing_out() {
    let page = exported(&mut markdown::Markdown::default());
    let mut fences = 0;
    for line in page.lines() {
        let inside = fences % 2 == 1;
        if line.starts_with("```") {
            fences += 1;
            assert!(matches!(line, "```" | "```text"), "{line}");
        } else if !inside {
            assert!(
                !line.contains('<')
                    && !line.replace("\\]", "").contains("](")
                    && !line.contains("javascript:"),
                "{line}"
            );
        }
    }
    assert_eq!(fences % 2, 0);
    assert!(page.starts_with("# &lt;/title&gt;"));
    assert!(page.contains("**Warning:**") && page.contains("> **why** you &amp; me"));
}

#[test]
fn casts_are_json_lines_with_the_right_times() {
    for version in [2u8, 3] {
        let cast = exported(&mut cast::Cast::new(version));
        let lines: Vec<serde_json::Value> = cast.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines[0]["version"], version);
        let total: f64 = lines[1..].iter().map(|event| event[0].as_f64().unwrap()).sum();
        let last = lines.last().unwrap()[0].as_f64().unwrap();
        assert!((if version == 2 { last } else { total } - 6.0).abs() < 1e-6);
        let marks: Vec<_> = lines[1..].iter().filter(|e| e[1] == "m").collect();
        assert_eq!(marks.len(), 1);
        for event in &lines[1..] {
            let data = event[2].as_str().unwrap();
            assert!(!data.contains("\x1b]") && !data.contains('\x07') && !data.contains("\x1b[2J"), "{data}");
            assert!(event[1] == "m" || data.ends_with("\r\n"));
        }
    }
}

#[test]
fn swaks_form_reads_like_swaks() {
    let out = exported(&mut swaks::Swaks::default());
    let start = "=== Trying 192.0.2.10:25...\n=== Connected to mx.example.org.\n<-  220 <script>";
    assert!(out.starts_with(start), "{out}");
    assert!(out.contains("=== TLS started with cipher TLSv1.2:X\n=== TLS peer certificate not verified\n"));
    assert!(out.contains("\n<~* 535 5.7.8 no"));
    assert!(out.ends_with("*** Remote host closed connection unexpectedly.\n"), "{out}");
}

#[test]
fn swaks_form_tells_a_good_bye_from_a_link_that_was_cut() {
    let shown = |session: &str| {
        let file = format!("%heloise 1\n{session}");
        let (mut out, mut form) = (Vec::new(), swaks::Swaks::default());
        run(&mut Reader::new(file.as_bytes()).unwrap(), &mut out, &mut form, |_| None).unwrap();
        String::from_utf8(out).unwrap()
    };
    let parted = "=== connected 192.0.2.10:25\n<- 220 x\n -> QUIT\n<- 221-2.0.0 Bye\n<- 221 bye\n=== closed by=server\n";
    assert!(shown(parted).ends_with("=== Connection closed with remote host.\n"), "{}", shown(parted));
    let cut = format!("{parted}=== connected 192.0.2.10:25\n=== closed by=server\n");
    assert!(shown(&cut).ends_with("*** Remote host closed connection unexpectedly.\n"), "{}", shown(&cut));
    let unverified = shown("=== tls TLSv1.3 X why=\"its issuer is not known here\" insecure=yes\n");
    assert!(unverified.contains("=== TLS peer certificate not verified\n"), "{unverified}");
}

#[test]
fn a_script_is_the_commands_alone() {
    let mut script = script::Script::default();
    let expected = "EHLO \"x\" onmouseover='alert(4)'\nSTARTTLS\n/auth PLAIN\n/raw \"NOOP\\x0a\"\n//odd\nDATA\n\
                    Subject: x?[2J\n[left out: {data 5 sha256=0000000000000000000000000000000000000000000000000000000000000000}]\n.\n";
    assert_eq!(exported(&mut script), expected);
    assert_eq!(script.changed, 2);
}

#[test]
fn a_script_asks_for_secrets_wherever_they_were_given() {
    let cases = [
        (
            " -> AUTH LOGIN\n<- 334 VXNlcm5hbWU6\n -> {secret sasl=LOGIN}\n<- 334 UGFzc3dvcmQ6\n -> {secret sasl=LOGIN}\n<- 235 ok\n -> QUIT\n",
            "/auth LOGIN\nQUIT\n",
        ),
        (" -> AUTH LOGIN\n<- 334 VXNlcm5hbWU6\n -> *\n<- 501 no\n -> QUIT\n", "AUTH LOGIN\n*\nQUIT\n"),
        (" -> AUTH GSSAPI\n<- 504 no\n -> QUIT\n", "AUTH GSSAPI\nQUIT\n"),
        (" -> AUTH GSSAPI\n", "AUTH GSSAPI\n"),
    ];
    for (session, expected) in cases {
        let file = format!("%heloise 1\n<- 220 x\n{session}");
        let mut out = Vec::new();
        let mut reader = Reader::new(file.as_bytes()).unwrap();
        run(&mut reader, &mut out, &mut script::Script::default(), |_| None).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn json_has_the_session_first_and_explanations_behind_replies() {
    let out = exported(&mut json::Json::default());
    let kinds: Vec<String> = out
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(kinds[0], "session");
    let at = kinds.iter().position(|kind| kind == "explanation").unwrap();
    assert_eq!(kinds[at - 1], "received");
}

#[test]
fn unreadable_lines_are_said_and_the_rest_exported() {
    let file = "%heloise 1\n<- 220 x\nwhat?\n -> QUIT\n<- 221 by";
    let mut reader = Reader::new(file.as_bytes()).unwrap();
    let mut out = Vec::new();
    let summary = run(&mut reader, &mut out, &mut text::Text::default(), |_| None).unwrap();
    assert_eq!((summary.entries, summary.unreadable.count), (4, 1));
    assert!(summary.warning.unwrap().contains("middle of line 5"));
    assert!(String::from_utf8(out).unwrap().contains("*** unreadable: line 3, column 1"));
}

#[test]
fn a_script_leaves_one_session_for_the_next() {
    let shown = |sessions: &str| {
        let file = format!("%heloise 1\n%target smtp://a.example:25\n{sessions}");
        let (mut out, mut form) = (Vec::new(), script::Script::default());
        run(&mut Reader::new(file.as_bytes()).unwrap(), &mut out, &mut form, |_| None).unwrap();
        (String::from_utf8(out).unwrap(), form.changed, form.missing)
    };
    let next = |host: &str| format!("%heloise 1\n%target smtp://{host}:25\n=== connected 192.0.2.10:25\n");
    let quit = "<- 220 x\n -> QUIT\n<- 221 bye\n";
    let three =
        format!("=== connected 192.0.2.10:25\n{quit}{}{quit}{}{quit}", next("a.example"), next("b.example"));
    assert_eq!(shown(&three), ("QUIT\n/reconnect\nQUIT\n/open smtp://b.example:25\nQUIT\n".to_owned(), 0, 0));
    let asked = format!("<- 220 x\n -> AUTH LOGIN\n<- 334 VXNlcm5hbWU6\n{}{quit}", next("a.example"));
    assert_eq!(shown(&asked), ("AUTH LOGIN\n*\n/reconnect\nQUIT\n".to_owned(), 1, 0));
    // Within content, no line leads out of the session but the one that delivers the message.
    let more = format!("{}{quit}", next("a.example"));
    let cut = format!("<- 220 x\n -> DATA\n<- 354 go\n -> half a\n{more}{more}");
    assert_eq!(shown(&cut), ("DATA\nhalf a\n".to_owned(), 0, 2));
}
