//! What is changed in a specification that is there, and what is not, whatever others do meanwhile.

use std::collections::BTreeMap;
use std::thread;

use rustix::fs::{FlockOperation, Gid, Uid, chown, flock};

use super::others::found_meanwhile;
use super::*;
use crate::kernelspec::store::Change;
use crate::layout::{OPTIONS, REPLACING};

const SCRIPT: &str = "scripts/x";

/// A change of a file to another text.
fn to(path: &str, old: Option<&str>, new: &str) -> Change {
    Change { path: path.into(), old: old.map(str::to_owned), new: Some(new.to_owned()) }
}

/// What the system says of everything in a directory, and of itself, but of `kernel.json`.
fn untouched(directory: &Path) -> BTreeMap<PathBuf, (u64, u32, u32, u32)> {
    let (files, directories) = super::super::files::walk(&Directory::open(directory).unwrap());
    let paths = files.into_iter().chain(directories).chain([PathBuf::new()]);
    let paths = paths.filter(|path| path != Path::new(KERNEL_JSON));
    paths
        .map(|path| {
            let metadata = fs::symlink_metadata(directory.join(&path)).unwrap();
            (path, (metadata.ino(), metadata.mode(), metadata.uid(), metadata.gid()))
        })
        .collect()
}

#[test]
fn nothing_but_the_files_that_are_named_is_touched() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("kernels/k");
    install(&place, &tree("1", &[SCRIPT]), false).unwrap();
    fs::create_dir(place.join("empty")).unwrap();
    symlink("/nowhere", place.join("link")).unwrap();
    fs::write(place.join("empty/.hidden"), "mine").unwrap();
    let of_others = std::fs::Permissions::from_mode;
    fs::set_permissions(place.join("empty"), of_others(0o500)).unwrap();
    fs::set_permissions(&place, of_others(0o2750)).unwrap();
    fs::set_permissions(place.join(KERNEL_JSON), of_others(0o600)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        let (owner, group) = (Some(Uid::from_raw(4321)), Some(Gid::from_raw(4322)));
        chown(place.join(KERNEL_JSON), owner, group).unwrap();
    }
    let before = untouched(&place);
    let unchanged = Change { path: SCRIPT.into(), old: Some("1".into()), new: Some("1".into()) };
    change(&place, &[unchanged, to(KERNEL_JSON, Some("1"), "2")]).unwrap();
    assert_eq!(untouched(&place), before);
    assert_eq!(fs::read_to_string(place.join(KERNEL_JSON)).unwrap(), "2");
    assert_eq!(mode(&place.join(KERNEL_JSON)), 0o600);
    let metadata = fs::metadata(place.join(KERNEL_JSON)).unwrap();
    let root = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let owner = if is_root { (4321, 4322) } else { root };
    assert_eq!((metadata.uid(), metadata.gid()), owner);
    fs::set_permissions(place.join("empty"), of_others(0o700)).unwrap();
}

#[test]
fn what_somebody_else_has_done_meanwhile_is_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let kernels = root.path().join("kernels");
    let place = kernels.join("k");
    let both = [to(SCRIPT, Some("1"), "2"), to(KERNEL_JSON, Some("1"), "2")];
    let other = Change { path: "new".into(), old: None, new: None };
    for (path, changes) in [
        (KERNEL_JSON, &both[..]),
        (SCRIPT, &both[..]),
        // One that was not there, and is not to be either.
        ("new", &[other, to(KERNEL_JSON, Some("1"), "2")]),
        ("new", &[to("new", None, "2"), to(KERNEL_JSON, Some("1"), "2")]),
    ] {
        install(&place, &tree("1", &[SCRIPT]), true).unwrap();
        fs::write(place.join(path), "another's").unwrap();
        let before = content(&kernels);
        let error = format!("{:#}", change(&place, changes).unwrap_err());
        let expected = format!("somebody has changed `{path}` meanwhile; run the command again");
        assert!(error.ends_with(&expected), "{error}");
        assert_eq!(content(&kernels), before, "{path}");
    }
    remove(std::slice::from_ref(&place)).unwrap();
    let error = format!("{:#}", change(&place, &both).unwrap_err());
    assert!(error.contains("No such file or directory"), "{error}");
    assert_eq!(fs::read_dir(&kernels).unwrap().count(), 0);
}

