"""The same command lines given to upstream's program and to ours: the same kernel.json has to come out.

Every row is a command line and an environment. A row without a `reason` asks for equal results: both succeed
and write the same kernelspecs in the same places, members in the same order, or both fail and change nothing.
A row with a `reason` is one where we differ on purpose; it says what ours does instead, and fails as well when
upstream no longer does what the reason says.
"""

import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from upstream_sandbox import Sandbox

LANGUAGES = ("Python", "R", "Scala")
KEY = {"Python": "python", "R": "r", "Scala": "scala"}


@dataclass(frozen=True)
class Row:
    name: str
    args: tuple
    env: dict = field(default_factory=dict)
    unset: tuple = ()
    before: tuple = ()  # command lines that are run first
    files: dict = field(default_factory=dict)  # files that are there already
    in_environment: bool = False  # run from a Python environment of its own

    # Where we differ on purpose:
    reason: str = ""
    refuses: bool = False  # ours fails and changes nothing, where upstream succeeds
    like: tuple | None = None  # ours does what upstream does on this command line
    like_env: dict | None = None
    change: tuple = ()  # (path in kernel.json, value) pairs that ours has instead
    differs: bool = True  # upstream's result is never the one that ours has to be

    @property
    def reference(self):
        """The row by which upstream makes what ours is compared with."""
        if self.like is None and self.like_env is None:
            return self
        args = self.args if self.like is None else self.like
        env = self.env if self.like_env is None else self.like_env
        return Row(self.name, args, env, self.unset, self.before, self.files, self.in_environment)


ROWS = []


def row(name, *args, **more):
    ROWS.append(Row(name, ("install", *args), **more))


CONFIG = ("metadata", "kernel_provisioner", "config")

# --- every documented option, for every language and both engines ------------------------------------------

for language in LANGUAGES:
    for swarm in ((), ("--swarm",)):
        kind = f"{KEY[language]}-{'swarm' if swarm else 'docker'}"
        common = (f"--language={language}", *swarm)
        row(f"{kind}-defaults", "--user", *common)
        row(f"{kind}-image", *common, "--user", "--image-name=foo/my_kernel_image:v4_0")
        row(f"{kind}-names", *common, "--user", "--kernel-name=mine", "--display-name=My own kernel")
        row(f"{kind}-users", *common, "--user", "--authorized-users=bob", "--unauthorized-users=eve")
        row(f"{kind}-limits", *common, "--user", "--port-range=40000..42000", "--launch-timeout=90")
        row(f"{kind}-variables", "--user", *common, env={
            "GP_IMAGE_NAME": "registry:5000/a/b@sha256:" + "0" * 64,
            "GP_AUTHORIZED_USERS": "bob",
            "GP_PORT_RANGE": "30000..31000",
            "GP_LAUNCH_TIMEOUT": "45",
        })
        row(f"{kind}-all", *common, "--prefix={prefix}", "--kernel-name=all", "--display-name=All of it",
            "--image-name=all:1", "--authorized-users=bob", "--unauthorized-users=eve", "--port-range=0..0",
            "--launch-timeout=1", "--log-level=ERROR", "--replace")

row("no-language", "--user")
row("language-lower", "--user", "--language=r")
row("language-upper", "--user", "--language=SCALA")
row("language-unknown", "--user", "--language=Julia")
row("language-empty", "--user", "--language=")

# --- the documentation's examples --------------------------------------------------------------------------

row("doc-r", "--user", "--language=R", "--kernel-name=r_docker", "--image-name=foo/my_r_kernel_image:v4_0")
row("doc-swarm", "--user", "--swarm", "--kernel-name=python_swarm")
row("doc-underscores", "--user", "--language=R", "--kernel-name=r_docker", "--image_name=foo/my_r_kernel_image:v4_0",
    reason="the documentation writes --image_name, which upstream ignores with a warning",
    like=("install", "--user", "--language=R", "--kernel-name=r_docker", "--image-name=foo/my_r_kernel_image:v4_0"))
