"""Values as traitlets reads them: the same ones given to upstream's program and to ours.

Lists of users may be literals of Python or JSON, numbers what Python's `int` takes. What upstream understands, ours
has to understand likewise. Where upstream makes something else of a value than can be meant, ours does what is meant,
or refuses it.
"""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from upstream_sandbox import Sandbox

OWN = "home/.jupyter/jupyter_docker_spec_config"
SHARED = "home/.jupyter/jupyter_config"
REFUSED = "refused"


@dataclass(frozen=True)
class Case:
    name: str
    args: tuple = ()
    env: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    # What ours makes of it where upstream makes something else: what is different in `config` (None: not there),
    # or REFUSED, with the word of the message that names the place.
    ours: object = None
    named: str = ""


CASES = []


def case(name, *args, **more):
    CASES.append(Case(name, args, **more))


# --- lists -------------------------------------------------------------------------------------------------

UNDERSTOOD = (
    "['mallory']", "['a','b']", '["a","b"]', "('a','b')", "('mallory',)", "{'a'}", "[]", "()", "{}", "['a',]",
    "[ 'a' , 'b' ]", "['a','a']", "[u'a']", r"['DOM\\eve']", r"['DOM\eve']", r"['o\'brien']", "[\"o'brien\"]",
    "['Smith (admin)']", "None", "o'brien", r'["zo\u00eb"]',
)
MEANT = {  # what upstream makes something else of, though it is clear what is meant
    "('mallory')": ["mallory"],
    " ['a']": ["a"],
    "['a'] ": ["a"],
    "a,b": ["a", "b"],
    "['a,b']": ["a", "b"],
    "'bob'": ["bob"],
    '"bob"': ["bob"],
}
UNCLEAR = (
    "[mallory]", "['a'", "'a']", "['a'}", "[['a']]", "[('a','b')]", "{'a':1}", "[1,2]", "[None]", "[b'a']",
    "['a' 'b']", "'a','b'", "frozenset({'a'})", "set()", "['a'] ['b']", "['a'], ['b']",
)
for kind in ("authorized", "unauthorized"):
    trait = f"{kind}_users"
    # All of them for the list that keeps people out; it is the same code.
    forms = [(f"--{kind}-users", None if kind == "unauthorized" else 3), (f"--DockerSpecInstaller.{trait}", 3)]
    for named, number in forms:
        for value in UNDERSTOOD[:number]:
            case(f"{named}={value}", f"{named}={value}")
        for value, names in [*MEANT.items()][:number]:
            case(f"{named}={value}", f"{named}={value}", ours={trait: names})
        for value in UNCLEAR[:number]:
            case(f"{named}={value}", f"{named}={value}", ours=REFUSED, named=named)
    variable = f"GP_{kind.upper()}_USERS"
    for value, names in (("['a','b']", ["a", "b"]), ('["a"]', ["a"]), ("('a', 'b')", ["a", "b"])):
        case(f"{variable} {value}", env={variable: value}, ours={trait: names})
    for value in ("[a]", "['a'", "a']", "'a','b'"):
        case(f"{variable} {value}", env={variable: value}, ours=REFUSED, named=variable)
    for value, ours in (
        ('["a", "b"]', None), ('["b"]', None), ("[]", None), ('"bob"', None), ("null", None), ('{"a": 1}', None),
        ('["a", 1]', REFUSED), ('[["a"]]', REFUSED), ("\"['a', 'b']\"", {trait: ["a", "b"]}), ('"[a]"', REFUSED),
        ("[\"['a'\"]", REFUSED),
    ):
        case(f"{kind} JSON {value}", files={f"{OWN}.json": f'{{"BaseSpecApp": {{"{trait}": {value}}}}}'},
             ours=ours, named=trait)

case("separate word", "--unauthorized-users", "['a']")
case("repeated", "--unauthorized-users=a", "--unauthorized-users=b")
case("repeated lists", "--unauthorized-users=['a']", "--unauthorized-users=b", ours={"unauthorized_users": ["a", "b"]})
case("class form and option", "--BaseSpecApp.unauthorized_users=a", "--unauthorized-users=b", ours=REFUSED,
     named="--unauthorized-users")  # only the option counts
case("class form repeated", "--RemoteProvisionerConfigMixin.authorized_users=a",
     "--RemoteProvisionerConfigMixin.authorized_users=b")
case("class form of another section", "--RemoteProvisionerConfigMixin.authorized_users=a", "--authorized-users=b",
     ours=REFUSED, named="--authorized-users")