#[test]
fn what_turns_out_to_be_anothers_is_put_back() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("k");
    install(&place, &tree("another's", &[]), false).unwrap();
    // It was looked at, and then changed. The second has no such exchange.
    for exchange in [true, false] {
        let mut stagings = Stagings::default();
        let mut journal = Journal::default();
        let staging = stagings.of(&place).unwrap();
        let (staged, target) =
            (staging.at("0"), staging.kernels().at(Path::new("k").join(KERNEL_JSON)));
        fs::write(staged.shown(), "new").unwrap();
        let wanted = to(KERNEL_JSON, Some("as it was"), "new");
        let result = if exchange {
            change::put(&staged, &target, &wanted, staging, &mut journal)
        } else {
            change::put_over(&staged, &target, &wanted, staging, &mut journal)
        };
        stagings.end(journal, result).unwrap_err();
        assert_eq!(fs::read_to_string(place.join(KERNEL_JSON)).unwrap(), "another's");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
    // It is there, or gone, only by then.
    for (path, old) in [(KERNEL_JSON, None), ("none", Some("as it was"))] {
        let mut stagings = Stagings::default();
        let mut journal = Journal::default();
        let staging = stagings.of(&place).unwrap();
        let (staged, target) = (staging.at("0"), staging.kernels().at(Path::new("k").join(path)));
        fs::write(staged.shown(), "new").unwrap();
        let result = change::put(&staged, &target, &to(path, old, "new"), staging, &mut journal);
        let error = format!("{:#}", stagings.end(journal, result).unwrap_err());
        assert!(error.starts_with(&format!("somebody has changed `{path}`")), "{error}");
        assert_eq!(fs::read_to_string(place.join(KERNEL_JSON)).unwrap(), "another's");
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
    }
    let mut stagings = Stagings::default();
    let mut journal = Journal::default();
    let staging = stagings.of(&place).unwrap();
    let (staged, target) =
        (staging.at("0"), staging.kernels().at(Path::new("k").join(KERNEL_JSON)));
    fs::write(staged.shown(), "new").unwrap();
    let wanted = to(KERNEL_JSON, Some("another's"), "new");
    let result = change::put_over(&staged, &target, &wanted, staging, &mut journal);
    stagings.end(journal, result).unwrap();
    assert_eq!(fs::read_to_string(place.join(KERNEL_JSON)).unwrap(), "new");
}

#[test]
fn of_many_changes_at_once_none_is_lost() {
    const EACH: u64 = 20;
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("k");
    install(&place, &tree("0", &[]), false).unwrap();
    let count = || {
        let text = read(&place, Path::new(KERNEL_JSON)).unwrap().unwrap();
        (text.clone(), text.parse::<u64>().unwrap() + 1)
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    loop {
                        let (old, next) = count();
                        match change(&place, &[to(KERNEL_JSON, Some(&old), &next.to_string())]) {
                            Ok(()) => break,
                            Err(error) => {
                                let error = format!("{error:#}");
                                assert!(error.ends_with("run the command again"), "{error}");
                            }
                        }
                    }
                }
            });
        }
    });
    assert_eq!(count().0, (4 * EACH).to_string());
}

