use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::thread;

use fs_err as fs;

use super::directory::{Directory, Location};
use super::files::{Writer, files};
use super::links::Programs;
use super::*;
use crate::layout::KERNEL_JSON;

mod changes;
mod others;
mod unchanged;

/// Installs one specification.
fn install(destination: &Path, tree: &[File], replace: bool) -> Result<Outcome> {
    let job = Job {
        destination: destination.to_path_buf(),
        files: tree.to_vec(),
        replace,
        copy_of: None,
    };
    super::install(&[job]).map(|outcomes| outcomes[0])
}

/// A specification of these files and a `kernel.json` that says `version`.
fn tree(version: &'static str, files: &[&str]) -> Vec<File> {
    let mut files: Vec<File> =
        files.iter().map(|path| File::data(*path, version.as_bytes())).collect();
    files.push(File::data(KERNEL_JSON, version.as_bytes()));
    files
}

/// Every file below a directory, with its content.
fn content(directory: &Path) -> Vec<(String, String)> {
    files(directory)
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(directory.join(&path)).unwrap_or_default();
            (path.display().to_string(), text)
        })
        .collect()
}

fn replacing(destination: &Path, tree: &[File]) -> Job {
    Job {
        destination: destination.to_path_buf(),
        files: tree.to_vec(),
        replace: true,
        copy_of: None,
    }
}

fn spot(path: &Path) -> Location {
    Location::new(path).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_new_specification_has_its_modes_and_its_parents() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("share/jupyter/kernels/k");
    let mut tree = tree("1", &["logo.png"]);
    let script = File { executable: true, ..File::data("scripts/launch", b"run") };
    tree.insert(0, script);
    assert_eq!(install(&destination, &tree, false).unwrap(), Outcome::Created);
    assert_eq!(mode(&root.path().join("share")), 0o755);
    assert_eq!(mode(&destination), 0o755);
    assert_eq!(mode(&destination.join("scripts")), 0o755);
    assert_eq!(mode(&destination.join("scripts/launch")), 0o755);
    assert_eq!(mode(&destination.join(KERNEL_JSON)), 0o644);
    // Nothing but the specification.
    assert_eq!(fs::read_dir(destination.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn an_existing_specification_is_replaced_whole_and_only_when_asked_for() {
    let kernels = tempfile::tempdir().unwrap();
    let destination = kernels.path().join("k");
    install(&destination, &tree("1", &["only-old", "scripts/x"]), false).unwrap();
    fs::write(destination.join("of-the-user"), "").unwrap();

    let before = content(kernels.path());
    let error = install(&destination, &tree("2", &[]), false).unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("'--replace' has not been specified"), "{error}");
    assert_eq!(content(kernels.path()), before);

    assert_eq!(install(&destination, &tree("2", &["new"]), true).unwrap(), Outcome::Replaced);
    let both = [KERNEL_JSON, "new"].map(|path| (format!("k/{path}"), "2".to_owned()));
    assert_eq!(content(kernels.path()), both);
}

#[test]
fn what_is_no_directory_is_left_alone() {
    let kernels = tempfile::tempdir().unwrap();
    let target = kernels.path().join("target");
    fs::create_dir(&target).unwrap();
    symlink(&target, kernels.path().join("link")).unwrap();
    symlink("nowhere", kernels.path().join("broken")).unwrap();
    fs::write(kernels.path().join("file"), "mine").unwrap();
    fs::create_dir(kernels.path().join("full")).unwrap();
    fs::write(kernels.path().join("full/notes"), "mine").unwrap();

    let before = content(kernels.path());
    for (name, replace, reason) in [
        ("link", false, "symbolic link"),
        ("link", true, "symbolic link"),
        ("broken", true, "symbolic link to `nowhere`"),
        ("file", true, "not a directory"),
        ("full", false, "holds files but no kernel specification"),
    ] {
        let error = install(&kernels.path().join(name), &tree("1", &[]), replace).unwrap_err();
        assert!(format!("{error:#}").contains(reason), "{name}: {error:#}");
        assert_eq!(content(kernels.path()), before, "{name}");
    }
    // An empty directory is in nobody's way.
    install(&target, &tree("1", &[]), false).unwrap();
}

#[test]
fn a_failure_leaves_everything_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "").unwrap();
    let mut broken = tree("2", &[]);
    broken.insert(
        0,
        File { content: Content::CopyOf("/nonexistent".into()), ..File::data("a/b", b"") },
    );

    // The parents that were created for it go again.
    let error = install(&root.path().join("new/kernels/k"), &broken, false).unwrap_err();
    assert!(format!("{error:#}").contains("/nonexistent"), "{error:#}");
    assert!(!root.path().join("new").exists());

    let destination = root.path().join("k");
    install(&destination, &tree("1", &[]), false).unwrap();
    let before = content(root.path());
    install(&destination, &broken, true).unwrap_err();
    let error = install(&root.path().join("file/kernels/k"), &tree("1", &[]), false).unwrap_err();
    assert!(
        format!("{error:#}").ends_with("; move the file away that is in the place of a directory")
    );
    assert_eq!(content(root.path()), before);
}

