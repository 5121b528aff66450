use super::*;
use crate::options::container_options::{self, CONTAINER_OPTIONS};
use crate::options::keys::KEYS;

/// The text after `set` with these words; `-NAME` stands for `--unset=NAME`, of a key or of an option.
fn set(text: &str, words: &[&str]) -> Result<String> {
    let command = clap::Command::new("x").no_binary_name(true).args(container_options::arguments());
    let (unset, words): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| !word.starts_with("--"));
    let names = unset.into_iter().map(|word| &word[1..]);
    let option = |name: &str| CONTAINER_OPTIONS.iter().find(|flag| flag.long == name);
    let (keys, options): (Vec<&str>, Vec<&str>) =
        names.partition(|name| option(name).is_none() || KEYS.iter().any(|key| key.name == *name));
    let gone = options.into_iter().filter_map(|name| Some((option(name)?, Vec::new())));
    let mut given = container_options::given(&command.try_get_matches_from(words).unwrap());
    given.extend(gone);
    changed(text, &given, &keys, &Env::new(std::path::Path::new("/work"), [("A", "1")]))
}

fn result(text: &str, words: &[&str]) -> String {
    set(text, words).unwrap_or_else(|_| "refused".to_owned())
}

#[test]
fn only_what_is_named_is_another_text() {
    for (text, words, expected) in [
        ("", &["--memory=1g"][..], "mem_limit = \"1g\"\n"),
        ("", &["-mem_limit"], ""),
        ("a_comment = 1", &["--memory=1g"], "refused"),
        // Comments, blanks, kinds of quotes, and the end of the file.
        (
            "# über\n\nmem_limit='4g' # most\n\"init\"  =  true",
            &["--memory=1g", "--init=false"],
            "# über\n\nmem_limit=\"1g\" # most\n\"init\"  =  false\n",
        ),
        ("init = true # why\nread_only = true\n", &["-init"], "read_only = true\n"),
        ("# of both\ninit = true\nread_only = true\n", &["-init"], "# of both\nread_only = true\n"),
        // What means the same is not written anew.
        ("cpus = 1.50\n", &["--cpus=1.5"], "cpus = 1.50\n"),
        ("environment = { A = \"1\" }\n", &["--env=A=1"], "environment = { A = \"1\" }\n"),
        // Lists of several lines, with comments and a comma at the end.
        (
            "dns = [\n  \"1.1.1.1\", # one\n  \"2.2.2.2\",\n] # both\ninit = true\n",
            &["--dns=3.3.3.3"],
            "dns = [\"3.3.3.3\"] # both\ninit = true\n",
        ),
        (
            "dns = [\n  \"1.1.1.1\", # one\n  \"2.2.2.2\",\n]\ninit = true\n",
            &["-dns"],
            "init = true\n",
        ),
        ("dns = \"1.1.1.1\"\n", &["-dns"], ""),
        // Examples are where a key belongs, and lines of another table are not.
        (
            "#init = true\n#shm_size = \"1g\"\n",
            &["--init"],
            "#init = true\ninit = true\n#shm_size = \"1g\"\n",
        ),
        (
            "#dns = [\n#  \"1.1.1.1\",\n#]\n# end\n",
            &["--dns=3.3.3.3"],
            "#dns = [\n#  \"1.1.1.1\",\n#]\ndns = [\"3.3.3.3\"]\n# end\n",
        ),
        (
            "cpus = 1\n\n[client_overrides]\n#init = true\ncpus = 2\n",
            &["--init", "--cpus=3"],
            "cpus = \"3\"\ninit = true\n\n[client_overrides]\n#init = true\ncpus = 2\n",
        ),
    ] {
        assert_eq!(result(text, words), expected, "{words:?} in {text}");
    }
}

