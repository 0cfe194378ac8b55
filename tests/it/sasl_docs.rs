//! docs/sasl.md lists the mechanisms as the code knows them.

use heloise::sasl::{MECHANISMS, Needs, Origin};

#[test]
fn the_table_of_mechanisms_is_that_of_the_code() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sasl.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| mechanism"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), MECHANISMS.len());
    for (row, known) in rows.iter().zip(MECHANISMS) {
        let name = if known.obsolete { format!("{} (obsolete)", known.name) } else { known.name.to_owned() };
        let needs = match known.needs {
            Needs::Password => "password",
            Needs::Token => "token",
            Needs::Certificate => "client certificate",
            Needs::Nothing => "nothing",
        };
        let origin = if known.origin == Origin::Ours { "ours" } else { "rsasl" };
        assert_eq!((row[0], row[1]), (name.as_str(), needs));
        assert_eq!((row[2], row[6]), (known.strength.to_string().as_str(), origin), "{name}");
        assert_eq!(row[3].contains("**"), known.clear_text, "{name}");
        assert_eq!(row[4].contains("TLS link"), known.binds, "{name}");
    }
}
