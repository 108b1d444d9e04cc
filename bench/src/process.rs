//! What processes have used, read from `/proc`.
//!
//! CPU time is that of a whole tree, children that ended included, because a server may well let others work for it.
//! The kernel counts in clock ticks (10 ms as a rule): scenarios repeat until a tick no longer matters.

use std::fs;

use anyhow::{Context as _, Result};

/// Whose CPU time is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A process, all of its process group, and all descendants.
    Tree(i32),
    /// Every process of this name.
    Named(String),
}

impl Subject {
    /// CPU milliseconds used so far, user and system.
    pub(crate) fn cpu_ms(&self) -> Result<f64> {
        let all = processes()?;
        let ticks: u64 = match self {
            Subject::Tree(root) => tree(&all, *root).iter().map(|p| p.ticks).sum(),
            Subject::Named(name) => all.iter().filter(|p| p.name == *name).map(|p| p.ticks).sum(),
        };
        Ok(crate::measure::float(ticks) * 1000.0 / crate::measure::float(rustix::param::clock_ticks_per_second()))
    }
}

/// Resident memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// The most there ever was since [`reset_peak`].
    pub(crate) peak: u64,
    pub(crate) now: u64,
}

/// The memory of a process and its tree, each process's peak counted as if they came at once.
pub(crate) fn memory(root: i32) -> Result<Memory> {
    let all = processes()?;
    let mut sum = Memory::default();
    for process in tree(&all, root) {
        // A process may end between the two looks.
        if let Ok(status) = fs::read_to_string(format!("/proc/{}/status", process.pid)) {
            let one = parse_status(&status);
            sum.peak += one.peak;
            sum.now += one.now;
        }
    }
    Ok(sum)
}

/// Lets the peak start again from what is resident now. Where the kernel refuses, the peak stays that of the process.
pub(crate) fn reset_peak(root: i32) -> Result<()> {
    for process in tree(&processes()?, root) {
        let _ = fs::write(format!("/proc/{}/clear_refs", process.pid), "5");
    }
    Ok(())
}

/// Bytes of the program that a process runs.
pub(crate) fn program_size(pid: i32) -> Result<u64> {
    Ok(fs::metadata(format!("/proc/{pid}/exe")).context("the program of the server")?.len())
}

#[derive(Debug, PartialEq, Eq)]
struct Process {
    pid: i32,
    name: String,
    parent: i32,
    group: i32,
    ticks: u64,
}

fn processes() -> Result<Vec<Process>> {
    let entries = fs::read_dir("/proc").context("the bench needs /proc")?;
    Ok(entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        .filter_map(|entry| parse_stat(&fs::read_to_string(entry.path().join("stat")).ok()?))
        .collect())
}

fn tree(all: &[Process], root: i32) -> Vec<&Process> {
    let (mut found, mut rest): (Vec<&Process>, Vec<&Process>) =
        all.iter().partition(|p| p.pid == root || p.group == root);
    loop {
        let (children, others): (Vec<&Process>, Vec<&Process>) =
            rest.into_iter().partition(|p| found.iter().any(|f| f.pid == p.parent));
        if children.is_empty() {
            return found;
        }
        found.extend(children);
        rest = others;
    }
}

/// One `/proc/*/stat`. The name stands in parentheses and may itself hold blanks and parentheses.
fn parse_stat(stat: &str) -> Option<Process> {
    let (before, after) = stat.rsplit_once(')')?;
    let (pid, name) = before.split_once('(')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    // utime, stime, cutime and cstime: children that were waited for live on in their parent's count.
    let ticks = fields.get(11..15)?.iter().map(|f| f.parse::<u64>()).sum::<Result<u64, _>>().ok()?;
    Some(Process {
        pid: pid.trim().parse().ok()?,
        name: name.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        ticks,
    })
}

fn parse_status(status: &str) -> Memory {
    let kilobytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Memory { peak: kilobytes("VmHWM:").unwrap_or(0) * 1024, now: kilobytes("VmRSS:").unwrap_or(0) * 1024 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32, group: i32) -> Process {
        Process { pid, name: "x".to_owned(), parent, group, ticks: 1 }
    }

    #[test]
    fn stat_is_read_past_an_odd_name() {
        let stat = "42 (a) b (c)) S 7 40 40 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 9 0 1 2 3";
        let expected = Process { pid: 42, name: "a) b (c)".to_owned(), parent: 7, group: 40, ticks: 127 };
        assert_eq!(parse_stat(stat), Some(expected));
        assert_eq!(parse_stat("42 (short) S 7"), None);
    }

    #[test]
    fn a_tree_holds_descendants_and_the_group() {
        let all = [process(9, 8, 9), process(5, 1, 5), process(6, 5, 6), process(7, 6, 7), process(8, 1, 5)];
        let mut pids: Vec<i32> = tree(&all, 5).iter().map(|p| p.pid).collect();
        pids.sort_unstable();
        assert_eq!(pids, [5, 6, 7, 8, 9]);
        assert_eq!(tree(&all, 6).len(), 2);
    }

    #[test]
    fn status_counts_in_kilobytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(parse_status(status), Memory { peak: 2 << 20, now: 1 << 20 });
    }
}
