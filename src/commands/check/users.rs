//! Which user a server would start a kernel for, and whether it would: its rules for users, user ids and
//! group ids.

use fs_err as fs;

use super::report::Report;
use crate::env::Env;
use crate::kernelspec::specification::Specification;
use crate::server::{System, UserLists, is_prohibited};

const USERNAME: &str = "KERNEL_USERNAME";

/// Where Python looks for the name of its account, before it asks the system.
const ACCOUNT: [&str; 4] = ["LOGNAME", "USER", "LNAME", "USERNAME"];

/// The user of a kernel.
pub(super) struct User {
    pub(super) name: String,
    /// The origin of the name, for people.
    pub(super) source: &'static str,
    /// Whether each client names another.
    pub(super) is_guess: bool,
}

impl User {
    /// The user for whom a server with this environment starts a kernel if the client names none. Clients of
    /// Enterprise Gateway do name one, so the result is only a guess.
    pub(super) fn of_server(spec: &Specification, env: &Env) -> Option<Self> {
        let of_spec = spec.env.get(USERNAME).map(String::as_str);
        let given =
            of_spec.or_else(|| env.is_set(USERNAME).then(|| env.get(USERNAME).unwrap_or_default()));
        if let Some(name) = given {
            return Some(Self { name: name.to_owned(), source: USERNAME, is_guess: false });
        }
        let name =
            ACCOUNT.iter().find_map(|name| env.get(name)).map(str::to_owned).or_else(account)?;
        let is_guess = spec.system == System::EnterpriseGateway;
        Some(Self { name, source: "the account that runs this", is_guess })
    }
}

/// The name of the account of this process.
fn account() -> Option<String> {
    let own = rustix::process::geteuid().as_raw().to_string();
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    let found = accounts.lines().find(|line| line.split(':').nth(2) == Some(&own))?;
    found.split(':').next().map(str::to_owned)
}

/// Whether a server would start a kernel of the specification; `false` if it would reject the user.
pub(super) fn check(spec: &Specification, env: &Env, launching: bool, report: &mut Report) -> bool {
    let UserLists { authorized: allowed, unauthorized: refused } = lists(spec, env);
    for user in allowed.iter().filter(|user| refused.contains(user)) {
        report.warning(format!("`{user}` is both an authorized and an unauthorized user: refused"));
    }
    ids(spec, env, report);
    let Some(user) = User::of_server(spec, env) else {
        report.error(format!(
            "the account that runs this has no name, and a server run by it fails at every launch; name \
             the user of the kernels in {USERNAME}"
        ));
        return false;
    };
    let User { name, source, is_guess } = &user;
    if *is_guess && !launching {
        return true;
    }
    let remedy = format!(
        "run this as the account that runs the server, or with the name of the kernels' user in {USERNAME}"
    );
    if refused.contains(name) {
        report.error(format!(
            "the server starts no kernel for `{name}` ({source}), an unauthorized user; {remedy}"
        ));
        return false;
    }
    if !allowed.is_empty() && !allowed.contains(name) {
        let message = format!(
            "the server starts no kernel for `{name}` ({source}), who is not an authorized user; {remedy}"
        );
        if launching {
            report.error(message);
            return false;
        }
        report.warning(message);
    }
    true
}

/// The users for whom the server starts kernels.
fn lists(spec: &Specification, env: &Env) -> UserLists {
    UserLists::of_server(env, spec.system, spec.authorized_users(), spec.unauthorized_users())
}

/// Checks whether the server allows the kernel's user and group ids.
fn ids(spec: &Specification, env: &Env, report: &mut Report) {
    for (what, variable, default) in [("UID", "KERNEL_UID", "1000"), ("GID", "KERNEL_GID", "100")] {
        let of_spec = spec.env.get(variable).map(String::as_str);
        let id = of_spec.or_else(|| env.get(variable)).unwrap_or(default);
        let list = format!("{}_PROHIBITED_{what}S", spec.system.facts().short);
        let prohibited = env.get(&list).unwrap_or("0");
        if is_prohibited(spec.system, prohibited, id) {
            report.error(format!("{variable} of {id} is prohibited by {list} of `{prohibited}`"));
        }
    }
}
