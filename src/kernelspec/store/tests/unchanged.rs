//! Files that stay, and files of which several specifications have one.

use std::os::unix::fs::MetadataExt as _;

use super::*;

/// A specification with a program, the file `program` beside the kernels directory.
fn with_program(root: &Path, version: &'static str) -> Vec<File> {
    let mut tree = tree(version, &["logo.png", "scripts/options"]);
    let content = Content::Program(root.join("program"));
    tree.insert(1, File { path: "scripts/launch".into(), content, executable: true });
    tree
}

/// The number of the file at a path, which tells whether it is the same one.
fn number(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

#[test]
fn a_specification_that_does_not_change_stays_the_same_files() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("kernels/k");
    // More than is compared at once, and not a multiple of it.
    fs::write(root.path().join("program"), vec![7; 300_001]).unwrap();
    let of = |version| with_program(root.path(), version);
    install(&place, &of("1"), false).unwrap();
    let paths = ["logo.png", "scripts/launch", "scripts/options", KERNEL_JSON];
    let numbers = || paths.map(|path| number(&place.join(path)));
    let before = numbers();
    install(&place, &of("1"), true).unwrap();
    assert_eq!(numbers(), before);
    assert!(paths.iter().all(|path| fs::metadata(place.join(path)).unwrap().nlink() == 1));
    assert_eq!(fs::read_dir(root.path().join("kernels")).unwrap().count(), 1);

    install(&place, &of("2"), true).unwrap();
    assert_eq!(fs::read_to_string(place.join("logo.png")).unwrap(), "2");

    // Nearly the same program, a shorter one, and a longer one.
    for (size, last) in [(300_001, 8), (300_000, 7), (300_002, 7)] {
        let mut program = vec![7; size];
        program[size - 1] = last;
        fs::write(root.path().join("program"), &program).unwrap();
        let before = numbers();
        install(&place, &of("2"), true).unwrap();
        let after = numbers();
        assert!(after[1] != before[1], "{size}");
        assert!(fs::read(place.join("scripts/launch")).unwrap() == program);
    }
}

/// What somebody does to an installed file.
type Change<'a> = &'a dyn Fn(&Path);