# Written if it is not what applies without it.
for value in ("mallory", "mallory,root", "", "root"):
    case(f"unauthorized root where the variable is {value!r}", "--unauthorized-users=root",
         env={"GP_UNAUTHORIZED_USERS": value})
    case(f"unauthorized others where the variable is {value!r}", "--unauthorized-users=['eve']",
         env={"GP_UNAUTHORIZED_USERS": value})

# --- whole numbers -----------------------------------------------------------------------------------------

for value in ("1_000", " 5 ", "+5", "007", "5"):
    case(f"number {value!r}", f"--launch-timeout={value}")
    case(f"number in a class form {value!r}", f"--BaseSpecApp.launch_timeout={value}")
    case(f"number in a variable {value!r}", env={"GP_LAUNCH_TIMEOUT": value})
    case(f"number in the other variable {value!r}", env={"KERNEL_LAUNCH_TIMEOUT": value})
for value in ("0x10", "5.0", "1e2", "1__0", "_1", "5L", "None", "0b1", "[5]", "5 5"):
    case(f"no number {value!r}", f"--launch-timeout={value}", ours=REFUSED, named="--launch-timeout")
    case(f"no number in a variable {value!r}", env={"GP_LAUNCH_TIMEOUT": value}, ours=REFUSED,
         named="GP_LAUNCH_TIMEOUT")
for value in ("5", "5.0", "1e2", "5.5", '"5"', "null", "[5]"):
    case(f"number in JSON {value}", files={f"{OWN}.json": f'{{"BaseSpecApp": {{"launch_timeout": {value}}}}}'})
for value in ("true", "false"):
    case(f"number in JSON {value}", files={f"{OWN}.json": f'{{"BaseSpecApp": {{"launch_timeout": {value}}}}}'},
         ours=REFUSED, named="launch_timeout")
for value in ("1", "0", "true", "false", "1.0", '"true"', "null", "2"):
    case(f"flag in JSON {value}", files={f"{OWN}.json": f'{{"BaseSpecApp": {{"replace": {value}}}}}'})
for value in (" 2000..4000 ", "2_000..4_000", "2000 .. 4000"):  # the provisioner reads them with `int`
    case(f"ports {value!r}", f"--port-range={value}", ours={"port_range": "2000..4000"})
for value in ("1_0", " 10", "20", "INFO"):
    case(f"level {value!r}", f"--log-level={value}")
for value in ("20", "20.0", '"INFO"', "15", "null", '"x"'):
    case(f"level in JSON {value}", files={f"{OWN}.json": f'{{"Application": {{"log_level": {value}}}}}'})

# --- None --------------------------------------------------------------------------------------------------

VARIABLES = {"GP_IMAGE_NAME": "from/variable", "GP_PORT_RANGE": "3000..5000"}
for option in ("image-name", "port-range", "display-name", "kernel-name", "language"):
    case(f"None for {option}", f"--{option}=None", env=VARIABLES)
for trait in ("image_name", "port_range"):
    case(f"null for {trait}", files={f"{OWN}.json": f'{{"DockerSpecInstaller": {{"{trait}": null}}}}'}, env=VARIABLES)
    # The text, in capitals, is the name of no image; but that is for the engine to say.
    case(f"text None for {trait}", files={f"{OWN}.json": f'{{"DockerSpecInstaller": {{"{trait}": "None"}}}}'},
         env=VARIABLES, ours=REFUSED if trait == "port_range" else None, named=trait)

# --- files -------------------------------------------------------------------------------------------------


def section(name, **values):
    return json.dumps({name: values})


BESIDE = {
    "work/mine.json": section("BaseSpecApp", display_name="JSON"),
    "work/mine.py": "c.BaseSpecApp.display_name = 'Python'\nc.DockerSpecInstaller.image_name = 'of/python'\n",
}
for word in ("mine.json", "mine.py", "mine", "mine.v1", "{work}/mine.json"):
    case(f"both files of {word}", f"--config={word}", files=BESIDE)
case("the other file", "--config=mine.json", files={"work/mine.py": BESIDE["work/mine.py"]})
case("a name with an ending", "--JupyterApp.config_file_name=other.json",
     files={"home/.jupyter/other.json": section("BaseSpecApp", display_name="Other")})
OTHERS = json.dumps({
    "ServerApp": {"port": 1}, "KernelSpecManager": {"x": 2}, "K8sSpecInstaller": {"image_name": "k"},
    "DockerProvisioner": {"image_name": "p"}, "JupyterHub": {}, "LabApp": {"y": None}, "foo": 1,
    "BaseSpecApp": {"display_name": "Ours"},
})
case("sections of others in a named file", "--config=mine.json", files={"work/mine.json": OTHERS})
case("sections of others in the own file", files={f"{OWN}.json": OTHERS})
case("sections of others in Python", files={
    f"{OWN}.py": "c.ServerApp.port = 1\nc.LabApp.x.append(2)\nc.BaseSpecApp.display_name = 'Ours'\n"})
