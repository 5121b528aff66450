//! The command line of `launch_docker`: the options that a server fills into the placeholders of
//! `kernel.json`, spelt as `gateway_provisioners` does (`--kernel-id`) or as Enterprise Gateway does
//! (`--RemoteProcessProxy.kernel-id`). The former wins if both are given.
//!
//! The rules are those of Python's `argparse` with `nargs="?"`, which the servers' own launchers use:
//! `--option value` or `--option=value`; an option with no value or an empty one is not given; the last of
//! several counts.

use std::ffi::OsString;
use std::fmt::Write as _;

use lexopt::{Arg, Parser};

use crate::server::GATEWAY_SPELLING;

/// The option with which a launcher starts another one, to remove the container of this name when the first is
/// killed. Nobody else uses it.
pub const GUARD: &str = "--guard";

/// The options, in whichever spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    pub kernel_id: Option<String>,
    /// The connection file of Jupyter, for which this process is the kernel.
    pub connection_file: Option<String>,
    /// What follows the connection file: applications add words of their own, which are for the kernel.
    pub kernel_arguments: Vec<String>,
    /// The range of ports from which the kernel takes its own.
    pub port_range: Option<String>,
    /// The address and port to which the kernel sends its connection information.
    pub response_address: Option<String>,
    /// The key with which the kernel encrypts its connection information.
    pub public_key: Option<String>,
    /// Whether the kernel's traffic is encrypted: `auto` or `required`.
    pub transport_encryption: Option<String>,
    /// The class of a Python kernel.
    pub kernel_class_name: Option<String>,
    /// Whether and how a Spark context is created.
    pub spark_context_init_mode: Option<String>,
    /// Whether Enterprise Gateway's spelling was used.
    pub gateway_spelling: bool,
}

/// What the launcher is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Launch(Box<Arguments>),
    /// Guard the container of this name for another launcher.
    Guard(String),
    /// Print this text.
    Print(String),
}

struct Opt {
    name: &'static str,
    value: &'static str,
    help: &'static str,
    place: fn(&mut Arguments) -> &mut Option<String>,
}

const OPTIONS: [Opt; 8] = [
    Opt {
        name: "connection-file",
        value: "FILE",
        help: "Connection file of Jupyter: be the kernel, without a server that provides kernels; words after it are for \
               the kernel",
        place: |arguments| &mut arguments.connection_file,
    },
    Opt {
        name: "kernel-id",
        value: "ID",
        help: "Id of the kernel; required without --connection-file",
        place: |arguments| &mut arguments.kernel_id,
    },
    Opt {
        name: "port-range",
        value: "LOW..HIGH",
        help: "Range of ports for the kernel",
        place: |arguments| &mut arguments.port_range,
    },
    Opt {
        name: "response-address",
        value: "IP:PORT",
        help: "Address to which the kernel sends its connection information",
        place: |arguments| &mut arguments.response_address,
    },
    Opt {
        name: "public-key",
        value: "KEY",
        help: "Public key that encrypts the connection information",
        place: |arguments| &mut arguments.public_key,
    },
    Opt {
        name: "transport-encryption",
        value: "POLICY",
        help: "Whether the kernel's traffic is encrypted: auto or required",
        place: |arguments| &mut arguments.transport_encryption,
    },
    Opt {
        name: "kernel-class-name",
        value: "CLASS",
        help: "Class of a Python kernel",
        place: |arguments| &mut arguments.kernel_class_name,
    },
    Opt {
        name: "spark-context-initialization-mode",
        value: "MODE",
        help: "Whether and how a Spark context is created [default: none]",
        place: |arguments| &mut arguments.spark_context_init_mode,
    },
];