#[test]
fn what_could_not_be_put_back_is_kept() {
    let kernels = tempfile::tempdir().unwrap();
    let place = kernels.path().join("k");
    install(&place, &tree("1", &[]), false).unwrap();
    let (mut stagings, mut journal) = (Stagings::default(), Journal::default());
    let staging = stagings.of(&place).unwrap();
    journal.rename(&staging.kernels().at("k"), &staging.at("old")).unwrap();
    // Somebody has put something there meanwhile.
    fs::create_dir(&place).unwrap();
    fs::write(place.join("notes"), "mine").unwrap();
    stagings.end(journal, Err(anyhow::anyhow!("it fails"))).unwrap_err();
    let left = content(kernels.path());
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0].0.ends_with("/old/kernel.json") && left[0].1 == "1", "{left:?}");
    assert_eq!(left[1], ("k/notes".to_owned(), "mine".to_owned()));
}

#[test]
fn merging_replaces_file_by_file() {
    let root = tempfile::tempdir().unwrap();
    let (staged, destination) = (root.path().join("staging/0"), root.path().join("k"));
    fs::create_dir(root.path().join("staging")).unwrap();
    for (directory, version, files) in [
        (&destination, "1", &["gone/deep/x", "scripts/launch", "top"][..]),
        (&staged, "2", &["scripts/launch", "scripts/more", "lib/y"]),
    ] {
        fs::create_dir(directory).unwrap();
        let directory = Directory::open(directory).unwrap();
        Writer::default().write_files(&directory, &tree(version, files)).unwrap();
    }
    let tree = tree("2", &["scripts/launch", "scripts/more", "lib/y"]);
    let mut journal = Journal::default();
    merge::merge(
        &spot(&staged),
        &spot(&destination),
        &replacing(&destination, &tree),
        &mut journal,
    )
    .unwrap();
    journal.commit();
    let expected = [KERNEL_JSON, "lib/y", "scripts/launch", "scripts/more"];
    assert_eq!(content(&destination), expected.map(|path| (path.to_owned(), "2".to_owned())));
    assert!(!destination.join("gone").exists());
}

#[test]
fn a_merge_that_fails_puts_everything_back() {
    let root = tempfile::tempdir().unwrap();
    let (staged, destination) = (root.path().join("staging/0"), root.path().join("k"));
    fs::create_dir(root.path().join("staging")).unwrap();
    let new = tree("2", &["a", "b/c", "taken"]);
    Writer::default().write_all(&spot(&staged), &new).unwrap();
    install(&destination, &tree("1", &["a"]), false).unwrap();
    // A file cannot take the place of this directory.
    fs::create_dir(destination.join("taken")).unwrap();
    fs::write(destination.join("taken/x"), "mine").unwrap();

    let before = content(&destination);
    let mut journal = Journal::default();
    let error = merge::merge(
        &spot(&staged),
        &spot(&destination),
        &replacing(&destination, &new),
        &mut journal,
    )
    .unwrap_err();
    assert!(journal.undo());
    assert!(error.to_string().contains("k/taken"), "{error:#}");
    assert_eq!(content(&destination), before);
    assert!(!destination.join("b").exists());
}