row("underscores-everywhere", "--user", "--kernel_name=under_score", "--display_name=a_b", "--launch_timeout=5",
    "--port_range=30000..32000", "--authorized_users=a_b",
    reason="upstream ignores every option with an underscore",
    like=("install", "--user", "--kernel-name=under_score", "--display-name=a_b", "--launch-timeout=5",
          "--port-range=30000..32000", "--authorized-users=a_b"))

# --- spelling of the command line --------------------------------------------------------------------------

row("separate-values", "--user", "--kernel-name", "mine", "--display-name", "My own", "--image-name", "a:1",
    "--language", "R", "--launch-timeout", "7", "--port-range", "2000..3000", "--authorized-users", "bob")
row("flags-last", "--language=Scala", "--swarm", "--user", "--debug")
row("flag-repeated", "--user", "--user", "--swarm", "--swarm")
row("value-missing", "--user", "--kernel-name")
row("value-missing-before-option", "--kernel-name", "--user")
row("flag-with-value", "--user", "--swarm=true")
row("option-twice", "--user", "--kernel-name=a", "--kernel-name=b")
row("abbreviation", "--use")
row("abbreviation-of-option", "--user", "--image-na=mine",
    reason="upstream ignores what it does not know, and installs something else", refuses=True)
row("image-without-name", "--user", "--image=mine", like=("install", "--user", "--image-name=mine"),
    reason="upstream ignores what it does not know, and this is what people say who know docker")
row("unknown-flag", "--user", "--nonsense")
row("unknown-option", "--user", "--nonsense=3",
    reason="upstream ignores what it does not know, and installs something else", refuses=True)
row("unknown-misspelt", "--user", "--image-nane=foo")
row("positional", "--user", "extra",
    reason="upstream ignores extra words, so a forgotten -- goes unnoticed", refuses=True)
row("flag-with-separate-value", "--user", "--swarm", "true",
    reason="upstream ignores extra words, so a forgotten -- goes unnoticed", refuses=True)
row("value-quoted", "--user", "--display-name='In quotes'", '--image-name="a:1"')
row("value-half-quoted", "--user", "--display-name='")
row("value-quoted-tilde", "--user", "--display-name='~/x'")
row("value-quoted-separate", "--user", "--display-name", "'In quotes'", "--kernel-name", '"a_b"')
row("value-quoted-twice", "--user", "--display-name=\"'x'\"",
    reason="one pair of quotes is not part of a value; upstream also takes single ones inside double ones",
    like=("install", "--user"), change=((("display_name",), "'x'"),))
row("value-double-inside-single", "--user", "--display-name='\"x\"'",
    reason="upstream pastes values into JSON text: quotes break it",
    like=("install", "--user"), change=((("display_name",), '"x"'),))
row("value-quotes-inside-quotes", "--user", "--display-name=''x''")
row("value-with-dashes", "--user", "--display-name=--dashes_and_underscores--")
row("value-separate-with-dashes", "--user", "--display-name", "-- dashes_and_underscores")
row("value-separate-like-option", "--user", "--kernel-name", "-x")
row("value-with-equals", "--user", "--display-name=a=b=c", "--image-name", "x")
row("value-tilde", "--user", "--display-name=~/x")
row("value-tilde-separate", "--user", "--display-name", "~")
row("value-tilde-user", "--user", "--display-name=~root/x")
row("value-tilde-inside", "--user", "--display-name=a~b")
row("debug", "--user", "--debug")
for level in ("0", "10", "50", "DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"):
    row(f"log-level-{level}", "--user", f"--log-level={level}")
for level in ("15", "error", "WARNING", "x", ""):
    row(f"log-level-{level or 'empty'}-refused", "--user", f"--log-level={level}")

# --- names -------------------------------------------------------------------------------------------------

row("name-blanks-and-case", "--user", "--kernel-name=My Kernel 2")
row("name-upper", "--user", "--kernel-name=DOCKER_PYTHON", "--language=R")
row("name-punctuation", "--user", "--kernel-name=a.b-c_d..e")
row("name-hidden", "--user", "--kernel-name=.hidden")
row("name-dash", "--user", "--kernel-name=-x")
row("name-of-python-for-r", "--user", "--language=R", "--kernel-name=docker_python")
row("name-of-r-for-python", "--user", "--kernel-name=docker_r")
row("display-of-python-for-r", "--user", "--language=R", "--display-name=Docker Python")
row("display-of-python-for-scala", "--user", "--language=scala", "--display-name=Docker Python",
    "--kernel-name=docker_python", "--swarm")
