//! Volumes and mounts.

use super::*;

#[test]
fn the_short_syntax_of_volumes() {
    let mounts =
        |text: &str| docker(&format!("volumes = [{text}]"))["HostConfig"]["Mounts"][0].clone();
    for (text, expected) in [
        ("'/a:/b'", json!({"Type": "bind", "Source": "/a", "Target": "/b"})),
        ("'/a:/b:ro'", json!({"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": true})),
        (
            "'/a:/b:ro,rslave'",
            json!({"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": true,
                   "BindOptions": {"Propagation": "rslave"}}),
        ),
        ("'data:/b'", json!({"Type": "volume", "Source": "data", "Target": "/b"})),
        (
            "'data:/b:nocopy'",
            json!({"Type": "volume", "Source": "data", "Target": "/b", "VolumeOptions": {"NoCopy": true}}),
        ),
        ("'/b'", json!({"Type": "volume", "Target": "/b"})),
        ("'{username}:/b'", json!({"Type": "volume", "Source": "bob", "Target": "/b"})),
        (
            "'/h/{username}:/{language}'",
            json!({"Type": "bind", "Source": "/h/bob", "Target": "/python"}),
        ),
        ("'${DATA}/x:/b'", json!({"Type": "bind", "Source": "/srv/data/x", "Target": "/b"})),
        ("'${NONE:-/d:e}:/b'", json!({"Type": "bind", "Source": "/d:e", "Target": "/b"})),
        ("'/a:/b:rw,cached'", json!({"Type": "bind", "Source": "/a", "Target": "/b"})),
        (
            "'/a:/b:delegated,shared'",
            json!({"Type": "bind", "Source": "/a", "Target": "/b",
                   "BindOptions": {"Propagation": "shared"}}),
        ),
        // A colon in what is filled in does not make another part.
        ("'{cwd}:/b'", json!({"Type": "bind", "Source": CWD, "Target": "/b"})),
    ] {
        assert_eq!(mounts(text), expected, "{text}");
    }
    assert_eq!(
        docker("volumes = ['/a:/b:z,ro']"),
        json!({"HostConfig": {"Binds": ["/a:/b:ro,z"]}})
    );
    assert_eq!(
        docker("volumes = ['/a:/b:Z,rslave']"),
        json!({"HostConfig": {"Binds": ["/a:/b:rslave,Z"]}})
    );
    for (text, expected) in [
        ("'a/b'", "f.toml:1:12: `volumes` must name its place in the container by its full path"),
        ("'./a:/b'", "f.toml:1:12: `volumes` must name a directory of the host by its full path"),
        ("'/a:/b:rx'", "f.toml:1:12: `volumes` has an unknown option `rx` for a bind"),
        ("'/a:/b:nocopy'", "f.toml:1:12: `volumes` has an unknown option `nocopy` for a bind"),
        (
            "'a:/b:nocopy,rslave'",
            "f.toml:1:12: `volumes` has an unknown option `rslave` for a volume",
        ),
        ("'/a:/b:ro,rw'", "f.toml:1:12: `volumes` has `rw` beside another of its kind"),
        ("'/a:/b:z,Z'", "f.toml:1:12: `volumes` has `Z` beside another of its kind"),
        ("'a:b:c:d'", "f.toml:1:12: `volumes` must be of the form"),
        (
            "'{cwd}:/b:z'",
            "f.toml:1:12: `volumes` has `z`, which is not possible where a path has a colon",
        ),
        (
            "'/h/${KERNEL_X}:/b'",
            "f.toml:1:12: `volumes` cannot have `..` in the place of `${KERNEL_X}`",
        ),
        ("'{user}:/b'", "f.toml:1:12: `volumes` has `{user}`, which is not one of {username}"),
        ("'${NONE}:/b'", "f.toml:1:12: `volumes` needs the variable NONE"),
        ("'${NONE:?set it}:/b'", "f.toml:1:12: `volumes` needs the variable NONE: set it"),
        ("'${EMPTY:?set it}:/b'", "f.toml:1:12: `volumes` needs the variable EMPTY: set it"),
    ] {
        let error = error(Mode::Docker, &format!("volumes = [{text}]"));
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn a_user_cannot_leave_the_place() {
    for (username, allowed) in [
        ("bob", true),
        ("bob@example.com", true),
        ("DOMAIN\\bob", true),
        ("b:ro", true),
        ("", false),
        (".", false),
        ("..", false),
        ("../..", false),
        ("a/b", false),
        ("/", false),
        ("a\0", false),
    ] {
        for text in [
            "volumes = ['/h/{username}:/x']",
            "volumes = [{type = 'bind', source = '/h/{username}', target = '/x'}]",
            "tmpfs = '/x/{username}'",
            "working_dir = '/x/{username}'",
        ] {
            let result = applied(Mode::Docker, text, username);
            assert_eq!(result.is_ok(), allowed, "{username:?} in {text}");
        }
        // Data, whatever it is.
        for text in ["labels.user = '{username}'", "labels = ['user={username}']"] {
            let labels = applied(Mode::Docker, text, username).unwrap();
            assert_eq!(labels, json!({"Labels": {"user": username}}));
        }
        // What decides about more than the user's own.
        for text in [
            "user = '{username}'",
            "cap_add = ['${KERNEL_X}']",
            "entrypoint = '{username}'",
            "labels = ['{username}=x']",
            "tmpfs = '/x:{username}'",
            "volumes = [{type = '{username}', source = '/h', target = '/x'}]",
            "volumes = [{type = 'tmpfs', target = '/x', tmpfs = {size = '{username}'}}]",
        ] {
            let error = applied(Mode::Docker, text, username).unwrap_err().to_string();
            assert!(error.contains("about which the notebook's user decides"), "{error}");
        }
    }
}

#[test]
fn the_long_syntax_of_volumes() {
    let text = r#"
        [[volumes]]
        type = "bind"
        source = "/a"
        target = "/b"
        read_only = true
        bind = { propagation = "rshared", create_host_path = true, recursive = "disabled" }
        [[volumes]]
        type = "volume"
        source = "nfs"
        target = "/c"
        volume = { nocopy = true, driver = "local", driver_opts = { type = "nfs", o = "addr=h" } }
        [[volumes]]
        type = "tmpfs"
        target = "/d"
        tmpfs = { size = "1m", mode = 0o700 }
        [[volumes]]
        type = "image"
        source = "tools:1"
        target = "/e"
    "#;
    let mounts = json!([
        {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": true,
         "BindOptions": {"Propagation": "rshared", "CreateMountpoint": true, "NonRecursive": true}},
        {"Type": "volume", "Source": "nfs", "Target": "/c", "VolumeOptions": {
            "NoCopy": true,
            "DriverConfig": {"Name": "local", "Options": {"type": "nfs", "o": "addr=h"}}}},
        {"Type": "tmpfs", "Target": "/d", "TmpfsOptions": {"SizeBytes": 1_048_576, "Mode": 0o700}},
        {"Type": "image", "Source": "tools:1", "Target": "/e"},
    ]);
    assert_eq!(docker(text), json!({"HostConfig": {"Mounts": mounts}}));
    assert_eq!(swarm(text), json!({"TaskTemplate": {"ContainerSpec": {"Mounts": mounts}}}));
    for (text, expected) in [
        ("source = '/a'", "needs `type`"),
        ("type = 'bind'\ntarget = '/b'", "needs `source`"),
        ("type = 'bind'\nsource = 'a'\ntarget = '/b'", "must name a directory of the host"),
        ("type = 'x'\ntarget = '/b'", "must be one of bind, volume, tmpfs and image"),
        ("type = 'tmpfs'\ntarget = '/b'\nsource = 'a'", "must not be there for a tmpfs"),
        ("type = 'tmpfs'\ntarget = '/b'\nbind = {}", "has `bind`, but is of the type tmpfs"),
        ("type = 'tmpfs'\ntarget = '/b'\nnocopy = true", "has an unknown key `nocopy`"),
    ] {
        let error = error(Mode::Docker, &format!("[[volumes]]\n{text}"));
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn what_is_mounted_below_a_mount_may_be_read_only_or_left_out() {
    for (recursive, expected) in [
        ("enabled", json!({})),
        ("disabled", json!({"NonRecursive": true})),
        ("writable", json!({"ReadOnlyNonRecursive": true})),
        ("readonly", json!({"ReadOnlyForceRecursive": true})),
    ] {
        let mount = format!(
            "[[volumes]]\ntype = 'bind'\nsource = '/a'\ntarget = '/b'\nbind.recursive = '{recursive}'"
        );
        assert_eq!(docker(&mount)["HostConfig"]["Mounts"][0]["BindOptions"], expected);
    }
}

#[test]
fn what_is_filled_into_the_options_of_a_mount_is_one_of_them() {
    let text = |o: &str| {
        format!(
            "volumes = [{{ type = 'volume', target = '/x', volume.driver_opts = {{ o = '{o}', device = ':/{{username}}' }} }}]"
        )
    };
    let options = |o: &str, username: &str| {
        let request = applied(Mode::Docker, &text(o), username)?;
        Ok::<_, anyhow::Error>(
            request["HostConfig"]["Mounts"][0]["VolumeOptions"]["DriverConfig"]["Options"].clone(),
        )
    };
    let found = options("addr=nas,username={username}", "bob").unwrap();
    assert_eq!(found, json!({"o": "addr=nas,username=bob", "device": ":/bob"}));
    assert_eq!(options("addr=nas,rw", "a,b").unwrap()["device"], ":/a,b");
    for (o, username, separator) in [
        ("addr=nas,username={username}", "bob,suid", ","),
        ("lowerdir=/srv/{username}:/base,ro", "x:etc", ":"),
        ("lowerdir=/srv/{username}:/base,ro", "x\\", "\\"),
    ] {
        let error = options(o, username).unwrap_err().to_string();
        let expected = format!("cannot have a `{separator}` in what is filled into the list");
        assert!(error.contains(&expected), "{error}");
    }
    // An address may have colons.
    assert_eq!(options("addr={username},rw", "fd00::1").unwrap()["o"], "addr=fd00::1,rw");
}