#[test]
fn tables_are_changed_however_they_are_written() {
    for (text, words, expected) in [
        (
            "[environment]\nB = \"2\"\n[labels] # mine\n\"a.b\" = \"c\"\n",
            &["--env=A=2"][..],
            "environment = [\"A=2\"]\n[labels] # mine\n\"a.b\" = \"c\"\n",
        ),
        ("labels.\"a.b\" = \"c\"\nlabels.d = \"e\"\ninit = true\n", &["-labels"], "init = true\n"),
        (
            "[ \"labels\" ]\n\"a.b\" = \"c\"\n[environment]\nB = \"2\"\n",
            &["-labels"],
            "[environment]\nB = \"2\"\n",
        ),
        (
            "deploy.labels = { a = \"b\" }\ndeploy.placement.constraints = [\"a==b\"]\n",
            &["--constraint=c==d"],
            "deploy.labels = { a = \"b\" }\ndeploy.placement.constraints = [\"c==d\"]\n",
        ),
        (
            "deploy = { labels = { a = \"b\" } }\n",
            &["--constraint=c==d"],
            "deploy = { labels = { a = \"b\" }, placement = { constraints = [\"c==d\"] } }\n",
        ),
        (
            "[deploy.placement]\nconstraints = [\"a==b\"]\n[deploy.labels]\na = \"b\"\n",
            &["-deploy.placement.constraints"],
            "[deploy.placement]\n[deploy.labels]\na = \"b\"\n",
        ),
        // Parts of a check.
        (
            "healthcheck = { test = \"a\", retries = 2 }\n",
            &["--health-retries=3"],
            "healthcheck = { test = \"a\", retries = 3 }\n",
        ),
        ("healthcheck = { test = \"a\" }\n", &["-health-cmd"], ""),
        (
            "healthcheck = { test = \"a\", retries = 2 }\n",
            &["-health-retries"],
            "healthcheck = { test = \"a\" }\n",
        ),
        ("healthcheck = { disable = true }\n", &["-healthcheck.disable"], ""),
        ("volumes = [\"/a:/b\"]\n", &["-volume", "--tmpfs=/c"], "tmpfs = [\"/c\"]\n"),
        ("[healthcheck]\ntest = \"a\"\n", &["-health-cmd"], ""),
        (
            "healthcheck = { test = \"a\" }\n",
            &["--no-healthcheck"],
            "healthcheck = { disable = true }\n",
        ),
        ("healthcheck.disable = true\n", &["--health-cmd=a"], "healthcheck = { test = \"a\" }\n"),
        // Those of the driver go with it.
        (
            "logging = { driver = \"x\", options = { a = \"b\" } }\n",
            &["--log-driver=local"],
            "logging = { driver = \"local\" }\n",
        ),
        (
            "logging = { driver = \"x\", options = { a = \"b\" } }\n",
            &["-log-opt"],
            "logging = { driver = \"x\" }\n",
        ),
        // Ends of lines as Windows writes them.
        (
            "# a\r\ninit = true\r\n",
            &["--init=false", "--cpus=1"],
            "# a\r\ninit = false\r\ncpus = \"1\"\r\n",
        ),
        // What looks like a header in a text.
        (
            "[environment]\nA = \"\"\"\n[environment]\n\"\"\"\n",
            &["--env=B=1"],
            "environment = [\"B=1\"]\n",
        ),
        ("[[volumes]]\ntype = \"volume\"\ntarget = \"/x\"\n", &["--volume=/a:/b"], "refused"),
        ("[[volumes]]\ntype = \"volume\"\ntarget = \"/x\"\n", &["-volumes"], "refused"),
        ("init = ", &["--cpus=1"], "refused"),
        ("", &["--memory=lots"], "refused"),
    ] {
        assert_eq!(result(text, words), expected, "{words:?} in {text}");
    }
}

#[test]
fn what_cannot_be_changed_alone_is_refused_with_the_reason() {
    let reason = |text: &str, words: &[&str]| format!("{:#}", set(text, words).unwrap_err());
    assert_eq!(
        reason("[[volumes]]\ntype = \"volume\"\ntarget = \"/x\"\n", &["--volume=/a:/b"]),
        "could not change `volumes`: it is written as sections `[[volumes]]`; change it in an editor"
    );
    // The line that looks like a header is another key's.
    let text = "labels.a = \"\"\"\n[environment]\n\"\"\"\n[environment]\nA = \"1\"\n";
    let reason = reason(text, &["--env=B=1"]);
    assert!(reason.starts_with("`environment` cannot be changed without"), "{reason}");
}

#[test]
fn every_key_of_the_template_finds_its_place() {
    let template = crate::templates::options();
    for key in KEYS {
        let place = written::place(template, key.name);
        let is_written = CONTAINER_OPTIONS.iter().any(|flag| flag.key == key.name);
        assert!(place.is_some() || !is_written, "{}", key.name);
    }
    let new = set(template, &["--memory=1g", "--env=A=1", "--volume=/a:/b"]).unwrap();
    assert_eq!(set(&new, &["-mem_limit", "-environment", "-volumes"]).unwrap(), template);
}