row("display-of-r-for-scala", "--user", "--language=scala", "--display-name=Docker R")

JUPYTER = "prefix/share/jupyter"
for name, kernel_name, files in (
    ("dot-dot", "..", {f"{JUPYTER}/lab/settings.json": "{}", f"{JUPYTER}/kernels/other/kernel.json": "{}"}),
    ("dot", ".", {f"{JUPYTER}/kernels/other/kernel.json": "{}"}),
):
    row(f"name-{name}", "--prefix={prefix}", f"--kernel-name={kernel_name}", files=files,
        reason="upstream deletes the directory that the name leads to, and all that is in it", refuses=True)
for name, kernel_name in (("slash", "a/b"), ("parent", "../x"), ("letter", "na\u00efve"), ("star", "a*"), ("tab", "a\tb")):
    row(f"name-{name}", "--user", f"--kernel-name={kernel_name}",
        reason="upstream installs nothing, leaves its staging directory behind and exits with 0", refuses=True)
row("name-empty", "--user", "--kernel-name=",
    reason="upstream invents a name such as staging_x1y2z3", refuses=True)

# --- display names: values are data ------------------------------------------------------------------------

row("display-dollar", "--user", "--display-name=$HOME ${image_name} $$ 100%")
row("display-braces", "--user", "--display-name={kernel_id} {resource_dir} %s %(x)s")
row("display-unicode", "--user", "--display-name=Питон 🐍 naïve \u202e")
row("display-hash", "--user", "--display-name=C# // and # more")
row("display-html", "--user", "--display-name=<b>&amp;</b>")
row("display-slashes", "--user", "--display-name=a/b/../c")
row("display-apostrophe", "--user", "--display-name=Ada's")
row("display-blank", "--user", "--display-name= padded ")
row("display-empty", "--user", "--display-name=", reason="people would see no name", refuses=True)
TEXT = "upstream pastes values into JSON text: "
for name, value, how in (
    ("quotes", 'He said "hi"', "quotes break it, and a template with ${...} in it is left, with exit 0"),
    ("injection", 'x", "language": "R', "a display name can set other members"),
    ("backslash", "C:\\new\\table", "backslashes become escapes"),
    ("backslash-invalid", "a\\q", "an unknown escape breaks it, and a template with ${...} in it is left, with exit 0"),
    ("newline", "one\ntwo", "a control character breaks it, and a template is left, with exit 0"),
    ("control", "a\x01\tb", "a control character breaks it, and a template is left, with exit 0"),
):
    row(f"display-{name}", "--user", f"--display-name={value}", reason=TEXT + how,
        like=("install", "--user"), change=((("display_name",), value),))
IMAGE = "no engine takes it for the name of an image: every launch fails"
for name, value in (("quotes", 'a"b'), ("blanks", "a b"), ("equals", "x=y"), ("tag", "a:b c")):
    row(f"image-{name}", "--user", f"--image-name={value}", reason=IMAGE, refuses=True)
# Its documentation has one, with which no engine takes it.
row("image-capitals", "--user", "--image-name=My/Image")
row("image-variable-blanks", "--user", env={"GP_IMAGE_NAME": "a b"}, reason=IMAGE, refuses=True)
row("class-unknown", "--user", "--ipykernel-subclass-name=my.own.Kernel")

# --- users -------------------------------------------------------------------------------------------------

ORDER = "upstream writes a Python set in whatever order it comes"
row("users-several", "--user", "--authorized-users=bob", "--authorized-users=alice", "--authorized-users=carol",
    reason=ORDER, change=(((*CONFIG, "authorized_users"), ["alice", "bob", "carol"]),), differs=False)
row("users-unauthorized-several", "--user", "--unauthorized-users=root", "--unauthorized-users=eve",
    reason=ORDER, change=(((*CONFIG, "unauthorized_users"), ["eve", "root"]),), differs=False)
