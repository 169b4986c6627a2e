//! Zip archives, byte by byte.

use super::*;

/// One file of a zip archive, byte by byte. `mode`: Unix.
pub(super) struct Zipped<'a> {
    name: &'a [u8],
    mode: u32,
    content: &'a [u8],
    /// What the directory says of the size.
    size: usize,
}

pub(super) fn zipped<'a>(name: &'a [u8], mode: u32, content: &'a [u8]) -> Zipped<'a> {
    let size = content.len();
    Zipped {
        name,
        mode,
        content,
        size,
    }
}

pub(super) fn zip(files: &[Zipped<'_>]) -> Vec<u8> {
    let (mut bytes, mut central) = (Vec::new(), Vec::new());
    for file in files {
        let mut crc = flate2::Crc::new();
        crc.update(file.content);
        let mut common = Vec::new();
        common.extend([20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0]);
        common.extend(crc.sum().to_le_bytes());
        common.extend((file.content.len() as u32).to_le_bytes());
        common.extend((file.size as u32).to_le_bytes());
        common.extend((file.name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        let offset = bytes.len() as u32;
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend(file.name);
        bytes.extend(file.content);
        central.extend(b"PK\x01\x02\x14\x03");
        central.extend(&common);
        central.extend([0; 6]);
        central.extend((file.mode << 16).to_le_bytes());
        central.extend(offset.to_le_bytes());
        central.extend(file.name);
    }
    let start = bytes.len() as u32;
    bytes.extend(&central);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(
        [
            (files.len() as u16).to_le_bytes(),
            (files.len() as u16).to_le_bytes(),
        ]
        .concat(),
    );
    bytes.extend((central.len() as u32).to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// Catches what zip does differently: modes, links as content, two places for each name.
#[test]
fn zip_unpacks_under_the_same_rules() {
    let place = Place::new();
    let good = zip(&[
        zipped(b"p/", 0o040_755, b""),
        zipped(b"p/a", 0o100_644, b"A"),
        zipped(b"p/x", 0o100_755, b"X"),
        zipped(b"p/l", 0o120_777, b"a"),
    ]);
    place.unpack(&good, Limits::default(), Strip::Top).unwrap();
    assert_eq!(place.listing(), ["f a A", "l l a", "x x X"]);

    let one = |name: &[u8], mode: u32, content: &[u8]| zip(&[zipped(name, mode, content)]);
    let mut other_name = good.clone();
    other_name[30] = b'q';
    let lying = zip(&[Zipped {
        size: 1,
        ..zipped(b"a", 0o100_644, b"four")
    }]);
    let mut changed = one(b"a", 0o100_644, b"four");
    changed[32] = b'!';
    for (bytes, expected) in [
        (
            one(b"../a", 0o100_644, b""),
            "`../a` leads out of the archive by `..`",
        ),
        (one(b"/a", 0o100_644, b""), "`/a` is an absolute path"),
        (
            one(b"..\\a", 0o100_644, b""),
            "`..\\\\a` has a `\\` in its name, which zip does not allow",
        ),
        (one(b"d", 0o060_644, b""), "`d` is a device or a pipe"),
        (
            one(b"l", 0o120_777, b"../x"),
            "`l` is a link to `../x`, which leads out of the archive",
        ),
        (
            zip(&[zipped(b"a", 0o100_644, b"1"), zipped(b"a", 0o120_777, b"x")]),
            "it has two entries of one name",
        ),
        (
            zip(&[
                zipped(b"a", 0o100_644, b"1"),
                zipped(b"./a", 0o100_644, b"x"),
            ]),
            "`a` is in the archive twice",
        ),
        (
            [good.clone(), b"rubbish".to_vec()].concat(),
            "something follows its end",
        ),
    ] {
        assert_eq!(complaint(&bytes), expected);
    }
    for damaged in [lying, changed, other_name, good[..good.len() - 30].to_vec()] {
        let complaint = complaint(&damaged);
        assert!(
            complaint.contains("damaged") || complaint.contains("larger"),
            "{complaint}"
        );
    }
}