#[test]
fn no_link_is_followed_where_files_are_replaced_or_removed_one_by_one() {
    let root = tempfile::tempdir().unwrap();
    let (staging, elsewhere) = (root.path().join("staging"), root.path().join("elsewhere"));
    for file in ["kernel.json", "launch", "deep/x"] {
        fs::create_dir_all(elsewhere.join(file).parent().unwrap()).unwrap();
        fs::write(elsewhere.join(file), "precious").unwrap();
    }
    let before = content(&elsewhere);
    let new = tree("2", &["scripts/launch"]);
    for (number, link) in ["k", "k/scripts", "k/kernel.json", "k/gone"].into_iter().enumerate() {
        fs::create_dir_all(&staging).unwrap();
        let place = root.path().join("k");
        install(&place, &tree("1", &["scripts/launch", "gone/deep/x"]), false).unwrap();
        let path = root.path().join(link);
        fs::rename(&path, root.path().join(format!("away-{number}"))).unwrap();
        symlink(&elsewhere, &path).unwrap();

        let staged = staging.join("0");
        Writer::default().write_all(&spot(&staged), &new).unwrap();
        let mut journal = Journal::default();
        let merged =
            merge::merge(&spot(&staged), &spot(&place), &replacing(&place, &new), &mut journal);
        assert_eq!(merged.is_ok(), !["k", "k/scripts"].contains(&link), "{link}");
        assert!(journal.undo());
        assert_eq!(fs::read_link(&path).unwrap(), elsewhere);
        let mut journal = Journal::default();
        let emptied =
            merge::empty(&spot(&place), &Directory::open(&staging).unwrap(), &mut journal);
        assert_eq!(emptied.is_ok(), link != "k", "{link}");
        journal.commit();
        assert_eq!(content(&elsewhere), before, "{link}");
        let _ = fs::remove_file(&place);
        fs::remove_dir_all(&staging).unwrap();
    }
}

#[test]
fn what_a_killed_process_has_left_is_removed_and_what_is_in_use_is_not() {
    let kernels = tempfile::tempdir().unwrap();
    let left = kernels.path().join(".jupyter-docker-spec-dead");
    fs::create_dir_all(left.join("kernelspec")).unwrap();
    let busy = Staging::create(kernels.path(), "").unwrap();
    assert!(!left.exists());

    install(&kernels.path().join("k"), &tree("1", &[]), false).unwrap();
    assert!(busy.directory().path().exists());
}

#[test]
fn several_are_installed_or_none() {
    let root = tempfile::tempdir().unwrap();
    let (one, other) = (root.path().join("a/kernels"), root.path().join("b/kernels"));
    let job = |destination: PathBuf, version, replace| Job {
        destination,
        files: tree(version, &["x"]),
        replace,
        copy_of: None,
    };
    super::install(&[job(one.join("old"), "1", false)]).unwrap();
    let before = content(root.path());

    let all = |last| {
        let jobs = [(one.join("z"), "2"), (one.join("old"), "2"), (other.join("new"), "2")];
        let mut jobs: Vec<Job> =
            jobs.map(|(destination, version)| job(destination, version, true)).into();
        jobs.insert(1, last);
        super::install(&jobs)
    };
    // The first in the order in which they are put in place, and the last.
    for name in ["a", "zz"] {
        fs::write(one.join(name), "in the way").unwrap();
        let error = all(job(one.join(name), "2", true)).unwrap_err();
        fs::remove_file(one.join(name)).unwrap();
        let text = format!("{error:#}");
        let reason = format!("could not install kernel specification `{name}`: ");
        assert!(text.starts_with(&reason) && text.contains("not a directory"), "{text}");
        assert_eq!(content(root.path()), before, "{name}");
        assert!(!other.exists());
    }

    let outcomes = all(job(one.join("zz"), "2", false)).unwrap();
    assert_eq!(outcomes, [Outcome::Created, Outcome::Created, Outcome::Replaced, Outcome::Created]);
    assert_eq!(content(root.path()).len(), 8);
    assert!(content(root.path()).iter().all(|(_, text)| text == "2"));
}

#[test]
fn several_are_removed_or_none() {
    let root = tempfile::tempdir().unwrap();
    let kernels = root.path().join("kernels");
    let [a, b, link] = ["a", "b", "link"].map(|name| kernels.join(name));
    install(&a, &tree("1", &["x/y"]), false).unwrap();
    install(&b, &tree("1", &[]), false).unwrap();
    symlink(&b, &link).unwrap();
    let before = content(&kernels);
    remove(&[a.clone(), kernels.join("missing")]).unwrap_err();
    assert_eq!(content(&kernels), before);
    remove(&[link.clone(), a.clone()]).unwrap();
    assert!(!a.exists() && !link.exists() && b.exists());
    assert_eq!(fs::read_dir(&kernels).unwrap().count(), 1);
}

