//! The name somebody may have meant.

/// Words longer than this get no suggestion: the work grows with the square of the length.
const CHARS_MAX: usize = 64;

/// The name that needs the fewest changed, missing, extra or swapped letters to become `word`,
/// if that is at most every third letter. The first of equally near ones.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = word.chars().take(CHARS_MAX + 1).collect();
    if letters.len() > CHARS_MAX {
        return None;
    }
    let near = names.into_iter().filter_map(|name| {
        let count = name.chars().take(CHARS_MAX + 1).count();
        let allowed = count.max(letters.len()).div_ceil(3);
        if count > CHARS_MAX || count.abs_diff(letters.len()) > allowed {
            return None;
        }
        let distance = distance(&letters, &name.chars().collect::<Vec<_>>());
        (distance <= allowed).then_some((distance, name))
    });
    near.min_by_key(|&(distance, _)| distance).map(|(_, name)| name)
}

/// Optimal string alignment: Levenshtein's distance with swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["autostart", "autorestart", "startsecs", "user"];

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        assert_eq!(nearest("autostrat", NAMES), Some("autostart"));
        assert_eq!(nearest("autostar", NAMES), Some("autostart"));
        assert_eq!(nearest("auto_restart", NAMES), Some("autorestart"));
        assert_eq!(nearest("usr", NAMES), Some("user"));
    }

    #[test]
    fn what_resembles_nothing_gets_no_suggestion() {
        assert_eq!(nearest("memory_limit", NAMES), None);
        assert_eq!(nearest("", NAMES), None);
        assert_eq!(nearest(&"x".repeat(1000), NAMES), None);
    }
}