case("own base before the shared derived", files={
    f"{SHARED}.json": section("DockerSpecInstaller", display_name="Shared"),
    f"{OWN}.json": section("BaseSpecApp", display_name="Own")})

# Lists to which something is added.
for call in ("update({'eve'})", "add('eve')", "update(['eve', 'root'])"):
    case(f"unauthorized {call}", files={f"{OWN}.py": f"c.DockerSpecInstaller.unauthorized_users.{call}\n"})
for call in ("append('eve')", "extend(['eve'])", "prepend(['eve'])", "insert(0, 'eve')"):  # upstream: no effect
    case(f"unauthorized {call}", files={f"{OWN}.py": f"c.BaseSpecApp.unauthorized_users.{call}\n"},
         ours={"unauthorized_users": ["eve", "root"]})
    case(f"authorized {call}", files={f"{OWN}.py": f"c.BaseSpecApp.authorized_users.{call}\n"},
         ours={"authorized_users": ["eve"]})
case("added to the variable", env={"GP_UNAUTHORIZED_USERS": "mallory"},
     files={f"{OWN}.py": "c.DockerSpecInstaller.unauthorized_users.update({'eve'})\n"})
case("added to the other variable", env={"GP_AUTHORIZED_USERS": "bob"},
     files={f"{OWN}.py": "c.DockerSpecInstaller.authorized_users.update({'eve'})\n"})
case("added to the shared file", files={
    f"{SHARED}.py": "c.BaseSpecApp.authorized_users = {'a'}\n",
    f"{OWN}.py": "c.DockerSpecInstaller.authorized_users.update({'b'})\n"})
case("added in both files", files={
    f"{SHARED}.py": "c.BaseSpecApp.authorized_users.add('a')\n",
    f"{OWN}.py": "c.BaseSpecApp.authorized_users.add('b')\n"})
case("added to the base", files={
    f"{OWN}.py": "c.BaseSpecApp.authorized_users = {'a'}\nc.DockerSpecInstaller.authorized_users.update({'b'})\n"})
case("replaced by the derived", files={
    f"{OWN}.py": "c.BaseSpecApp.authorized_users.add('a')\nc.DockerSpecInstaller.authorized_users = {'b'}\n"})
case("replaced by JSON", files={
    f"{OWN}.py": "c.BaseSpecApp.authorized_users.add('a')\n", f"{OWN}.json": section("BaseSpecApp", authorized_users=["b"])})
case("replaced by the command line", "--authorized-users=z", files={
    f"{OWN}.py": "c.BaseSpecApp.authorized_users.add('a')\n"})
case("only looked at", files={
    f"{OWN}.py": "if c.DockerSpecInstaller.unauthorized_users or c.DockerSpecInstaller.image_name: pass\n"})
case("added to no list", files={f"{OWN}.py": "c.DockerSpecInstaller.image_name.append('x')\n"}, ours=REFUSED,
     named="image_name")

# What Python has and JSON has not.
for value in ("('a', 'b')", "{'a'}", "'bob'", "{'a': 1}", "None"):
    case(f"users in Python {value}", files={f"{OWN}.py": f"c.BaseSpecApp.authorized_users = {value}\n"})
for trait, value in (("display_name", "Path('/x')"), ("prefix", "Path('/x')"), ("launch_timeout", "5.5"),
                     ("launch_timeout", "5j"), ("image_name", "None"), ("launch_timeout", "5.0")):
    case(f"{trait} in Python {value}", files={
        f"{OWN}.py": f"from pathlib import Path\nc.DockerSpecInstaller.{trait} = {value}\n"})
case("users that are no texts", files={f"{OWN}.py": "c.BaseSpecApp.unauthorized_users = {1, object()}\n"},
     ours=REFUSED, named="unauthorized_users")

# --- directories -------------------------------------------------------------------------------------------

FILE = "jupyter_docker_spec_config.json"
DIRECTORIES = {f"{place}/{FILE}": section("BaseSpecApp", display_name=place, **more) for place, more in {
    "x1/jupyter": {}, "x2/jupyter": {"kernel_name": "of_x2"}, "work/rel/jupyter": {"kernel_name": "relative"},
    "home/c": {"kernel_name": "of_c"}, "work/c": {"kernel_name": "of_work"}}.items()}