row("users-twice", "--user", "--authorized-users=bob", "--authorized-users=bob")
row("users-odd", "--user", "--authorized-users=bob@example.org", "--unauthorized-users=DOM\\eve")
row("users-tilde", "--user", "--authorized-users=~", "--unauthorized-users=~root")
row("users-variable-blanks", "--user", env={"GP_AUTHORIZED_USERS": "bob, alice"},
    reason="upstream keeps the blank, so that nobody is called so",
    change=(((*CONFIG, "authorized_users"), ["alice", "bob"]),))
NOBODY = "upstream admits only a user without a name, which is nobody"
row("users-variable-empty", "--user", env={"GP_AUTHORIZED_USERS": ""}, reason=NOBODY, refuses=True)
row("users-variable-trailing-comma", "--user", env={"GP_AUTHORIZED_USERS": "bob,"},
    reason="upstream also admits a user without a name",
    change=(((*CONFIG, "authorized_users"), ["bob"]),))
row("users-option-empty", "--user", "--authorized-users=", reason=NOBODY, refuses=True)
row("users-option-no-name", "--user", "--authorized-users=['']", reason=NOBODY, refuses=True)
row("users-unauthorized-option-empty", "--user", "--unauthorized-users=",
    reason="upstream keeps out only a user without a name, and lets root in", like=("install", "--user"))
row("users-option-comma", "--user", "--authorized-users=bob,alice",
    reason="upstream takes it for one user called `bob,alice`",
    change=(((*CONFIG, "authorized_users"), ["alice", "bob"]),))
row("users-unauthorized-variable", "--user", env={"GP_UNAUTHORIZED_USERS": "eve"},
    reason="upstream takes the variable for the default, and does not write it",
    like=("install", "--user", "--unauthorized-users=eve"), like_env={})
row("users-unauthorized-variable-several", "--user", env={"GP_UNAUTHORIZED_USERS": "root,eve,adam"},
    reason="upstream writes it or not, as the order of a Python set comes",
    like=("install", "--user", "--unauthorized-users=eve"), like_env={},
    change=(((*CONFIG, "unauthorized_users"), ["adam", "eve", "root"]),), differs=False)
row("users-unauthorized-variable-empty", "--user", env={"GP_UNAUTHORIZED_USERS": ""})
row("users-unauthorized-root", "--user", "--unauthorized-users=root")
row("users-option-beats-variable", "--user", "--authorized-users=carol", env={"GP_AUTHORIZED_USERS": "bob"})
row("users-unauthorized-option-beats-variable", "--user", "--unauthorized-users=carol",
    env={"GP_UNAUTHORIZED_USERS": "bob"})

# --- ports, time, image: the variables ---------------------------------------------------------------------

row("port-range-none", "--user", "--port-range=0..0")
row("port-range-no-enforcement", "--user", "--port-range=5000..5000")
row("port-range-smallest", "--user", "--port-range=1024..2024")
row("port-range-last", "--user", "--port-range=64000..65535")
row("port-range-variable-none", "--user", env={"GP_PORT_RANGE": "0..0"})
row("port-range-variable-empty", "--user", env={"GP_PORT_RANGE": ""})
row("port-range-empty", "--user", "--port-range=")
row("port-range-option-beats-variable", "--user", "--port-range=0..0", env={"GP_PORT_RANGE": "30000..31000"})
RANGE = "the provisioner refuses it at every launch"
for value in ("40000..40999", "41000..40000", "80..2000", "64000..65536", "40000", "40000-42000", "a..b", "-1..4000"):
    row(f"port-range-{value}", "--user", f"--port-range={value}", reason=RANGE, refuses=True)
row("port-range-variable-wrong", "--user", env={"GP_PORT_RANGE": "1..2"}, reason=RANGE, refuses=True)

row("timeout-kernel-variable", "--user", env={"KERNEL_LAUNCH_TIMEOUT": "77"})
row("timeout-both-variables", "--user", env={"KERNEL_LAUNCH_TIMEOUT": "77", "GP_LAUNCH_TIMEOUT": "78"})
row("timeout-option-beats-variables", "--user", "--launch-timeout=30",
    env={"KERNEL_LAUNCH_TIMEOUT": "77", "GP_LAUNCH_TIMEOUT": "78"})
