//! Profiles: what the command line says wins, and what is of no use to a command is passed over.

use std::os::unix::fs::PermissionsExt;

use crate::binary::Heloise;
use crate::peer::{Act, peer};

fn with_profile(options: &str) -> Heloise {
    let say = |text: &str| Act::Send(text.as_bytes().to_vec());
    let addr = peer(vec![say("220 hi\r\n"), Act::Await("NOOP"), say("250 ok\r\n"), Act::Hold]);
    let heloise = Heloise::new();
    let config = heloise.path("config.toml");
    std::fs::write(&config, format!("[profiles.work]\ntarget = '{addr}'\n{options}")).unwrap();
    heloise.var("HELOISE_CONFIG", &config)
}

#[test]
fn the_command_line_wins_over_what_excludes_it() {
    let heloise = with_profile("user = 'alice'\npassword-command = 'exit 1'\nfrom = 'alice@example.org'\n");
    let netrc = heloise.path("netrc");
    std::fs::write(&netrc, "machine 127.0.0.1 login alice password wonderland\n").unwrap();
    std::fs::set_permissions(&netrc, std::fs::Permissions::from_mode(0o600)).unwrap();
    let run = heloise.run(&["@work", "--netrc-file", &netrc, "-c", "NOOP"], b"");
    assert_eq!(run.code, Some(0), "{}", run.all());
}

#[test]
fn a_rerun_takes_a_profile_that_starts_tls() {
    for target in [&["--target", "@work"][..], &["--target=@work"]] {
        let heloise = with_profile("starttls = true\nauth = ''\n");
        let transcript = heloise.path("t.heloise");
        std::fs::write(&transcript, "%heloise 1\n\n<-  220 hi\n -> NOOP\n<-  250 ok\n").unwrap();
        let run = heloise.run(&[&["rerun", &transcript], target].concat(), b"");
        assert_eq!(run.code, Some(0), "{}", run.all());
    }
}

#[test]
fn a_misspelt_subcommand_is_told_from_a_host() {
    let run = Heloise::new().run(&["sned", "bob"], b"");
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("if a subcommand was meant: heloise send --help"), "{}", run.stderr);
    let help = Heloise::new().run(&["help"], b"");
    assert!(help.code == Some(0) && help.stdout.contains("Examples:"), "{}", help.all());
    let completions = Heloise::new().run(&["completions", "bash"], b"");
    assert!(
        completions.stdout.contains("compgen -W \"PLAIN") || completions.stdout.contains("SCRAM-SHA-256")
    );
}