#[test]
fn a_file_that_is_not_as_it_was_written_is_written_anew() {
    let root = tempfile::tempdir().unwrap();
    let kernels = root.path().join("kernels");
    let place = kernels.join("k");
    fs::write(root.path().join("program"), "program").unwrap();
    let tree = with_program(root.path(), "1");
    let mode = |mode: u32| {
        move |path: &Path| {
            fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    let owner = |path: &Path| std::os::unix::fs::chown(path, Some(4321), None).unwrap();
    let capability = |path: &Path| {
        // `cap_net_raw`, as setcap writes it.
        let value = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(path, "security.capability", &value, flags).unwrap();
    };
    let other_name = |path: &Path| fs::hard_link(path, path.with_extension("other")).unwrap();
    let link = |path: &Path| {
        fs::rename(path, root.path().join("away")).unwrap();
        symlink(root.path().join("away"), path).unwrap();
    };
    let source = |path: &Path| {
        fs::remove_file(path).unwrap();
        mode(0o755)(&root.path().join("program"));
        fs::hard_link(root.path().join("program"), path).unwrap();
    };
    let root_only = rustix::process::geteuid().is_root();
    let changes: [(&str, &str, bool, Change<'_>); 9] = [
        ("others may write", "scripts/launch", true, &mode(0o757)),
        ("its group may write", "logo.png", true, &mode(0o664)),
        ("nobody else may read", "logo.png", true, &mode(0o600)),
        ("set-user-id", "scripts/launch", true, &mode(0o4755)),
        ("somebody else's", "scripts/launch", root_only, &owner),
        ("with capabilities", "scripts/launch", root_only, &capability),
        ("data with another name", "logo.png", true, &other_name),
        ("a link", "scripts/launch", true, &link),
        ("the tool's own", "scripts/launch", true, &source),
    ];
    for (what, path, possible, change) in changes {
        if !possible {
            continue;
        }
        install(&place, &tree, true).unwrap();
        let path = place.join(path);
        change(&path);
        let before = number(&path);
        install(&place, &tree, true).unwrap();
        let after = fs::symlink_metadata(&path).unwrap();
        assert!(after.is_file() && after.ino() != before && after.nlink() == 1, "{what}");
        let expected = if path.ends_with("logo.png") { 0o644 } else { 0o755 };
        assert_eq!(after.mode() & 0o7777, expected, "{what}");
        assert_eq!(after.uid(), rustix::process::geteuid().as_raw(), "{what}");
        let _ = fs::remove_file(root.path().join("away"));
    }
}

#[test]
fn specifications_of_one_transaction_have_one_program_and_nothing_else_in_common() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("program"), "program").unwrap();
    let places: Vec<PathBuf> = ["kernels/a", "kernels/b", "kernels/c", "other/d"]
        .map(|place| root.path().join(place))
        .into();
    let install = |places: &[PathBuf], version| {
        let job = |place: &PathBuf| Job {
            destination: place.clone(),
            files: with_program(root.path(), version),
            replace: true,
            copy_of: None,
        };
        super::super::install(&places.iter().map(job).collect::<Vec<Job>>()).unwrap();
    };
    let programs = || [0, 1, 2, 3].map(|index| number(&places[index].join("scripts/launch")));
    let names = |path: &str| {
        [0, 1, 2, 3].map(|index| fs::metadata(places[index].join(path)).unwrap().nlink())
    };
    install(&places, "1");
    let [a, b, c, d] = programs();
    assert!(a == b && a == c && a != d);
    assert_eq!(names("scripts/launch"), [3, 3, 3, 1]);
    for path in ["logo.png", "scripts/options", KERNEL_JSON] {
        assert_eq!(names(path), [1, 1, 1, 1], "{path}");
    }

    // One of them alone, all together, and without one.
    install(&places[1..2], "2");
    assert!(programs()[1] != b && programs()[2] == c);
    install(&places, "3");
    let [a, b, c, d] = programs();
    assert!(a == b && a == c && a != d);
    remove(&places[..1]).unwrap();
    assert_eq!(fs::metadata(places[1].join("scripts/launch")).unwrap().nlink(), 2);
    // Of a new program, the others know nothing.
    fs::write(root.path().join("program"), "newer").unwrap();
    install(&places[1..2], "3");
    assert_eq!(fs::read_to_string(places[1].join("scripts/launch")).unwrap(), "newer");
    assert_eq!(fs::read_to_string(places[2].join("scripts/launch")).unwrap(), "program");
}

#[test]
fn a_program_is_copied_where_there_can_be_no_link() {
    let root = tempfile::tempdir().unwrap();
    let [program, other] = ["program", "other"].map(|name| root.path().join(name));
    fs::write(&program, "program").unwrap();
    fs::write(&other, "other").unwrap();
    let mut programs = Programs::default();
    let identity = spot(&program).identity().unwrap();
    let place = root.path().join("place");
    assert!(!programs.link(&program, &spot(&place)).unwrap(), "it is nowhere");
    // Somebody has put another file there meanwhile, or taken it away.
    programs.add(&program, &spot(&other), identity);
    assert!(!programs.link(&program, &spot(&place)).unwrap());
    programs.add(&program, &spot(&root.path().join("gone")), identity);
    assert!(!programs.link(&program, &spot(&place)).unwrap());
    assert!(!place.exists());
    // Another file system.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    programs.add(&program, &spot(&program), identity);
    let there = memory.path().join("place");
    if fs::metadata(memory.path()).unwrap().dev() != fs::metadata(root.path()).unwrap().dev() {
        assert!(!programs.link(&program, &spot(&there)).unwrap());
        assert!(!there.exists());
    }
    assert!(programs.link(&program, &spot(&place)).unwrap());
    assert_eq!(number(&place), number(&program));
}

#[test]
fn a_file_is_kept_as_a_copy_where_there_can_be_no_link() {
    let root = tempfile::tempdir().unwrap();
    let (file, link) = (root.path().join("file"), root.path().join("link"));
    fs::write(&file, "1").unwrap();
    fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("nowhere", &link).unwrap();
    // Another file system.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    for path in [&file, &link] {
        let kept = memory.path().join(path.file_name().unwrap());
        assert!(spot(path).keep(&spot(&kept)).unwrap());
    }
    let kept = memory.path().join("file");
    assert_eq!((fs::read_to_string(&kept).unwrap(), mode(&kept)), ("1".to_owned(), 0o640));
    assert_eq!(fs::read_link(memory.path().join("link")).unwrap(), Path::new("nowhere"));
    assert!(!spot(&root.path().join("gone")).keep(&spot(&memory.path().join("gone"))).unwrap());
}

