//! What is generated from the command line: completions, and the manual pages that are in the
//! repository.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use fs_err as fs;

use crate::sandbox::{INSTALLER, LAUNCHER, Sandbox};

const PAGES: [Option<&str>; 14] = [
    None,
    Some("install"),
    Some("list"),
    Some("show"),
    Some("set"),
    Some("remove"),
    Some("convert"),
    Some("check"),
    Some("pull"),
    Some("ps"),
    Some("prune"),
    Some("compose"),
    Some("completions"),
    Some("man"),
];

#[test]
fn every_shell_has_its_completions() {
    let sandbox = Sandbox::new();
    for (shell, has) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef jupyter-docker-spec"),
        ("fish", "complete -c jupyter-docker-spec"),
        ("elvish", "edit:completion:arg-completer[jupyter-docker-spec]"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = sandbox.run(sandbox.command(INSTALLER).args(["completions", shell]));
        assert_eq!(script.code(), Some(0), "{script}");
        assert!(script.stdout.contains(has), "{script}");
        assert!(script.stdout.contains("ipykernel-subclass-name"), "{shell}");
    }
}

#[test]
fn bash_takes_its_completions_and_completes() {
    let sandbox = Sandbox::new();
    let script = sandbox.run(sandbox.command(INSTALLER).args(["completions", "bash"]));
    let path = sandbox.file("completions", &script.stdout);
    let completed = sandbox.run(
        sandbox
            .command("/bin/bash")
            .args(["--norc", "-c"])
            .arg(format!(
                "source {}; COMP_WORDS=(jupyter-docker-spec install --image-n); COMP_CWORD=2; \
                 function=$(complete -p jupyter-docker-spec); function=${{function#*-F }}; \
                 ${{function%% *}} jupyter-docker-spec --image-n install; echo \"${{COMPREPLY[@]}}\"",
                path.display()
            ))
            .stdin(Stdio::null()),
    );
    assert_eq!(completed.stdout, "--image-name\n", "{completed}");
}

#[test]
fn bash_completes_names_of_specifications_also_behind_jupyter() {
    let sandbox = Sandbox::new();
    sandbox.installed(&["--kernel-name=first"]);
    sandbox.installed(&["--kernel-name=second"]);
    let script = sandbox.run(sandbox.command(INSTALLER).args(["completions", "bash"]));
    let path = sandbox.file("completions", &script.stdout);
    sandbox.program(INSTALLER, "bin/jupyter-docker-spec");
    for (words, expected) in [
        ("jupyter-docker-spec show fi", "first"),
        ("jupyter-docker-spec uninstall ''", "first second"),
        ("jupyter-docker-spec set first --memory-s", "--memory-swap"),
        ("jupyter-docker-spec install fi", ""),
        ("jupyter docker-spec rename sec", "second"),
        ("jupyter docker-spec rena", "rename"),
        ("jupyter dock", "docker-spec"),
    ] {
        let typed = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); last=${{COMP_WORDS[COMP_CWORD]}}; \
             function=$(complete -p ${{COMP_WORDS[0]}}); function=${{function#*-F }}; \
             ${{function%% *}} ${{COMP_WORDS[0]}} \"$last\" ${{COMP_WORDS[COMP_CWORD - 1]}}; echo ${{COMPREPLY[@]}}",
            path.display()
        );
        let mut shell = sandbox.command("/bin/bash");
        shell.args(["--norc", "-c", &typed]);
        shell.env("PATH", format!("{}:/usr/bin:/bin", sandbox.path("bin").display()));
        shell.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
        let completed = sandbox.run(&mut shell);
        assert_eq!(completed.stdout, format!("{expected}\n"), "{words}: {completed}");
    }
}

#[test]
fn other_shells_ask_for_names_where_they_are_wanted() {
    let sandbox = Sandbox::new();
    let script =
        |shell| sandbox.run(sandbox.command(INSTALLER).args(["completions", shell])).stdout;
    let zsh = script("zsh");
    let asked = zsh.lines().filter(|line| line.ends_with(":_jupyter-docker-spec_names' \\"));
    // Of show, set, rename, convert, check, pull, and of remove by each of its names.
    assert!(asked.count() >= 7, "{zsh}");
    let at = |text: &str| zsh.find(text).unwrap();
    assert!(at("_jupyter-docker-spec_names() {") < at("if [ \"$funcstack[1]\""));
    assert!(script("fish").contains("-a \"(jupyter-docker-spec list --json"));
}

/// To write them again: `for c in "" install list show set remove convert check pull ps prune compose completions man; do jupyter-docker-spec man $c >
/// docs/man/jupyter-docker-spec${c:+-$c}.1; done`.
#[test]
fn the_manual_pages_are_current() {
    let sandbox = Sandbox::new();
    for subcommand in PAGES {
        let page = sandbox.run(sandbox.command(INSTALLER).arg("man").args(subcommand));
        assert_eq!(page.code(), Some(0), "{page}");
        let name = subcommand.map_or_else(String::new, |name| format!("-{name}"));
        let path = format!("docs/man/jupyter-docker-spec{name}.1");
        let kept = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path)).unwrap();
        let lines = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert!(lines(&kept) == lines(&page.stdout), "{path} is not current");
    }
    let missing = sandbox.run(sandbox.command(INSTALLER).args(["man", "nothing"]));
    assert_eq!(missing.code(), Some(1), "{missing}");
    assert!(missing.stderr.contains("there is no subcommand `nothing`"), "{missing}");
}

/// This one is written by hand, because the launcher's options are not described by clap.
#[test]
fn the_page_of_the_launcher_has_its_options() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(sandbox.command(LAUNCHER).arg("--help")).stdout;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/man/launch_docker.1");
    let page = fs::read_to_string(path).unwrap().replace('\\', "");
    let options = |text: &str| {
        let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '-');
        words.filter(|word| word.starts_with("--")).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert!(options(&help).len() >= 9, "{help}");
    assert_eq!(options(&help), options(&page.replace("fR", " ").replace("fB", " ")));
}