#[test]
fn a_directory_that_cannot_be_renamed_has_its_files_moved() {
    for replace in [false, true] {
        let root = tempfile::tempdir().unwrap();
        // No directory can be moved into itself.
        let staged = root.path().join("staged");
        let destination = staged.join("k");
        let files = tree("1", &["x/y"]);
        Writer::default().write_all(&spot(&staged), &files).unwrap();
        fs::create_dir(&destination).unwrap();
        let job = Job { replace, ..replacing(&destination, &files) };
        let mut journal = Journal::default();
        let placed = place::place(&spot(&staged), &spot(&destination), &job, &mut journal);
        assert_eq!(placed.unwrap(), Outcome::Replaced);
        journal.commit();
        let expected = [KERNEL_JSON, "x/y"].map(|path| (path.to_owned(), "1".to_owned()));
        assert_eq!(content(&destination), expected);
    }
}

#[test]
fn a_directory_that_cannot_be_renamed_is_emptied() {
    let root = tempfile::tempdir().unwrap();
    let (directory, staging) = (root.path().join("k"), root.path().join("staging"));
    fs::create_dir(&staging).unwrap();
    install(&directory, &tree("1", &["x/y", "z"]), false).unwrap();
    fs::create_dir_all(directory.join("empty/inner")).unwrap();
    let before = content(&directory);

    let mut journal = Journal::default();
    merge::empty(&spot(&directory), &Directory::open(&staging).unwrap(), &mut journal).unwrap();
    assert_eq!(content(&directory), []);
    assert!(journal.undo());
    assert_eq!(content(&directory), before);

    let mut journal = Journal::default();
    fs::remove_dir_all(&staging).unwrap();
    fs::create_dir(&staging).unwrap();
    merge::empty(&spot(&directory), &Directory::open(&staging).unwrap(), &mut journal).unwrap();
    journal.commit();
    assert!(!directory.exists());
}

/// Without it, Jupyter sees no specification.
#[test]
fn of_a_specification_that_is_emptied_its_kernel_json_goes_first() {
    let root = tempfile::tempdir().unwrap();
    let (directory, staging) = (root.path().join("k"), root.path().join("staging"));
    fs::create_dir(&staging).unwrap();
    let names: Vec<String> = (0..500).map(|number| format!("a{number:03}")).collect();
    install(&directory, &tree("1", &names.iter().map(String::as_str).collect::<Vec<_>>()), false)
        .unwrap();
    let (first, kernel_json) = (directory.join(&names[0]), directory.join(KERNEL_JSON));
    let number = fs::metadata(&kernel_json).unwrap().ino();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut journal = Journal::default();
            let staging = Directory::open(&staging).unwrap();
            merge::empty(&spot(&directory), &staging, &mut journal).unwrap();
        });
        while first.exists() {}
        assert!(!kernel_json.exists());
    });
    // They go in the order in which they are kept.
    assert_eq!(fs::metadata(staging.join("old/1")).unwrap().ino(), number);
}

#[test]
fn a_removal_that_was_killed_is_completed() {
    let root = tempfile::tempdir().unwrap();
    let kernels = root.path();
    let leave = |name: &str| {
        // As two processes do that were killed one after the other.
        for random in ["x", "y"] {
            let staging = format!(".jupyter-docker-spec-{random},removes={name}");
            fs::create_dir_all(kernels.join(staging)).unwrap();
        }
    };
    // Its kernel.json is gone already.
    fs::create_dir_all(kernels.join("Half/scripts")).unwrap();
    leave("Half");
    // This one was not yet touched, or somebody has installed it since.
    fs::create_dir(kernels.join("whole")).unwrap();
    fs::write(kernels.join("whole/kernel.json"), "1").unwrap();
    leave("whole");
    leave("..");
    assert!(!finish_removal(kernels, "other"));
    assert!(finish_removal(kernels, "half"));
    assert!(!kernels.join("Half").exists());
    assert!(finish_removal(kernels, "whole"));
    assert!(finish_removal(kernels, ".."));
    assert_eq!(content(kernels), [("whole/kernel.json".to_owned(), "1".to_owned())]);
}