#[test]
fn merging_takes_a_file_for_itself() {
    let root = tempfile::tempdir().unwrap();
    let (staged, destination) = (root.path().join("staging/0"), root.path().join("k"));
    fs::write(root.path().join("program"), "program").unwrap();
    install(&destination, &with_program(root.path(), "1"), false).unwrap();
    for (version, undone) in [("1", true), ("2", true), ("1", false), ("2", false)] {
        fs::create_dir(root.path().join("staging")).unwrap();
        let new = with_program(root.path(), version);
        let before = content(&destination);
        Writer::default().write_all(&spot(&staged), &new).unwrap();
        let mut journal = Journal::default();
        merge::merge(
            &spot(&staged),
            &spot(&destination),
            &replacing(&destination, &new),
            &mut journal,
        )
        .unwrap();
        if undone {
            assert!(journal.undo());
            assert_eq!(content(&destination), before);
        } else {
            journal.commit();
        }
        fs::remove_dir_all(root.path().join("staging")).unwrap();
        let version = if undone { "1" } else { version };
        let expected = ["kernel.json", "logo.png", "scripts/launch", "scripts/options"];
        let found: Vec<String> = content(&destination).into_iter().map(|(path, _)| path).collect();
        assert_eq!(found, expected);
        for (path, text) in content(&destination) {
            let program = path == "scripts/launch";
            assert_eq!(text, if program { "program" } else { version }, "{path}");
        }
    }
}

#[test]
fn what_is_there_already_is_not_touched() {
    let root = tempfile::tempdir().unwrap();
    let kernels = root.path().join("kernels");
    let place = kernels.join("k");
    fs::write(root.path().join("program"), "program").unwrap();
    let tree = with_program(root.path(), "1");
    install(&place, &tree, false).unwrap();
    let time = |path: &Path| fs::metadata(path).unwrap().ctime_nsec();
    let times = || {
        [&kernels, &place, &place.join("scripts"), &place.join(KERNEL_JSON)].map(|path| time(path))
    };
    let before = times();
    assert_eq!(install(&place, &tree, true).unwrap(), Outcome::Unchanged);
    assert_eq!(times(), before);
    // What a killed process has left goes all the same.
    let abandoned = kernels.join(".jupyter-docker-spec-abc");
    fs::create_dir(&abandoned).unwrap();
    assert_eq!(install(&place, &tree, true).unwrap(), Outcome::Unchanged);
    assert!(!abandoned.exists());

    let changes: [(&str, Change<'_>); 11] = [
        ("another file", &|place| fs::write(place.join("notes"), "").unwrap()),
        ("another file further below", &|place| {
            fs::write(place.join("scripts/notes"), "").unwrap();
        }),
        ("another directory", &|place| fs::create_dir(place.join("empty")).unwrap()),
        ("one file less", &|place| fs::remove_file(place.join("logo.png")).unwrap()),
        ("no program", &|place| fs::remove_file(place.join("scripts/launch")).unwrap()),
        ("another byte", &|place| fs::write(place.join("logo.png"), "2").unwrap()),
        ("a second name, by which it can be changed", &|place| {
            fs::hard_link(place.join("logo.png"), root.path().join("second")).unwrap();
        }),
        ("another program", &|place| fs::write(place.join("scripts/launch"), "Program").unwrap()),
        ("others may write into it", &|place| {
            fs::set_permissions(place, std::fs::Permissions::from_mode(0o777)).unwrap();
        }),
        ("nobody else may look into it", &|place| {
            let closed = std::fs::Permissions::from_mode(0o700);
            fs::set_permissions(place.join("scripts"), closed).unwrap();
        }),
        ("a link in the place of a directory", &|place| {
            fs::rename(place.join("scripts"), root.path().join("away")).unwrap();
            symlink(root.path().join("away"), place.join("scripts")).unwrap();
        }),
    ];
    for (what, change) in changes {
        change(&place);
        assert_eq!(install(&place, &tree, true).unwrap(), Outcome::Replaced, "{what}");
        assert_eq!(install(&place, &tree, true).unwrap(), Outcome::Unchanged, "{what}");
    }
    assert!(root.path().join("away/launch").exists());
    // A file of somebody else's is copied again, whatever is in it.
    let mut tree = tree;
    tree[1].content = Content::CopyOf(root.path().join("program"));
    assert_eq!(install(&place, &tree, true).unwrap(), Outcome::Replaced);
}

#[test]
fn whoever_places_several_begins_with_the_same_one() {
    let root = tempfile::tempdir().unwrap();
    let paths = ["b", "a", "c"].map(|name| root.path().join("kernels").join(name));
    for path in &paths {
        install(path, &tree("1", &[]), false).unwrap();
    }
    let jobs = paths.clone().map(|destination| Job {
        destination,
        files: tree("2", &[]),
        replace: false,
        copy_of: None,
    });
    let error = super::super::install(&jobs).unwrap_err().to_string();
    assert_eq!(error, "could not install kernel specification `a`");
    // So with their removal.
    for path in &paths {
        fs::remove_dir_all(path).unwrap();
    }
    let error = remove(&paths).unwrap_err().to_string();
    assert!(error.contains("/kernels/a`"), "{error}");
}
