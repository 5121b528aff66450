//! What other processes do at the same time, or have left: launchers that start, installers that are faster
//! or were killed, people who put files there, and those who may only read.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, XattrFlags, flock, setxattr};
use rustix::io::Errno;

use super::*;
use crate::kernelspec::store::Change;
use crate::launcher::spec::InstalledSpec;
use crate::layout::{OPTIONS, REPLACING, STAGING};

/// A specification of which `kernel.json` and the options say the same number.
pub(super) fn numbered(number: u64) -> Vec<File> {
    let kernel_json = format!(
        r#"{{"metadata": {{"kernel_provisioner": {{"config": {{"launch_timeout": {number}}}}}}}}}"#
    );
    let file = |path: &str, text: String| File {
        path: path.into(),
        content: Content::Bytes(text.into_bytes().into()),
        executable: false,
    };
    let options = file(&format!("scripts/{OPTIONS}"), format!("mem_limit = \"{number}\"\n"));
    vec![options, file(KERNEL_JSON, kernel_json)]
}

/// What launchers find that start while `change` is done with numbers from 1 on: 0 is an empty specification.
/// Whether it is changed file by file, the two numbers that one finds are the same.
pub(super) fn found_meanwhile(place: &Path, mut change: impl FnMut(u64) + Send) -> BTreeSet<u64> {
    let launcher = place.join("scripts/launch_docker");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=300 {
                change(number);
            }
            over.store(true, Ordering::Relaxed);
        });
        let mut found = BTreeSet::new();
        while !over.load(Ordering::Relaxed) {
            let Ok(spec) = InstalledSpec::of_process(&launcher, &launcher) else { continue };
            let limit = spec.options.get("mem_limit").map(|node| format!("{:?}", node.value));
            let timeout = spec.launch_timeout().map(|number| format!("Text({number:?})"));
            assert_eq!(limit, timeout);
            found.insert(spec.launch_timeout().map_or(0, |number| number.parse().unwrap()));
        }
        found
    })
}

#[test]
fn a_launcher_finds_the_old_or_the_new_specification_or_none() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("kernels/k");
    let found = found_meanwhile(&place, |number| {
        install(&place, &numbered(number), true).unwrap();
        if number % 3 == 0 {
            remove(std::slice::from_ref(&place)).unwrap();
        }
    });
    assert!(found.len() > 3 && !found.contains(&0), "{found:?}");
}

#[test]
fn a_launcher_finds_all_of_one_also_where_files_are_replaced_one_by_one() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("kernels/k");
    install(&place, &numbered(300), true).unwrap();
    let found = found_meanwhile(&place, |number| {
        let staging = Staging::create(&root.path().join("kernels"), "").unwrap();
        let (staged, tree) = (staging.at("0"), numbered(number));
        Writer::default().write_all(&staged, &tree).unwrap();
        let mut journal = Journal::default();
        merge::merge(&staged, &spot(&place), &replacing(&place, &tree), &mut journal).unwrap();
        // Half of them are put back.
        if number % 2 == 0 {
            journal.commit();
        } else {
            assert!(journal.undo());
        }
        staging.finish();
    });
    assert!(found.len() > 3 && !found.contains(&0), "{found:?}");
    assert!(!place.join(REPLACING).exists());
}

#[test]
fn what_was_half_replaced_is_marked_until_it_is_replaced() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("k");
    install(&place, &numbered(1), true).unwrap();
    fs::write(place.join(REPLACING), "").unwrap();
    // The mark is of no interest to people, and none of their files.
    assert_eq!(added_by_user(&place, &[]), None);
    let staged = root.path().join("staging/0");
    fs::create_dir(root.path().join("staging")).unwrap();
    for (number, commits, is_marked) in [(2, false, true), (3, true, false)] {
        let tree = numbered(number);
        let _ = fs::remove_dir_all(&staged);
        let _ = fs::remove_dir_all(root.path().join("staging/old"));
        Writer::default().write_all(&spot(&staged), &tree).unwrap();
        let mut journal = Journal::default();
        let job = replacing(&place, &tree);
        merge::merge(&spot(&staged), &spot(&place), &job, &mut journal).unwrap();
        if commits {
            journal.commit();
        } else {
            assert!(journal.undo());
        }
        assert_eq!(place.join(REPLACING).exists(), is_marked, "{number}");
    }
    assert_eq!(content(&place).len(), 2);
    fs::write(place.join(REPLACING), "").unwrap();
    assert_eq!(install(&place, &numbered(4), true).unwrap(), Outcome::Replaced);
    assert_eq!(content(&place).len(), 2);
    // Nothing else is there yet.
    fs::remove_dir_all(&place).unwrap();
    fs::create_dir(&place).unwrap();
    fs::write(place.join(REPLACING), "").unwrap();
    assert_eq!(install(&place, &numbered(5), false).unwrap(), Outcome::Replaced);
    assert_eq!(content(&place).len(), 2);
}