row("timeout-not-a-number", "--user", "--launch-timeout=soon")
row("timeout-fraction", "--user", "--launch-timeout=1.5")
row("timeout-zero", "--user", "--launch-timeout=0", reason="no kernel starts in no time", refuses=True)
row("timeout-negative", "--user", "--launch-timeout=-3", reason="no kernel starts in no time", refuses=True)
row("timeout-variable-zero", "--user", env={"GP_LAUNCH_TIMEOUT": "0"},
    reason="no kernel starts in no time", refuses=True)
row("timeout-variable-not-a-number", "--user", env={"GP_LAUNCH_TIMEOUT": "soon"},
    reason="upstream leaves a template with ${...} in it, and exits with 0", refuses=True)
row("timeout-variable-empty", "--user", env={"GP_LAUNCH_TIMEOUT": ""},
    reason="upstream leaves a template with ${...} in it, and exits with 0", like_env={})
row("timeout-empty", "--user", "--launch-timeout=")

row("image-option-beats-variable", "--user", "--image-name=a:1", env={"GP_IMAGE_NAME": "b:2"})
row("image-empty", "--user", "--image-name=", reason="there is no image without a name", refuses=True)
row("image-variable-empty", "--user", env={"GP_IMAGE_NAME": ""},
    reason="there is no image without a name, so an empty variable is one that is not set", like_env={})

# --- the kernel's class ------------------------------------------------------------------------------------

row("class-of-ipykernel", "--user", "--ipykernel-subclass-name=ipykernel.inprocess.ipkernel.InProcessKernel")
row("class-default-given", "--user", "--ipykernel-subclass-name=ipykernel.ipkernel.IPythonKernel", "--swarm")
row("class-ignored-for-r", "--user", "--language=R", "--ipykernel-subclass-name=my.own.Kernel")
row("class-ignored-for-scala", "--user", "--language=Scala", "--ipykernel-subclass-name=not a class")
row("class-is-none", "--user", "--ipykernel-subclass-name=ipykernel.kernelbase.Kernel",
    reason="upstream imports the class here, so runs its code; whether it fits is known in the image",
    like=("install", "--user"), change=((("argv", -1), "ipykernel.kernelbase.Kernel"),),
    differs=False)  # where there is no ipykernel beside it, upstream cannot look either
row("class-without-dot", "--user", "--ipykernel-subclass-name=Kernel",
    reason="a class has a module, or the kernel fails in the container", refuses=True)
row("class-not-a-name", "--user", "--ipykernel-subclass-name=my.own kernel",
    reason="a class has a module, or the kernel fails in the container", refuses=True)
row("class-empty", "--user", "--ipykernel-subclass-name=",
    reason="a class has a module, or the kernel fails in the container", refuses=True, differs=False)

# --- destinations ------------------------------------------------------------------------------------------

row("prefix", "--prefix={prefix}")
row("prefix-separate", "--prefix", "{prefix}", "--swarm")
row("prefix-relative", "--prefix=some/where")
row("prefix-dots", "--prefix={prefix}/../other/./x/")
row("prefix-tilde", "--prefix=~/p")
row("prefix-empty", "--prefix=", "--user")
row("prefix-new", "--prefix={prefix}/not/there/yet")
row("prefix-blanks", "--prefix={prefix}/with blanks, a # and an ' in it")
row("prefix-unicode", "--prefix={prefix}/naïve")
row("prefix-dollar", "--prefix={prefix}/$HOME")
row("user-and-prefix", "--user", "--prefix={prefix}")
row("prefix-and-user", "--prefix", "{prefix}", "--user", "--replace")
row("user-and-sys-prefix", "--user", "--sys-prefix", in_environment=True)
row("sys-prefix", "--sys-prefix", in_environment=True)
row("sys-prefix-r", "--sys-prefix", "--language=R", in_environment=True)
row("sys-prefix-beats-prefix", "--sys-prefix", "--prefix={prefix}", in_environment=True)
row("prefix-loses-to-sys-prefix", "--prefix={prefix}", "--sys-prefix", in_environment=True)
row("user-home", "--user", unset=("JUPYTER_DATA_DIR",))
row("user-data-dir-empty", "--user", env={"JUPYTER_DATA_DIR": ""})
row("user-xdg", "--user", env={"XDG_DATA_HOME": "{home}/xdg"}, unset=("JUPYTER_DATA_DIR",))
row("user-xdg-relative", "--user", env={"XDG_DATA_HOME": "xdg"}, unset=("JUPYTER_DATA_DIR",),
    reason="upstream writes a relative path into kernel.json, where nobody finds it",
    like_env={"XDG_DATA_HOME": "{work}/xdg"})