impl Request {
    /// Parses the words that follow the program's name.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let words: Vec<OsString> = words.into_iter().collect();
        if let [option, name] = &*words
            && option == GUARD
        {
            return Ok(Self::Guard(name.to_string_lossy().into_owned()));
        }
        let mut plain = Arguments::default();
        let mut gateway = Arguments::default();
        let mut parser = Parser::from_args(words);
        while let Some(argument) = parser.next()? {
            let name = match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Print(help())),
                Arg::Long("version") | Arg::Short('V') => return Ok(Self::Print(version())),
                Arg::Long(name) => name.to_owned(),
                other => return Err(other.unexpected()),
            };
            let (arguments, bare) = match name.strip_prefix(GATEWAY_SPELLING) {
                Some(bare) => (&mut gateway, bare),
                None => (&mut plain, name.as_str()),
            };
            let Some(option) = OPTIONS.iter().find(|option| option.name == bare) else {
                return Err(Arg::Long(&name).unexpected());
            };
            let value = match parser.optional_value() {
                Some(value) => Some(value),
                None => parser.raw_args()?.next_if(|word| !word.to_string_lossy().starts_with('-')),
            };
            let value = value.map(OsString::into_string).transpose()?;
            *(option.place)(arguments) = value.filter(|value| !value.is_empty());
            if arguments.connection_file.is_some() {
                let words = parser.raw_args()?.map(OsString::into_string);
                plain.kernel_arguments = words.collect::<Result<_, _>>()?;
                break;
            }
        }
        plain.gateway_spelling = gateway != Arguments::default();
        for option in &OPTIONS {
            if (option.place)(&mut plain).is_none() {
                *(option.place)(&mut plain) = (option.place)(&mut gateway).take();
            }
        }
        Ok(Self::Launch(Box::new(plain)))
    }
}

fn version() -> String {
    concat!("launch_docker ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

fn help() -> String {
    let mut text = "\
Starts a Jupyter kernel as a Docker container or a Docker Swarm service.

A Jupyter server runs this through kernel.json. The image, the user, the network
and the rest come from the variables that the server sets: KERNEL_IMAGE,
KERNEL_USERNAME, KERNEL_UID, GP_DOCKER_MODE, GP_DOCKER_NETWORK and others.

Usage: launch_docker --kernel-id ID [OPTIONS]
       launch_docker --connection-file FILE [WORD...]

Options:
"
    .to_owned();
    for option in &OPTIONS {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  --{} {}\n          {}", option.name, option.value, option.help);
    }
    text.push_str("  -h, --help\n          Print help\n  -V, --version\n          Print version\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Arguments {
        match Request::parse(words.iter().map(OsString::from)) {
            Ok(Request::Launch(arguments)) => *arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_options_of_gateway_provisioners_are_read() {
        let found = parse(&[
            "--kernel-id",
            "k",
            "--port-range",
            "0..0",
            "--response-address=1.2.3.4:5",
            "--public-key",
            "MIG+/=",
            "--transport-encryption",
            "",
            "--kernel-class-name",
            "a.B",
        ]);
        let expected = Arguments {
            kernel_id: Some("k".into()),
            port_range: Some("0..0".into()),
            response_address: Some("1.2.3.4:5".into()),
            public_key: Some("MIG+/=".into()),
            kernel_class_name: Some("a.B".into()),
            ..Arguments::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_follows_the_connection_file_is_the_kernels() {
        let found =
            parse(&["--connection-file", "c", "try.py", "--Class.trait=1", "-h", "--kernel-id=k"]);
        let expected = Arguments {
            connection_file: Some("c".into()),
            kernel_arguments: ["try.py", "--Class.trait=1", "-h", "--kernel-id=k"]
                .map(str::to_owned)
                .into(),
            ..Arguments::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_options_of_enterprise_gateway_are_read_and_the_plain_ones_win() {
        let found = parse(&[
            "--RemoteProcessProxy.kernel-id",
            "k",
            "--RemoteProcessProxy.response-address=1.2.3.4:5",
            "--RemoteProcessProxy.spark-context-initialization-mode",
            "lazy",
            "--public-key",
            "plain",
            "--RemoteProcessProxy.public-key",
            "eg",
        ]);
        let expected = Arguments {
            kernel_id: Some("k".into()),
            response_address: Some("1.2.3.4:5".into()),
            spark_context_init_mode: Some("lazy".into()),
            public_key: Some("plain".into()),
            gateway_spelling: true,
            ..Arguments::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn an_option_without_a_value_is_not_given_and_a_repeated_one_counts_as_its_last() {
        let found = parse(&["--port-range", "--kernel-id", "a", "--kernel-id=b", "--public-key"]);
        let expected = Arguments { kernel_id: Some("b".into()), ..Arguments::default() };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for words in [&["--kernel"][..], &["x"], &["-k"], &["--RemoteProcessProxy.x", "1"]] {
            let error = Request::parse(words.iter().map(OsString::from)).unwrap_err().to_string();
            assert!(error.contains(words[0]), "{error}");
        }
    }

    #[test]
    fn help_names_every_option() {
        let Ok(Request::Print(text)) = Request::parse(["--help".into()]) else { panic!() };
        assert!(OPTIONS.iter().all(|option| text.contains(&format!("--{} ", option.name))));
    }
}