#[test]
fn of_two_that_may_not_replace_anything_one_installs() {
    let root = tempfile::tempdir().unwrap();
    for round in 0..100 {
        let place = root.path().join(round.to_string());
        fs::create_dir(&place).unwrap();
        let barrier = Barrier::new(2);
        let outcomes: Vec<Result<Outcome>> = thread::scope(|scope| {
            let one = |version| {
                let (barrier, place) = (&barrier, &place);
                scope.spawn(move || {
                    barrier.wait();
                    install(place, &tree(version, &["x"]), false)
                })
            };
            let both = ["1", "2"].map(one);
            both.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<usize> = (0..2).filter(|number| outcomes[*number].is_ok()).collect();
        assert_eq!(won.len(), 1, "{outcomes:?}");
        let version = ["1", "2"][won[0]].to_owned();
        assert_eq!(content(&place)[0], (KERNEL_JSON.to_owned(), version));
        let error = outcomes.into_iter().find_map(Result::err).unwrap();
        assert!(format!("{error:#}").contains("A kernel specification exists"), "{error:#}");
    }
}

#[test]
fn an_empty_directory_is_put_back() {
    let root = tempfile::tempdir().unwrap();
    let (empty, taken) = (root.path().join("a"), root.path().join("b"));
    fs::create_dir(&empty).unwrap();
    fs::set_permissions(&empty, std::fs::Permissions::from_mode(0o750)).unwrap();
    fs::write(&taken, "in the way").unwrap();
    let jobs = [&empty, &taken]
        .map(|destination| Job { replace: false, ..replacing(destination, &tree("1", &[])) });
    super::super::install(&jobs).unwrap_err();
    assert_eq!(mode(&empty), 0o750);
    assert_eq!(content(root.path()), [("b".to_owned(), "in the way".to_owned())]);
}

#[test]
fn what_somebody_has_put_in_the_place_of_what_was_being_removed_stays() {
    let root = tempfile::tempdir().unwrap();
    let kernels = root.path().join("kernels");
    let place = kernels.join("k");
    // Killed after it was moved away, or had lost its first two files in its place.
    for in_place in [false, true] {
        install(&place, &tree("1", &["scripts/x", "y"]), false).unwrap();
        let staging = kernels.join(format!("{STAGING}aBcDeF,removes=k"));
        fs::create_dir(&staging).unwrap();
        if in_place {
            let directory = Directory::open(&place).unwrap();
            fs::create_dir(staging.join(merge::OLD)).unwrap();
            let old = Directory::open(&staging.join(merge::OLD)).unwrap();
            for (number, path) in [KERNEL_JSON, "scripts/x", "y"].into_iter().enumerate() {
                assert!(directory.at(path).keep(&old.at(number.to_string())).unwrap());
            }
            fs::remove_file(place.join(KERNEL_JSON)).unwrap();
            fs::remove_file(place.join("scripts/x")).unwrap();
            fs::write(place.join("scripts/x"), "mine").unwrap();
        } else {
            fs::rename(&place, staging.join("removed")).unwrap();
            fs::create_dir_all(place.join("scripts")).unwrap();
            fs::write(place.join("scripts/x"), "mine").unwrap();
        }
        install(&kernels.join("other"), &tree("1", &[]), true).unwrap();
        assert!(!staging.exists());
        assert_eq!(content(&place), [("scripts/x".to_owned(), "mine".to_owned())], "{in_place}");
        fs::remove_dir_all(&place).unwrap();
    }
    // Nor is a directory taken for what is left that has nothing of it.
    fs::create_dir(&place).unwrap();
    fs::create_dir(kernels.join(format!("{STAGING}aBcDeF,removes=k"))).unwrap();
    install(&kernels.join("another"), &tree("1", &[]), true).unwrap();
    assert!(place.exists());
}

#[test]
fn a_place_whose_path_is_too_long_for_the_system_is_none() {
    let root = tempfile::tempdir().unwrap();
    let long = "x/".repeat(2048);
    for (length, error) in [(4095, Errno::NOENT), (4096, Errno::NAMETOOLONG)] {
        let place = Directory::open(root.path()).unwrap().at(&long[..length]);
        assert_eq!(place.mode().unwrap_err(), error, "{length}");
    }
}

#[test]
fn what_another_process_removes_too_is_removed() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "1").unwrap();
    let backup = merge::create_backup(&spot(&root.path().join("old"))).unwrap();
    let mut journal = Journal::default();
    // The other one is faster: at the second time it is gone.
    journal.remove(&[spot(&file), spot(&file)], &backup).unwrap();
    assert!(!file.exists());
    assert!(journal.undo());
    assert_eq!(fs::read_to_string(&file).unwrap(), "1");
}

