//! Chance that repeats: a small generator, and numbers that depend on nothing but what they are for.

/// splitmix64.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same for the same seed and purpose, whatever else was rolled: deleting a step of a
    /// script leaves what the others do as it was.
    pub fn of(seed: u64, purpose: &str, number: u64) -> Dice {
        let bytes = [seed, number].into_iter().flat_map(u64::to_le_bytes).chain(purpose.bytes());
        // FNV-1a: the standard library's hasher may become another, and stored seeds with it.
        let hash = bytes.fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Dice(hash)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.roll(items.len() as u64) as usize]
    }

    /// An index, each as often as its weight says; the weights are not all 0.
    pub fn weighed(&mut self, weights: &[u64]) -> usize {
        let mut at = self.roll(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if at < *weight {
                return index;
            }
            at -= weight;
        }
        weights.len() - 1
    }
}