for name, env in {
    "XDG_CONFIG_DIRS": {"JUPYTER_PLATFORM_DIRS": "1", "XDG_CONFIG_DIRS": "{root}/x1:{root}/x2"},
    "XDG_CONFIG_DIRS relative": {"JUPYTER_PLATFORM_DIRS": "1", "XDG_CONFIG_DIRS": "rel:{root}/x2:"},
    "XDG_CONFIG_DIRS alone": {"XDG_CONFIG_DIRS": "{root}/x1:{root}/x2"},
    "XDG_CONFIG_DIRS off": {"JUPYTER_PLATFORM_DIRS": "0", "XDG_CONFIG_DIRS": "{root}/x1"},
    "XDG_CONFIG_DIRS empty": {"JUPYTER_PLATFORM_DIRS": "1", "XDG_CONFIG_DIRS": ""},
    "XDG_CONFIG_HOME": {"JUPYTER_PLATFORM_DIRS": "1", "XDG_CONFIG_HOME": "{root}/x1", "XDG_CONFIG_DIRS": "{root}/x2"},
    "JUPYTER_CONFIG_PATH home": {"JUPYTER_CONFIG_PATH": "~/c"},
    "JUPYTER_CONFIG_PATH relative": {"JUPYTER_CONFIG_PATH": "c:{root}/x2/jupyter"},
    "JUPYTER_CONFIG_PATH variable": {"JUPYTER_CONFIG_PATH": "$HOME/c:${NO_SUCH}/x"},
    "JUPYTER_CONFIG_PATH braces": {"JUPYTER_CONFIG_PATH": "${HOME}/c"},
    "JUPYTER_CONFIG_DIR home": {"JUPYTER_CONFIG_DIR": "~/c"},
    "JUPYTER_CONFIG_DIR relative": {"JUPYTER_CONFIG_DIR": "c"},
    "JUPYTER_NO_CONFIG": {"JUPYTER_NO_CONFIG": "1", "JUPYTER_CONFIG_PATH": "{root}/x2/jupyter"},
}.items():
    case(name, env=env, files=DIRECTORIES)
case("a named file without configuration", "--config=c/" + FILE, env={"JUPYTER_NO_CONFIG": "1"}, files=DIRECTORIES)


@pytest.fixture(scope="module")
def results(request, tmp_path_factory, upstream, ours, gp_env):
    """What both programs made of the selected cases, by name, as many at a time as there are processors."""
    chosen = [item.callspec.params["case"] for item in request.session.items if item.originalname == test_value.__name__]

    def make(case):
        made = []
        for program in (upstream, ours):
            sandbox = Sandbox(tmp_path_factory.mktemp(program.name).resolve() / "box", program)
            for path, text in case.files.items():
                sandbox.write(path, text)
            environment = {"PATH": f"{sandbox.bin_dir}:{gp_env / 'bin'}:/usr/bin:/bin", **case.env}
            made.append(sandbox.run("install", "--user", *case.args, env=environment))
            # A launcher of a debug build is large, and there are hundreds of them.
            shutil.rmtree(sandbox.root)
        return made

    # Two threads that do this at the same time would be in each other's way.
    tmp_path_factory.getbasetemp()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {case.name: pool.submit(make, case) for case in chosen}


def understood(result):
    """Directory and kernel.json of what was installed, users in one order."""
    if result.failed:
        return None
    (directory,) = result.specs
    spec = json.loads(result.specs[directory])
    config = spec["metadata"]["kernel_provisioner"]["config"]
    for name in ("authorized_users", "unauthorized_users"):
        if name in config:
            config[name].sort(key=str)
    return directory, spec


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_value(case, results):
    theirs, mine = results[case.name].result()
    if case.ours == REFUSED:
        assert mine.failed and not mine.specs, mine.stderr
        assert case.named in mine.log[-1][1], mine.stderr
        return
    assert mine.failed == theirs.failed, f"upstream:\n{theirs.stderr}\nours:\n{mine.stderr}"
    if theirs.failed:
        assert not mine.specs
        return
    directory, expected = understood(theirs)
    if case.ours is not None:
        assert understood(mine) != (directory, expected), "upstream does the same as ours now"
        config = expected["metadata"]["kernel_provisioner"]["config"]
        config.update(case.ours)
    assert understood(mine) == (directory, expected), mine.stderr


def test_every_case_has_a_name_of_its_own():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) > 150


@pytest.mark.parametrize("words", [("--help-all",), ("--help-all", "install"), ("help",), ("help", "install"),
                                   ("install", "help"), ("install", "--help-all")])
def test_help_is_found_where_upstream_has_it(words, upstream, ours, tmp_path):
    for program in (upstream, ours):
        result = Sandbox(tmp_path / program.name, program).run(*words)
        assert result.status == 0, result.stderr
        has_classes = "--help-all" in words
        assert "--Application.log_level" in result.stdout or not has_classes, result.stdout
        of_install = "install" in words and words[0] != "--help-all"
        assert "--image-name" in result.stdout or not of_install, result.stdout