row("user-xdg-not-used", "--user", env={"XDG_DATA_HOME": "{home}/xdg"})
row("user-platform-dirs", "--user", env={"JUPYTER_PLATFORM_DIRS": "1", "XDG_DATA_HOME": "{home}/xdg"},
    unset=("JUPYTER_DATA_DIR",))
row("user-platform-dirs-relative", "--user", env={"JUPYTER_PLATFORM_DIRS": "yes", "XDG_DATA_HOME": "xdg"},
    unset=("JUPYTER_DATA_DIR",))
row("user-platform-dirs-off", "--user", env={"JUPYTER_PLATFORM_DIRS": "FALSE", "XDG_DATA_HOME": "{home}/xdg"},
    unset=("JUPYTER_DATA_DIR",))
row("user-platform-dirs-empty", "--user", env={"JUPYTER_PLATFORM_DIRS": ""}, unset=("JUPYTER_DATA_DIR",))
row("system-platform-dirs", env={"JUPYTER_PLATFORM_DIRS": "1", "XDG_DATA_DIRS": "{root}/xdg:{root}/other"})
row("system-platform-dirs-relative", env={"JUPYTER_PLATFORM_DIRS": "1", "XDG_DATA_DIRS": "xdg:{root}/other"})
row("system-prefix-empty", "--prefix=", env={"JUPYTER_PLATFORM_DIRS": "1", "XDG_DATA_DIRS": "{root}/xdg"})
row("user-data-dir-relative", "--user", env={"JUPYTER_DATA_DIR": "some/data"},
    reason="upstream writes a relative path into kernel.json, where nobody finds it",
    like_env={"JUPYTER_DATA_DIR": "{work}/some/data"})
row("user-data-dir-tilde", "--user", env={"JUPYTER_DATA_DIR": "~/data"},
    reason="upstream makes a directory called ~",
    like_env={"JUPYTER_DATA_DIR": "{home}/data"})

# --- replacing ---------------------------------------------------------------------------------------------

OLD = ("install", "--user", "--display-name=The old one", "--image-name=old:1")
SPEC = "data/kernels/docker_python"
row("exists", "--user", before=(OLD,))
row("exists-replace", "--user", "--replace", before=(OLD,))
row("replace-nothing", "--user", "--replace")
row("replace-other-engine", "--user", "--replace", "--swarm", "--launch-timeout=60", before=(OLD,))
row("replace-other-language", "--user", "--replace", "--language=R", "--kernel-name=x",
    before=(("install", "--user", "--language=Scala", "--kernel-name=x"),))
row("replace-twice", "--user", "--replace", before=(OLD, ("install", "--user", "--replace", "--image-name=x:2")))
row("replace-drops-own-files", "--user", "--replace", before=(OLD,), files={f"{SPEC}/mine.txt": "x"})
row("replace-foreign", "--user", "--replace", files={f"{SPEC}/kernel.json": '{"argv": ["x"]}'})
row("exists-foreign", "--user", files={f"{SPEC}/kernel.json": '{"argv": ["x"]}'})
row("exists-broken", "--user", files={f"{SPEC}/kernel.json": "{"})
row("exists-by-its-other-name", "--user", "--kernel-name=A B", before=(("install", "--user", "--kernel-name=a_b"),),
    reason="upstream looks for `A_B`, does not find it and deletes `a_b` without --replace", refuses=True)
