//! Mounts from where users may put something else are told before anybody does.

use crate::sandbox::Sandbox;

#[test]
fn a_mount_that_kernels_may_exchange_is_told_by_install_and_check() {
    let sandbox = Sandbox::new();
    let nested = ["--volume=/h/{username}:/home/bob", "--volume=/h/{username}/work:/work"];
    let warning =
        "`/h/{username}/work` is mounted from within `/h/{username}`, where kernels may write";
    for (words, is_told) in [(&nested[..], true), (&nested[..1], false), (&["--mount-cwd"], false)]
    {
        let words =
            [&["--prefix=p", "--kernel-name=k", "--replace", "--launcher=native"], words].concat();
        let outcome = sandbox.install(&words);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        assert_eq!(outcome.stderr.contains(warning), is_told, "{outcome}");
        let mut check = sandbox.command(crate::sandbox::INSTALLER);
        check.args(["check", "k"]).env("JUPYTER_PATH", sandbox.path("p/share/jupyter"));
        let outcome = sandbox.run(check.env("DOCKER_HOST", "unix:///nonexistent.sock"));
        assert!(outcome.stdout.contains("launch_docker.toml is right"), "{outcome}");
        assert_eq!(outcome.stdout.contains("is mounted from within"), is_told, "{outcome}");
    }
}
