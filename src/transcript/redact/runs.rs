//! Pieces of a long secret: a token is longer than a reply line may be, and so a server repeats it in pieces.

use zeroize::Zeroizing;

/// So many bytes of a secret one after the other are no chance.
const RUN: usize = 16;

/// A shorter secret has to be there nearly whole.
const LONG: usize = 2 * RUN;

/// Where the pieces of a secret are found: for every sixteenth place in it, a number made of the sixteen bytes there. Any run of
/// twice as many bytes holds one of them whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs(Vec<(u64, usize)>);

impl Runs {
    /// Those of a secret; none of one that is not long.
    pub fn of(secret: &[u8]) -> Runs {
        if secret.len() < LONG {
            return Runs::default();
        }
        let pieces = secret.chunks_exact(RUN).enumerate();
        let mut runs: Vec<(u64, usize)> = pieces.map(|(n, piece)| (number(piece), n * RUN)).collect();
        runs.sort_unstable();
        Runs(runs)
    }

    /// Whether the secret is not long.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where a run of the secret stands first in a text, and how long it is.
    pub fn find(&self, text: &[u8], secret: &[u8]) -> Option<(usize, usize)> {
        if self.0.is_empty() {
            return None;
        }
        let whole = |(at, window): (usize, &[u8])| {
            let wanted = number(window);
            let first = self.0.partition_point(|(number, _)| *number < wanted);
            let same = self.0.get(first..)?.iter().take_while(|(number, _)| *number == wanted);
            let mut places = same.map(|(_, place)| *place);
            let place =
                places.find(|place| secret.get(*place..).is_some_and(|rest| rest.starts_with(window)))?;
            let (before, head) = (text.get(..at)?, secret.get(..place)?);
            let back = before.iter().rev().zip(head.iter().rev()).take_while(|(a, b)| a == b).count();
            let (after, tail) = (text.get(at..)?, secret.get(place..)?);
            let on = after.iter().zip(tail).take_while(|(a, b)| a == b).count();
            Some((at - back, back + on))
        };
        text.windows(RUN).enumerate().find_map(whole)
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        // Numbers of pieces tell something of them.
        drop(Zeroizing::new(self.0.iter_mut().map(|run| std::mem::take(&mut run.0)).collect::<Vec<u64>>()));
    }
}

/// FNV-1a.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::Runs;

    #[test]
    fn a_run_is_found_wherever_it_was_cut() {
        let secret: Vec<u8> = (0..3000_u32).flat_map(|n| format!("{n:x}-").into_bytes()).collect();
        let runs = Runs::of(&secret);
        for (from, length) in [(0, 480), (7, 100), (4000, 31), (secret.len() - 40, 40)] {
            let piece = &secret[from..from + length];
            let text = [b"535 ".as_slice(), piece, b"\r\n"].concat();
            assert_eq!(runs.find(&text, &secret), Some((4, length)), "{from}");
        }
        assert_eq!(runs.find(b"535 nothing of that kind is in here, whatever", &secret), None);
        assert_eq!(Runs::of(b"short").find(b"short", b"short"), None);
    }

    #[test]
    fn a_secret_that_repeats_itself_is_found() {
        let secret = b"ab".repeat(100);
        let text = [b"no ".as_slice(), &secret[..50], b"!"].concat();
        assert_eq!(Runs::of(&secret).find(&text, &secret), Some((3, 50)));
    }
}