row("exists-elsewhere", "--user", before=(("install", "--prefix={prefix}"),))
row("exists-beside", "--user", "--kernel-name=second", before=(OLD,))
row("replace-and-both", "--user", "--prefix={prefix}", "--replace", before=(OLD,))
row("three-specifications", "--user", "--language=Scala", before=(
    ("install", "--user"), ("install", "--user", "--language=R", "--swarm")))


@pytest.fixture(scope="module")
def results(request, tmp_path_factory, upstream, ours):
    """The results of the selected rows, by program and row, made by as many processes at a time as there are processors."""
    rows = [item.callspec.params["row"] for item in request.session.items if item.originalname == test_row.__name__]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield Results(pool, tmp_path_factory, upstream, ours, rows)


class Results:
    def __init__(self, pool, tmp_path_factory, upstream, ours, rows):
        self.pool, self.tmp_path_factory = pool, tmp_path_factory
        self.programs = {"upstream": upstream, "ours": ours}
        self.futures = {}
        for row in rows:
            self.submit("upstream", row)
            self.submit("upstream", row.reference)
            self.submit("ours", row)

    def submit(self, name, row):
        # Rows that are compared with the same run of upstream's share it.
        key = (name, row.args, str(row.env), row.unset, row.before, str(row.files), row.in_environment)
        if key not in self.futures:
            root = self.tmp_path_factory.mktemp(name).resolve() / "box"
            self.futures[key] = self.pool.submit(self.make, root, self.programs[name], row)
        return self.futures[key]

    @staticmethod
    def make(root, program, row):
        root.mkdir()
        sandbox = Sandbox(root, program, row.in_environment)
        for earlier in row.before:
            done = sandbox.run(*earlier, env=row.env, unset=row.unset)
            assert not done.failed, done.stderr
        for path, text in row.files.items():
            sandbox.write(path, text)
        before = sandbox.snapshot()
        done = sandbox.run(*row.args, env=row.env, unset=row.unset)
        after = sandbox.snapshot()
        # There are hundreds of these, with a launcher in each.
        shutil.rmtree(root)
        return before, done, after

    def of(self, name, row):
        return self.submit(name, row).result()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row, results):
    ours_before, ours, ours_after = results.of("ours", row)
    _, upstream, upstream_after = results.of("upstream", row)

    assert not [path for path in ours_after if path.startswith("tmp/")], "something is left in TMPDIR"
    if ours.failed:
        assert ours_after == ours_before, "a failed command changed something"
        assert ours.stderr.strip(), "a failed command said nothing"

    if row.refuses:
        assert not (upstream.failed and row.differs), f"upstream refuses it as well:\n{upstream.stderr}"
        assert ours.failed, ours.specs
        for path in row.files:
            assert path in ours_after
            assert path not in upstream_after, "upstream does not delete it any more"
        return

    _, reference, _ = results.of("upstream", row.reference)
    assert ours.failed == reference.failed, f"upstream:\n{reference.stderr}\nours:\n{ours.stderr}"
    expected = changed(reference.specs, row.change)
    assert ours.specs == expected, ours.stderr
    if row.reason and row.differs:
        assert upstream.specs != expected, "upstream does the same as ours now"


def changed(specs, changes):
    """`specs` with other values at some paths of their kernel.json."""
    result = {}
    for directory, text in specs.items():
        if changes:
            spec = json.loads(text)
            for path, value in changes:
                place = spec
                for key in path[:-1]:
                    place = place[key]
                assert isinstance(place, list) or path[-1] in place, path
                place[path[-1]] = value
            text = json.dumps(spec, indent=2, ensure_ascii=False)
        result[directory] = text
    return result


def test_there_is_a_row_for_every_option(upstream, tmp_path):
    """So that an option that upstream gets is noticed."""
    help_text = Sandbox(tmp_path, upstream).run("install", "--help").stdout
    options = set(re.findall(r"^--[a-z][a-z-]*", help_text, re.MULTILINE))
    assert len(options) >= 17, help_text
    given = {word.split("=")[0] for row in ROWS for word in row.args if word.startswith("--")}
    assert options - given == {"--config"}
