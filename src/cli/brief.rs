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

/// `install` as its short help is to show it: without headings, of which there would be as many as options.
pub(super) fn help(install: Command) -> Command {
    let template = "{about}\n\n{usage-heading} {usage}\n\n{options}{after-help}\n";
    let briefly = |arg: Arg| match shown(&arg) {
        Some((_, "", text)) => arg.help(*text),
        Some((_, value, text)) => arg.help(*text).value_name(*value),
        None => arg.hide_short_help(true),
    };
    install.mut_args(briefly).help_template(template)
}

fn shown(arg: &Arg) -> Option<&'static (&'static str, &'static str, &'static str)> {
    SHOWN.iter().find(|(option, ..)| arg.get_id() == option)
}