#[test]
fn what_was_removed_meanwhile_cannot_be_marked() {
    let root = tempfile::tempdir().unwrap();
    let specification = Directory::open(root.path()).unwrap();
    drop(root);
    Journal::default().mark(&specification, REPLACING).unwrap_err();
}

/// Does something that has to end though somebody holds a lock.
fn ends(act: impl FnOnce() + Send + 'static) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        act();
        let _ = sender.send(());
    });
    receiver.recv_timeout(Duration::from_secs(60)).expect("it waits for the lock");
}

#[test]
fn who_may_only_read_holds_up_nobody_with_a_lock() {
    let root = tempfile::tempdir().unwrap();
    let kernels = root.path().join("kernels");
    let place = kernels.join("k");
    install(&place, &numbered(1), false).unwrap();
    let held = [kernels.clone(), place.clone(), place.join(KERNEL_JSON)].map(|path| {
        let file = fs::File::open(path).unwrap();
        flock(&file, FlockOperation::LockExclusive).unwrap();
        file
    });
    let left = kernels.join(format!("{STAGING}dead"));
    fs::create_dir(&left).unwrap();
    ends({
        let (kernels, place) = (kernels.clone(), place.clone());
        move || {
            let staging = Staging::create(&kernels, "").unwrap();
            let (staged, tree) = (staging.at("0"), numbered(2));
            Writer::default().write_all(&staged, &tree).unwrap();
            let mut journal = Journal::default();
            let job = replacing(&place, &tree);
            merge::merge(&staged, &spot(&place), &job, &mut journal).unwrap();
            journal.commit();
            staging.finish();
            install(&place, &numbered(3), true).unwrap();
            let path = PathBuf::from(KERNEL_JSON);
            let old = read(&place, &path).unwrap();
            change(&place, &[Change { path, old, new: Some("{}".to_owned()) }]).unwrap();
            remove(&[place]).unwrap();
        }
    });
    drop(held);
    assert!(!left.exists() && !place.exists());
}

#[test]
fn modes_are_as_ever_whatever_the_default_access_control_list() {
    // The owner, one other user, the group, the most for both, and everybody else.
    let list = |permissions: [u16; 5]| {
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        let tags = [(1_u16, u32::MAX), (2, 4321), (4, u32::MAX), (16, u32::MAX), (32, u32::MAX)];
        for ((tag, id), permission) in tags.into_iter().zip(permissions) {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(permission.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    };
    for permissions in [[7, 7, 7, 7, 7], [7, 0, 0, 0, 0], [5, 7, 5, 7, 4]] {
        let root = tempfile::tempdir().unwrap();
        let name = c"system.posix_acl_default";
        setxattr(root.path(), name, &list(permissions), XattrFlags::empty()).unwrap();
        let kernels = root.path().join("share/jupyter/kernels");
        let mut tree = tree("1", &["logo.png"]);
        tree.insert(0, File { executable: true, ..File::data("scripts/launch", b"run") });
        install(&kernels.join("k"), &tree, false).unwrap();
        for directory in ["share", "share/jupyter", "share/jupyter/kernels"] {
            assert_eq!(mode(&root.path().join(directory)), 0o755, "{directory}, {permissions:?}");
        }
        for (path, expected) in [
            ("k", 0o755),
            ("k/scripts", 0o755),
            ("k/scripts/launch", 0o755),
            ("k/logo.png", 0o644),
            ("k/kernel.json", 0o644),
        ] {
            assert_eq!(mode(&kernels.join(path)), expected, "{path}, {permissions:?}");
        }
        assert_eq!(install(&kernels.join("k"), &tree, true).unwrap(), Outcome::Unchanged);
        let staging = Staging::create(&kernels, "").unwrap();
        assert_eq!(mode(staging.directory().path()), 0o700);
    }
}
