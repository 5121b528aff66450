//! `install -h`: what most need, on one screen.

use clap::{Arg, Command};

/// The options on it, each with what it is in one line, and how its value is shown there.
const SHOWN: [(&str, &str, &str); 14] = [
    ("local", "", "For any Jupyter application, in any image"),
    ("image-name", "IMAGE", "Image of the kernel's container"),
    ("language", "LANGUAGE", "Python, R or Scala; any with --local"),
    ("gateway", "SYSTEM", "gateway-provisioners or enterprise-gateway"),
    ("swarm", "", "Run it as a service of a Docker Swarm"),
    ("kernel-name", "NAME", "Name of the specification's directory"),
    ("replace", "", "Replace one of this name"),
    ("dry-run", "", "Print what would be written, and write nothing"),
    ("user", "", "Install for the current user only"),
    ("volume", "SOURCE:TARGET", "Mount a directory of the host, or a volume"),
    ("env", "NAME[=VALUE]", "Environment variable"),
    ("memory", "BYTES", "Memory limit, such as 4g"),
    ("gpus", "GPUS", "GPUs: all, a number, or device=ID,..."),
    ("network", "NETWORK", "Network to connect to; for --local also none"),
];

/// `install` with short texts for its short help.
pub(super) fn installed(install: Command) -> Command {
    install.mut_args(|arg| match shown(&arg) {
        Some((_, _, text)) => {
            let long = arg.get_long_help().or_else(|| arg.get_help()).cloned();
            let arg = arg.help(*text);
            if let Some(long) = long { arg.long_help(long) } else { arg }
        }
        None => arg.hide_short_help(true),
    })
}

/// The same as it is shown: without headings, of which there would be as many as options.
pub(super) fn without_headings(install: Command) -> Command {
    let narrow = |arg: Arg| match shown(&arg) {
        Some((_, value, _)) if !value.is_empty() => arg.value_name(*value),
        _ => arg,
    };
    let template = "{about}\n\n{usage-heading} {usage}\n\n{options}{after-help}";
    install.mut_args(narrow).help_template(template)
}

fn shown(arg: &Arg) -> Option<&'static (&'static str, &'static str, &'static str)> {
    SHOWN.iter().find(|(option, ..)| arg.get_id() == option)
}
