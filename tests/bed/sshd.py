"""A machine that is reached by ssh only: the real server, behind which the real client of Docker leads to the engine.

Users are what the system's table of them says, here and there: the tests have one of their own, in their namespace.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path

from bed.local import GID, UID
from bed.patience import wait_for

# The user on the other machine.
FAR, FAR_UID = "far", 4321
PASSWD = Path("/etc/passwd")
# The server insists on this directory.
EMPTY = Path("/run/sshd")
CONFIG = """
{further}
Port {port}
ListenAddress 127.0.0.1
HostKey {key}
AuthorizedKeysFile {place}/authorized_keys
PasswordAuthentication yes
UsePAM no
StrictModes no
PidFile none
SetEnv DOCKER_HOST={engine}
"""
# What the user here has in her configuration.
CLIENT = """
Host gpu
    HostName 127.0.0.1
    Port {port}
    User {user}
"""


class Sshd:
    """A server for one test, and what a user here, with this home, needs to log in."""

    def __init__(self, files, place, home, engine, user=UID, group=GID):
        self.files, self.place, self.engine = files, place, engine
        self.user, self.group = user, group
        self.ssh = home / ".ssh"
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"ssh://{FAR}@127.0.0.1:{self.port}"
        self.process = None
        self.log = place / "sshd.log"
        # More lines of its configuration.
        self.further = ""

    def __enter__(self):
        self.place.mkdir()
        self.ssh.mkdir(mode=0o700)
        self._add_users()
        EMPTY.mkdir(exist_ok=True)
        self.host_key = self.key(self.place / "host_key")
        key = self.key(self.ssh / "id_ed25519")
        shutil.copy(key.with_suffix(".pub"), self.place / "authorized_keys")
        self.know()
        self.write("config", CLIENT.format(port=self.port, user=FAR))
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        subprocess.run(["umount", PASSWD], check=True)

    def _add_users(self):
        group = os.stat(self.engine.socket).st_gid
        far = self.place / "home"
        far.mkdir()
        os.chown(far, FAR_UID, group)
        users = [
            f"sshd:x:4322:65534::{EMPTY}:/bin/false",
            f"{'ann' if self.user else 'root'}:x:{self.user}:{self.group}::{self.home}:/bin/sh",
            f"{FAR}:x:{FAR_UID}:{group}::{far}:/bin/bash",
        ]
        table = self.place / "passwd"
        # Of two with one number the first one counts.
        table.write_text("\n".join(users) + "\n" + PASSWD.read_text())
        subprocess.run(["mount", "--bind", table, PASSWD], check=True)

    def key(self, path, passphrase=""):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
        os.chown(path, self.user, self.group)
        return path

    def write(self, name, text):
        """Writes a file of the user's configuration."""
        file = self.ssh / name
        file.write_text(text)
        for path in (self.ssh, file):
            os.chown(path, self.user, self.group)
        file.chmod(0o600)

    def know(self):
        """Has the user know the key of the server."""
        kind, key, *_ = self.host_key.with_suffix(".pub").read_text().split()
        self.write("known_hosts", f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def configure(self, *lines):
        """Has the user's configuration begin with these lines, for the same host; what is said first counts."""
        config = CLIENT.format(port=self.port, user=FAR)
        self.write("config", "\n".join(["Host gpu", *lines, config]))

    def restart(self, *further):
        """Starts the server with these lines before the others of its configuration."""
        self.stop()
        self.further = "\n".join(further)
        self.start()

    def start(self):
        options = {"port": self.port, "key": self.host_key, "place": self.place, "engine": self.engine.address}
        config = self.place / "sshd_config"
        config.write_text(CONFIG.format(**options, further=self.further))
        program = self.files / "usr/sbin/sshd"
        libraries = {"LD_LIBRARY_PATH": ":".join(map(str, self.files.glob("usr/lib/*-linux-gnu")))}
        # Newer servers consist of several programs.
        sessions = self.files / "usr/lib/openssh/sshd-session"
        further = [f"-oSshdSessionPath={sessions}"] if sessions.exists() else []
        authentication = sessions.with_name("sshd-auth")
        further += [f"-oSshdAuthPath={authentication}"] if authentication.exists() else []
        self.process = subprocess.Popen(
            [program, "-D", "-e", "-f", config, *further],
            env={"PATH": os.environ["PATH"]} | libraries,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("a"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_for(self._listens, lambda: f"sshd does not listen\n{self.log.read_text()}")

    def _listens(self):
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        """Ends the server; connections that there are go on."""
        self.process.kill()
        self.process.wait()
