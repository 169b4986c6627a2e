//! Archives changed at random: they unpack inside, or not at all.

use proptest::prelude::*;

use super::zip::{zip, zipped};
use super::*;

/// Sound archives, to be changed.
fn samples() -> Vec<Vec<u8>> {
    let tar = sample();
    let files = [
        zipped(b"p/a", 0o100_644, b"A"),
        zipped(b"p/l", 0o120_777, b"a"),
    ];
    vec![
        gzip(&tar),
        xz(&tar),
        pack::compress(&tar).unwrap(),
        zip(&files),
        tar,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Catches panics, endless loops, and files outside of the directory.
    #[test]
    fn changed_archives_unpack_inside_or_not_at_all(
        which in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        is_sealed in any::<bool>(),
        length in any::<prop::sample::Index>(),
        is_cut in prop::bool::weighted(0.2),
    ) {
        let mut bytes = samples().swap_remove(which);
        for (place, byte) in &changes {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
        if which == 4 && is_sealed {
            for block in bytes.chunks_exact_mut(512) {
                if let Ok(block) = <&mut [u8; 512]>::try_from(block)
                    && block[257..262] == *b"ustar"
                {
                    *block = sealed(*block);
                }
            }
        }
        if is_cut {
            bytes.truncate(length.index(bytes.len()));
        }
        let limits = Limits { bytes: 1 << 20, entries: 100, ratio: 1_000 };
        let _ = Place::new().unpack(&bytes, limits, Strip::Components(0));
    }

    #[test]
    fn names_made_of_dangerous_parts_stay_inside(
        entries in prop::collection::vec(
            (prop::sample::select(vec![b'0', b'1', b'2', b'5']), "(a|b|\\.\\.|\\.|/){1,6}", "(a|b|\\.\\.|\\.|/){1,6}"),
            1..8,
        ),
    ) {
        let entries: Vec<_> = entries
            .iter()
            .map(|(kind, name, target)| entry(*kind, name.as_bytes(), target.as_bytes(), 0o644, b""))
            .collect();
        let place = Place::new();
        if place.unpack(&archive(&entries), Limits::default(), Strip::Top).is_ok() {
            let inside = fs::canonicalize(&place.inside()).unwrap();
            for path in walkdir::WalkDir::new(&inside) {
                let path = path.unwrap().into_path();
                if let Ok(resolved) = fs::canonicalize(&path) {
                    prop_assert!(resolved.starts_with(&inside), "{path:?}");
                }
            }
        }
    }
}
