use super::*;

fn parsed(argv: &str, metadata: &str) -> Specification {
    let text = format!(r#"{{"argv": [{argv}], "metadata": {{{metadata}}}}}"#);
    Specification::parse(Path::new("/k"), text.as_bytes()).unwrap().unwrap()
}

const PROVISIONER: &str = r#""kernel_provisioner": {"provisioner_name": "docker-provisioner"}"#;
const PROXY: &str = r#""process_proxy": {"class_name": "a.b.DockerProcessProxy"}"#;

#[test]
fn settings_are_read_in_the_spelling_of_each_system() {
    let argv = r#""python", "/k/launch_docker.py", "--RemoteProcessProxy.kernel-id",
        "{kernel_id}", "--kernel-class-name=a.B", "--port-range""#;
    let users = |users: &str| {
        let config = format!(r#""config": {{"image_name": "i:1", "authorized_users": {users}}}"#);
        parsed(argv, &PROXY.replace('}', &format!(", {config}}}")))
    };
    let spec = users(r#""a, b,""#);
    assert_eq!(spec.image(), Some("i:1"));
    assert_eq!(spec.unauthorized_users(), None);
    for (list, expected) in [
        (r#""a, b,""#, &["a", "b"][..]),
        (r#"["c"]"#, &["c"]),
        (r"[]", &[]),
        (r#""""#, &[]),
        // Nobody is called so, and nobody else may.
        (r#"[""]"#, &[""]),
        (r#"[" ", ""]"#, &[""]),
        (r#"" ,""#, &[""]),
        (r#"["", "a"]"#, &["a"]),
    ] {
        assert_eq!(users(list).authorized_users().unwrap(), expected, "{list}");
    }
    assert_eq!(spec.launcher(), Some((Path::new("/k/launch_docker.py"), true)));
    assert_eq!(spec.kernel_class(), Some("a.B"));
    assert_eq!(spec.option("kernel-id"), Some((2, None)));
    assert_eq!(spec.option("kernel"), None);
}

#[test]
fn what_a_server_cannot_tell_the_launcher_is_named() {
    let missing = |argv: &str| parsed(argv, PROVISIONER).missing_placeholders();
    assert_eq!(missing(r#""l", "--kernel-id", "kernel_id""#), PLACEHOLDERS);
    assert_eq!(
        missing(r#""l", "--kernel-id={kernel_id}", "--of", "x{response_address}""#),
        ["{public_key}"]
    );
    assert_eq!(missing(r#""l", "{kernel_id}{response_address}", "{public_key}""#), [""; 0]);
}

#[test]
fn a_class_is_named_as_it_was_or_as_install_names_it() {
    let class = |stanza: &str, argv: &str, class: &str| {
        let words: Vec<String> = argv.split(' ').map(|word| format!("{word:?}")).collect();
        let mut spec = parsed(&words.join(", "), stanza);
        spec.change(Changed { kernel_class: Some(class.to_owned()), ..Changed::default() });
        spec.argv.join(" ")
    };
    let named = "x --kernel-class-name a.B --y";
    assert_eq!(class(PROVISIONER, named, "c.D"), "x --kernel-class-name c.D --y");
    assert_eq!(class(PROVISIONER, "x", "c.D"), "x --kernel-class-name c.D");
    let of_gateway = "x --RemoteProcessProxy.kernel-class-name=a.B --y";
    assert_eq!(class(PROXY, of_gateway, "c.D"), "x --RemoteProcessProxy.kernel-class-name c.D --y");
    // Enterprise Gateway's name none where it is the default.
    assert_eq!(class(PROXY, of_gateway, DEFAULT_KERNEL_CLASS), "x --y");
    assert_eq!(class(PROXY, "x --kernel-class-name", DEFAULT_KERNEL_CLASS), "x");
    assert_eq!(class(PROXY, "x", DEFAULT_KERNEL_CLASS), "x");
    assert_eq!(
        class(PROVISIONER, named, DEFAULT_KERNEL_CLASS),
        format!("x --kernel-class-name {DEFAULT_KERNEL_CLASS} --y")
    );
}
