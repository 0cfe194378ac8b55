//! Lays out `grammar/likeness.tsv` as [`super::table`] has it; for `build.rs`, and for tests.

use super::table::{ROW, SLOT, hash, mark};

/// The table laid out.
#[derive(Debug, Default)]
pub struct Packed {
    /// The slots, as many as a power of two.
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
    let room = (rows.len() * 2).next_power_of_two().max(2);
    let mut slots = vec![[0u8; SLOT]; room];
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
        let hash = hash(feature.as_bytes());
        let mut at = hash as usize & (room - 1);
        while slots.get(at).is_some_and(|slot| *slot != [0; SLOT]) {
            at = (at + 1) & (room - 1);
        }
        let ([a, b, c, d], [e, f]) = (mark(hash).to_le_bytes(), place.to_le_bytes());
        if let Some(slot) = slots.get_mut(at) {
            *slot = [a, b, c, d, e, f];
        }
    }
    Ok(Packed { slots: slots.concat(), weights, reasons: reasons.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_is_named() {
        for (text, wrong) in [
            ("# a\nuser spam:3\n", "line 2: no tab behind the feature"),
            ("user\tspam\n", "line 1: not reason:weight"),
            ("user\tspam:200\n", "line 1: a weight is a number from -128 to 127"),
        ] {
            assert_eq!(pack(text).unwrap_err(), wrong);
        }
    }

    #[test]
    fn slots_are_as_many_as_a_power_of_two_and_half_of_them_are_empty() {
        let lines: String = (0..100).map(|n| format!("word{n}\tspam:{n} virus:-{n}\n")).collect();
        let packed = pack(&lines).unwrap();
        assert_eq!(packed.slots.len(), 256 * SLOT);
        let taken = packed.slots.chunks(SLOT).filter(|slot| slot.iter().any(|byte| *byte != 0)).count();
        assert_eq!((taken, packed.weights.len(), packed.reasons.as_str()), (100, 100 * ROW, "spam\nvirus"));
    }
}