#[test]
fn one_that_is_at_it_is_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("k");
    install(&place, &tree("1", &[]), false).unwrap();
    let mark = fs::File::create(place.join(files::CHANGING)).unwrap();
    flock(&mark, FlockOperation::LockExclusive).unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| change(&place, &[to(KERNEL_JSON, Some("1"), "3")]));
        // It waits when it has the mark open, too.
        let is_mark = |file: &Path| {
            fs::read_link(file)
                .is_ok_and(|path| path.ends_with(files::CHANGING) && path.starts_with(&place))
        };
        let open = || {
            fs::read_dir("/proc/self/fd")
                .unwrap()
                .flatten()
                .filter(|file| is_mark(&file.path()))
                .count()
        };
        while open() < 2 && !waits.is_finished() {
            thread::yield_now();
        }
        fs::write(place.join(KERNEL_JSON), "2").unwrap();
        fs::remove_file(place.join(files::CHANGING)).unwrap();
        drop(mark);
        let error = format!("{:#}", waits.join().unwrap().unwrap_err());
        assert!(error.contains("somebody has changed `kernel.json` meanwhile"), "{error}");
    });
    assert_eq!(content(&place), [(KERNEL_JSON.to_owned(), "2".to_owned())]);
}

#[test]
fn a_launcher_finds_both_files_as_they_were_or_as_they_are() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("kernels/k");
    install(&place, &others::numbered(300), true).unwrap();
    let options = format!("scripts/{OPTIONS}");
    let found = found_meanwhile(&place, |number| {
        let changes = others::numbered(number).into_iter().map(|file| {
            let Content::Bytes(bytes) = file.content else { panic!("no text") };
            let old = read(&place, &file.path).unwrap();
            Change { path: file.path, old, new: String::from_utf8(bytes.into_owned()).ok() }
        });
        change(&place, &changes.collect::<Vec<_>>()).unwrap();
    });
    assert!(found.len() > 3 && !found.contains(&0), "{found:?}");
    assert_eq!(files(&place), [KERNEL_JSON.into(), options.into()].into());
}

#[test]
fn what_a_killed_change_has_left_is_in_nobodys_way() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("k");
    install(&place, &tree("1", &[]), false).unwrap();
    fs::write(place.join(files::CHANGING), "").unwrap();
    assert_eq!(added_by_user(&place, &[]), None);
    // Also where it fails.
    change(&place, &[to(KERNEL_JSON, Some("0"), "2")]).unwrap_err();
    assert!(!place.join(files::CHANGING).exists());
    fs::write(place.join(files::CHANGING), "").unwrap();
    change(&place, &[to(KERNEL_JSON, Some("1"), "2")]).unwrap();
    assert!(!place.join(files::CHANGING).exists() && !place.join(REPLACING).exists());
    // What is half replaced stays so.
    fs::write(place.join(REPLACING), "").unwrap();
    change(&place, &[to(KERNEL_JSON, Some("2"), "1")]).unwrap();
    assert!(place.join(REPLACING).exists());
    fs::write(place.join(files::CHANGING), "").unwrap();
    assert_eq!(install(&place, &tree("3", &[]), true).unwrap(), Outcome::Replaced);
    assert!(!place.join(files::CHANGING).exists());
}

#[test]
fn no_link_is_followed() {
    let root = tempfile::tempdir().unwrap();
    let (place, elsewhere) = (root.path().join("k"), root.path().join("elsewhere"));
    install(&place, &tree("1", &[]), false).unwrap();
    fs::write(&elsewhere, "1").unwrap();
    fs::remove_file(place.join(KERNEL_JSON)).unwrap();
    symlink(&elsewhere, place.join(KERNEL_JSON)).unwrap();
    read(&place, Path::new(KERNEL_JSON)).unwrap_err();
    change(&place, &[to(KERNEL_JSON, Some("1"), "2")]).unwrap_err();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "1");
    let link = root.path().join("l");
    symlink(&place, &link).unwrap();
    read(&link, Path::new(KERNEL_JSON)).unwrap_err();
    change(&link, &[to("new", None, "2")]).unwrap_err();
    assert!(!place.join("new").exists() && !place.join(files::CHANGING).exists());
}
