//! Which file systems tell all their changes: those that only this machine writes to.

use std::path::Path;

/// Those that do, by the number that `statfs` gives (`linux/magic.h`). All others do not: what another machine, or the
/// process behind them, changes is not told.
const LOCAL: [i64; 22] = [
    0xEF53,      // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683E, // btrfs
    0xCA45_1A4E, // bcachefs
    0x0102_1994, // tmpfs
    0x8584_58F6, // ramfs
    0x794C_7630, // overlay
    0x2FC1_2FC1, // zfs
    0xF2F5_2010, // f2fs
    0x5265_4973, // reiserfs
    0x3153_464A, // jfs
    0x3434,      // nilfs2
    0x2405_1905, // ubifs
    0x72B6,      // jffs2
    0x7371_7368, // squashfs
    0xE0F5_E1E2, // erofs
    0x28CD_3D45, // cramfs
    0x9660,      // iso9660
    0x1501_3346, // udf
    0x4D44,      // fat
    0x2011_BAB0, // exfat
    0x7366_746E, // ntfs3
];

/// Those that people have, for messages.
const NAMES: [(i64, &str); 9] = [
    (0x6969, "nfs"),
    (0x517B, "smb"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "fuse"),
    (0x00C3_6400, "ceph"),
    (0x5346_414F, "afs"),
    (0x786F_4256, "vboxsf"),
];

/// The name of the file system at a directory if it does not tell all its changes; `None`: it does, or nothing is there.
pub fn untold(directory: &Path) -> Option<String> {
    let status = rustix::fs::statfs(directory).ok()?;
    #[allow(
        clippy::useless_conversion,
        reason = "the type of the field differs between architectures"
    )]
    name_if_untold(i64::from(status.f_type))
}

fn name_if_untold(kind: i64) -> Option<String> {
    if LOCAL.contains(&kind) {
        return None;
    }
    let known = NAMES.iter().find(|(number, _)| *number == kind);
    Some(known.map_or_else(
        || format!("file system {kind:#x}"),
        |(_, name)| (*name).to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a file system of other machines, or one that nobody knows, that is believed.
    #[test]
    fn only_what_is_known_to_be_local_is_believed() {
        for kind in LOCAL {
            assert_eq!(name_if_untold(kind), None);
        }
        for (kind, name) in NAMES {
            assert_eq!(name_if_untold(kind).as_deref(), Some(name));
        }
        assert_eq!(name_if_untold(0x77).as_deref(), Some("file system 0x77"));
        assert!(untold(Path::new("/proc")).is_some());
    }
}
