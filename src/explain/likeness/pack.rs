//! Lays out `grammar/likeness.tsv` as [`super::table`] has it; for `build.rs`, and for tests.

use super::slots::{Key, hash, lay_out};
use super::table::ROW;

/// The table laid out.
#[derive(Debug, Default)]
pub struct Packed {
    /// Slots: of features, by their hashes, the numbers of their rows.
    pub slots: Vec<u8>,
    /// The rows of weights.
    pub weights: Vec<u8>,
    /// The reasons, a line each, in the order of their numbers.
    pub reasons: String,
}

/// Lays out lines of a feature, a tab, and words of `reason:weight`. The error names the line.
pub fn pack(text: &str) -> Result<Packed, String> {
    let rows: Vec<(usize, &str)> = text.lines().enumerate().filter(|(_, l)| !l.starts_with('#')).collect();
    let mut reasons: Vec<&str> = Vec::new();
    let mut entries = Vec::new();
    let mut weights = Vec::new();
    for (number, row) in rows {
        let wrong = |what: &str| format!("line {}: {what}", number + 1);
        let (feature, list) = row.split_once('\t').ok_or_else(|| wrong("no tab behind the feature"))?;
        let place = u16::try_from(weights.len() / ROW).map_err(|_| wrong("too many features"))?;
        let mut own = [0; ROW];
        for word in list.split(' ').filter(|word| !word.is_empty()) {
            let (reason, weight) = word.rsplit_once(':').ok_or_else(|| wrong("not reason:weight"))?;
            let weight: i8 = weight.parse().map_err(|_| wrong("a weight is a number from -128 to 127"))?;
            let known = reasons.iter().position(|known| *known == reason);
            let index = known.unwrap_or_else(|| {
                reasons.push(reason);
                reasons.len() - 1
            });
            *own.get_mut(index).ok_or_else(|| wrong("too many reasons"))? = weight;
        }
        weights.extend(own.iter().flat_map(|weight: &i8| weight.to_le_bytes()));
        entries.push((Key::of_hash(hash(feature.as_bytes())), place));
    }
    let slots = lay_out(&entries).ok_or("two features have one hash, or are one")?;
    Ok(Packed { slots, weights, reasons: reasons.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::super::slots::Slots;
    use super::*;

    #[test]
    fn a_wrong_line_is_named() {
        for (text, wrong) in [
            ("# a\nuser spam:3\n", "line 2: no tab behind the feature"),
            ("user\tspam\n", "line 1: not reason:weight"),
            ("a\tspam:1\na\tspam:2\n", "two features have one hash, or are one"),
            ("user\tspam:200\n", "line 1: a weight is a number from -128 to 127"),
        ] {
            assert_eq!(pack(text).unwrap_err(), wrong);
        }
    }

    #[test]
    fn a_row_has_a_weight_for_each_reason() {
        let lines: String = (0..100).map(|n| format!("word{n}\tspam:{n} virus:-{n}\n")).collect();
        let packed = pack(&lines).unwrap();
        let place = |word: &str| {
            let key = Key::of_hash(hash(word.as_bytes()));
            usize::from(Slots::new(&packed.slots).get(key).unwrap()) * ROW
        };
        let row = &packed.weights[place("word7")..][..ROW];
        assert_eq!((&row[..2], &row[2..]), (&[7, 249][..], &[0; ROW - 2][..]));
        assert_eq!((packed.weights.len(), packed.reasons.as_str()), (100 * ROW, "spam\nvirus"));
    }
}
