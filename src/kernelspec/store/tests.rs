use std::os::unix::fs::symlink;

use super::*;

/// A specification of these files and a `kernel.json` that says `version`.
fn tree(version: &'static str, files: &[&str]) -> Tree {
    let mut files: Vec<File> =
        files.iter().map(|path| File::data(*path, version.as_bytes())).collect();
    files.push(File::data(KERNEL_JSON, version.as_bytes()));
    Tree { files }
}

/// Every file below a directory, with its content.
fn content(directory: &Path) -> Vec<(String, String)> {
    files_below(directory)
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(directory.join(&path)).unwrap_or_default();
            (path.display().to_string(), text)
        })
        .collect()
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
    tree.files.insert(0, script);
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
    let error = install(&destination, &tree("2", &[]), false).unwrap_err().to_string();
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
        assert!(error.to_string().contains(reason), "{name}: {error}");
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
    broken.files.insert(
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
    install(&root.path().join("file/kernels/k"), &tree("1", &[]), false).unwrap_err();
    assert_eq!(content(root.path()), before);
}

#[test]
fn merging_replaces_file_by_file() {
    let root = tempfile::tempdir().unwrap();
    let (staged, destination) = (root.path().join("staged"), root.path().join("k"));
    for (directory, version, files) in [
        (&destination, "1", &["gone/deep/x", "scripts/launch", "top"][..]),
        (&staged, "2", &["scripts/launch", "scripts/more", "lib/y"]),
    ] {
        fs::create_dir(directory).unwrap();
        for file in &tree(version, files).files {
            write(directory, file).unwrap();
        }
    }
    let tree = tree("2", &["scripts/launch", "scripts/more", "lib/y"]);
    merge::merge(&staged, &destination, &tree).unwrap();
    let expected = [KERNEL_JSON, "lib/y", "scripts/launch", "scripts/more"];
    assert_eq!(content(&destination), expected.map(|path| (path.to_owned(), "2".to_owned())));
    assert!(!destination.join("gone").exists());
}

#[test]
fn a_merge_that_fails_puts_everything_back() {
    let root = tempfile::tempdir().unwrap();
    let (staged, destination) = (root.path().join("staged"), root.path().join("k"));
    fs::create_dir(&staged).unwrap();
    let new = tree("2", &["a", "b/c", "taken"]);
    for file in &new.files {
        write(&staged, file).unwrap();
    }
    install(&destination, &tree("1", &["a"]), false).unwrap();
    // A file cannot take the place of this directory.
    fs::create_dir(destination.join("taken")).unwrap();
    fs::write(destination.join("taken/x"), "mine").unwrap();

    let before = content(&destination);
    let error = merge::merge(&staged, &destination, &new).unwrap_err();
    assert!(error.to_string().contains("k/taken"), "{error:#}");
    assert_eq!(content(&destination), before);
    assert!(!destination.join("b").exists());
}

#[test]
fn what_a_killed_process_has_left_is_removed_and_what_is_in_use_is_not() {
    let kernels = tempfile::tempdir().unwrap();
    let left = kernels.path().join(".jupyter-docker-spec-dead");
    fs::create_dir_all(left.join("kernelspec")).unwrap();
    let busy = Staging::create(kernels.path()).unwrap();
    assert!(!left.exists());

    install(&kernels.path().join("k"), &tree("1", &[]), false).unwrap();
    assert!(busy.path().exists());
}
