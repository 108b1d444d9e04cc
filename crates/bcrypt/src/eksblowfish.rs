//! The expensive part of bcrypt: Blowfish's key schedule, run 2^cost times.
//!
//! One round waits for four table look-ups of the round before, so that a single hash leaves most of a processor idle.
//! `N` hashes of the same cost are therefore computed in step; their rounds know nothing of each other and fill the
//! gaps. Four take little longer than one (`docs/decisions/0003-bcrypt.md`).

#![expect(clippy::inline_always, reason = "a call per round would cost as much as the round")]
#![expect(clippy::needless_range_loop, reason = "a lane's number indexes several arrays at once")]

use crate::pi;
use zeroize::Zeroize;

/// One word for each of the hashes computed in step.
type Words<const N: usize> = [u32; N];

/// What the subkeys are rotated by while they are kept; see [`Schedule::encrypt`].
const ROTATION: u32 = 8;

/// Eighteen words, rotated as the subkeys are: something that is mixed into them.
pub(crate) struct Mixture<const N: usize>([Words<N>; 18]);

impl<const N: usize> Mixture<N> {
    /// Repeats each hash's bytes until there are enough of them.
    pub(crate) fn new<'a>(bytes: impl Fn(usize) -> &'a [u8]) -> Self {
        let mut words = [[0; N]; 18];
        for lane in 0..N {
            let mut endless = bytes(lane).iter().cycle();
            for word in &mut words {
                word[lane] = u32::from_be_bytes(std::array::from_fn(|_| endless.next().copied().unwrap_or_default()))
                    .rotate_left(ROTATION);
            }
        }
        Self(words)
    }

    fn word(&self, index: usize) -> Words<N> {
        self.0[index].map(|word| word.rotate_right(ROTATION))
    }
}

impl<const N: usize> Drop for Mixture<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The state of `N` ciphers.
pub(crate) struct Schedule<const N: usize> {
    subkeys: [Words<N>; 18],
    boxes: [[[u32; 256]; 4]; N],
}

impl<const N: usize> Schedule<N> {
    /// The state that pi gives, with salt and key mixed in once.
    pub(crate) fn new(salt: &Mixture<N>, key: &Mixture<N>) -> Self {
        let subkeys = pi::SUBKEYS.map(|word| [word.rotate_left(ROTATION); N]);
        let mut schedule = Self { subkeys, boxes: [pi::BOXES; N] };
        let salt: [Words<N>; 4] = std::array::from_fn(|index| salt.word(index));
        schedule.mix(key);
        schedule.replace(|block, [left, right]| {
            let at = if block % 2 == 0 { 0 } else { 2 };
            (xor(left, salt[at]), xor(right, salt[at + 1]))
        });
        schedule
    }

    /// Mixes in key and salt once more: the step that is repeated.
    #[inline(never)]
    pub(crate) fn again(&mut self, salt: &Mixture<N>, key: &Mixture<N>) {
        for mixture in [key, salt] {
            self.mix(mixture);
            self.replace(|_, [left, right]| (left, right));
        }
    }

    fn mix(&mut self, mixture: &Mixture<N>) {
        for (subkey, word) in self.subkeys.iter_mut().zip(&mixture.0) {
            *subkey = xor(*subkey, *word);
        }
    }

    /// Replaces the whole state by a chain of encryptions, each of which reads what those before it have written.
    #[inline(always)]
    fn replace(&mut self, before: impl Fn(usize, [Words<N>; 2]) -> (Words<N>, Words<N>)) {
        let (mut left, mut right) = ([0; N], [0; N]);
        for block in 0..9 {
            (left, right) = before(block, [left, right]);
            (left, right) = self.encrypt(left, right);
            self.subkeys[2 * block] = left.map(|word| word.rotate_left(ROTATION));
            self.subkeys[2 * block + 1] = right.map(|word| word.rotate_left(ROTATION));
        }
        for table in 0..4 {
            for pair in 0..128 {
                (left, right) = before(9 + pair, [left, right]);
                (left, right) = self.encrypt(left, right);
                for lane in 0..N {
                    self.boxes[lane][table][2 * pair] = left[lane];
                    self.boxes[lane][table][2 * pair + 1] = right[lane];
                }
            }
        }
    }

    /// Encrypts one block of each hash.
    ///
    /// A half and its subkey can be joined while the look-ups are still under way. The compiler would rather join the
    /// look-up's result with the subkey first, which puts a second operation onto the path that everything waits for (7 %
    /// of the whole). It cannot where the two are joined in rotated form: that is why subkeys are kept rotated.
    #[inline(always)]
    pub(crate) fn encrypt(&self, mut left: Words<N>, mut right: Words<N>) -> (Words<N>, Words<N>) {
        let subkeys = &self.subkeys;
        let joined = |half: u32, index: usize, lane: usize| {
            (half.rotate_left(ROTATION) ^ subkeys[index][lane]).rotate_right(ROTATION)
        };
        macro_rules! rounds {
            ($($round:literal)*) => { $(
                for lane in 0..N {
                    right[lane] = scramble(&self.boxes[lane], left[lane]) ^ joined(right[lane], $round, lane);
                }
                for lane in 0..N {
                    left[lane] = scramble(&self.boxes[lane], right[lane]) ^ joined(left[lane], $round + 1, lane);
                }
            )* };
        }
        for lane in 0..N {
            left[lane] = joined(left[lane], 0, lane);
        }
        rounds!(1 3 5 7 9 11 13 15);
        for lane in 0..N {
            right[lane] = joined(right[lane], 17, lane);
        }
        (right, left)
    }
}

impl<const N: usize> Drop for Schedule<N> {
    fn drop(&mut self) {
        self.subkeys.zeroize();
        self.boxes.zeroize();
    }
}

/// Blowfish's F: indices are bytes, so that no bound needs to be checked.
#[expect(clippy::cast_possible_truncation, reason = "a byte is wanted")]
#[inline(always)]
fn scramble(boxes: &[[u32; 256]; 4], word: u32) -> u32 {
    let byte = |shift: u32| usize::from((word >> shift) as u8);
    (boxes[0][byte(24)].wrapping_add(boxes[1][byte(16)]) ^ boxes[2][byte(8)]).wrapping_add(boxes[3][byte(0)])
}

#[inline(always)]
fn xor<const N: usize>(mut one: Words<N>, other: Words<N>) -> Words<N> {
    for (word, with) in one.iter_mut().zip(other) {
        *word ^= with;
    }
    one
}
