"""The options of `install` that are Docker's take what the `docker` client takes, and mean the same.

Both are given the same words: `docker create` or `docker service create` here, `install` and a launch there. What an
engine is asked for then is compared, as far as the words have changed it; words that the client refuses are an error
of `install`. Where the two differ on purpose, or clients of several ages do, the table says why.
"""

import json
import os
import re
import shutil
import subprocess
from functools import cache

import pytest

from docker_recorder import Recorder

# Debian's, if there are several; another version can be tried with the variable.
DOCKER = os.environ.get("JDS_DOCKER") or shutil.which("docker", path="/usr/bin:/usr/local/bin")

# What both take, and what both refuse: that is found out. Words of one line are separated by " | ".
SAME = r'''
--add-host=h:1.2.3.4
--add-host=h:::1
--add-host=h:0:0:0:0:0:0:0:1
--add-host=h:host-gateway
--add-host=h:1.2.3.4 | --add-host=i:1.2.3.5
--add-host=h
--add-host=h:
--add-host=:1.2.3.4
--add-host=h:x
--cap-add=NET_ADMIN
--cap-add=ALL | --cap-drop=CAP_CHOWN
--cpu-shares=512
--cpu-shares=0x200
--cpu-shares=many
--cpus=1.5
--cpus=+1.5
--cpus=.5
--cpus=1/2
--cpus=15e-1
--cpus=0
--cpus=1.0000000001
--cpus=1/3
--cpus=x
--cpus=
--cpuset-cpus=0-1,3
--device=/dev/a
--device=/dev/a:r
--device=/dev/a:/dev/b
--device=/dev/a:/dev/b:rw
--device=/dev/a/../b
--device=/dev//a:/dev/./b
--device=/dev/a:/dev/b:mrw
--device=/dev/a:/dev/b:
--device=/dev/a:/dev/b:rr
--device=/dev/a:/dev/b:x
--device=/dev/a:b
--device=:/dev/b
--device=a
--device=/dev/a:/dev/b:r:w
--dns=1.2.3.4
--dns= 1.2.3.4
--dns=0:0:0:0:0:0:0:1
--dns=::ffff:1.2.3.4
--dns=x
--dns=01.2.3.4
--dns=fe80::1%eth0
--dns-search=.
--dns-search=a.b.
--dns-search=a-1.b
--dns-search=1
--dns-search=-a
--dns-search=a_b
--dns-search=
--domainname=example.org
--entrypoint=a b
--entrypoint=
--env=A=b=c
--env=A="b"
--env="A=b"
--env=A=
--env=A B=c
--env=A=1 | --env=B=2
--env==x
--env=
-eA=b
-e | A=b
--gpus=all
--gpus=2
--gpus=+2
--gpus=-1
--gpus=count=2
--gpus=count=all,capabilities=utility
--gpus=device=0
--gpus="device=0,1"
--gpus | "device=0,1"
--gpus=device=GPU-1
--gpus=all,"capabilities=compute,utility"
--gpus="capabilities=compute,utility"
--gpus=driver=nvidia
--gpus=driver=nvidia,"device=0,1"
--gpus="device=0,1",driver=nvidia,capabilities=utility
--gpus=driver=nvidia,count=2,"options=a=b,c=d"
--gpus=driver=nvidia,count=2,"options=""a=b,c"",d=e"
--gpus=1 | --gpus=device=GPU-1
--gpus=driver=a,driver=b
--gpus=0x2
--gpus=foo=x
--gpus=foo
--gpus="all
--gpus=
--group-add=2000
--group-add=video | --group-add=audio
--health-cmd=x y
--health-cmd="x" "y"
--health-cmd=
--health-cmd=x | --health-interval=1h5m0.5s | --health-timeout=3s | --health-retries=0x3 | --health-start-period=1m
--health-interval=1ms
--health-interval=100µs | --health-interval=2s
--health-interval=0
--health-interval=5
--health-interval=1d
--health-interval=-5s
--health-retries=3
--health-retries=-3
--health-retries=x
--no-healthcheck
--no-healthcheck=true
--no-healthcheck | --health-cmd=x
--hostname=a
--hostname=a | --hostname=b
--init
--init=false
--init=T
--init=0
--init=yes
--ipc=private
--label=a
--label=a=b=c
--label=a="b"
--label=a=b | --label=a=c
--label==x
--label=a b=c
--label=
-l | a=b
--log-driver=local
--log-driver=json-file | --log-opt=max-size=1m | --log-opt=max-file=2
--log-opt=a
--log-opt=a=b | --log-opt=a=c
--log-driver=none
--log-driver=none | --log-opt=a=b
--memory=1.5g
--memory=64MiB
--memory=64mb
--memory=64M
--memory=1 g
--memory=1000000000
--memory=1000000000b
--memory=1.5
--memory=5p
--memory=1tib
--memory=0
-m1g
-m | 1g
--memory=1g | --memory=2g
--memory=-1
--memory=
--memory=g
--memory=1x
--memory= 1g
--memory=1  g
--memory=1 gib b
--memory=1bb
--memory=1.2.3g
--memory-reservation=1g
--memory-swap=-1
--memory-swap=2g
--memory-swap=-2
--mount=type=bind,src=/a,dst=/b
--mount=dst=/b,ro,source=/a,type=bind
--mount=src=/a,TYPE=Bind,DST=/b,RO
--mount=type=bind,"src=/a,b",dst=/b
--mount=type=bind,src=/a b,dst=/b
--mount="type=bind","source=/a ""q""",target=/b
--mount=type=bind,src=/a=b,destination=/b
--mount=type=bind,src=/a,src=/c,dst=/b
--mount=dst=/b,src=v
--mount=dst=/b
--mount=type=bind,src=/a,dst=/b,readonly=false
--mount=type=bind,src=/a,dst=/b,readonly=1
--mount=type=bind,src=/a,dst=/b,readonly=yes
--mount=type=bind,src=/a,dst=/b,ro=
--mount=type=bind,src=/a,dst=/b,consistency=cached
--mount=type=bind,src=/a,dst=/b,bind-propagation=RSlave
--mount=type=volume,src=v,dst=/b,volume-nocopy
--mount=type=volume,src=v,dst=/b,volume-nocopy=false
--mount=type=volume,src=v,dst=/b,volume-driver=d,volume-opt=a=b,volume-opt=c=d=e,"volume-opt=o=x,y"
--mount=type=volume,src=v,dst=/b,volume-label=a=b,volume-label=c
--mount=type=tmpfs,dst=/b,tmpfs-size=1.5m,tmpfs-mode=1777
--mount=type=tmpfs,dst=/b,tmpfs-mode=0700
--mount=type=tmpfs,dst=/b,tmpfs-size=x
--mount=type=tmpfs,dst=/b,tmpfs-mode=9
--mount=type=tmpfs,dst=/b,tmpfs-mode=0o700
--mount=type=image,src=i,dst=/b
--mount=type=volume
--mount=type=,dst=/b
--mount=type=bind,src="/a",dst=/b
--mount=type=volume,src=v,dst=/b,volume-opt
--mount=type=volume,src=v,dst=/b,tmpfs-size=1m
--mount=type=volume,src=v,dst=/b,bind-propagation=rslave
--mount=type=bind,src=/a,dst=/b,volume-nocopy
--mount=type=bind,src=/a,dst=/b,foo=x
--mount=type=bind,src=/a,dst=/b,foo
--mount=type=bind,src=/a,dst=/b,
--mount=type=bind, src=/a,dst=/b
--mount="type=bind,src=/a,dst=/b
--mount=
--network=db
--network=name=db
--network=name=db,alias=x,alias=y
--network=alias=X,name=DB
--network=name=db,"alias=x"
--network=name=db,driver-opt=a=b
--network=alias=x
--network=name=db,foo=x
--network=name=db,alias
--network=
--pids-limit=100
--pids-limit=0x10
--pids-limit=010
--pids-limit=1_000
--pids-limit=+5
--pids-limit=-1
--pids-limit=0
--pids-limit=1.5
--pids-limit=1__0
--pids-limit=
--platform=linux/arm64
--platform=amd64
--platform=linux/arm64/v8
--platform=Linux/x86_64
--platform=linux//x
--platform=a/b/c/d
--platform=linux/a b
--privileged
--privileged=1
--privileged=false
--read-only
--read-only=f
--runtime=nvidia
--userns=host
--userns=
--security-opt=no-new-privileges
--security-opt=no-new-privileges:true
--security-opt=apparmor=x
--security-opt=label:user:x
--security-opt=seccomp=unconfined
--security-opt=seccomp:unconfined
--security-opt=seccomp=profile.json
--security-opt=seccomp=broken.json
--security-opt=seccomp=/nowhere/x
--security-opt=systempaths=unconfined | --security-opt=apparmor=x
--security-opt=foo
--shm-size=1g
--shm-size=0
--shm-size=x
--stop-timeout=3
--stop-timeout=0x10
--stop-timeout=x
--storage-opt=size=1g
--storage-opt=size
--sysctl=net.core.somaxconn=1024
--sysctl=kernel.sem=1 2
--sysctl=fs.mqueue.a=b=c
--sysctl=kernel.foo=1
--sysctl=net.x
--tmpfs=/x
--tmpfs=/x:size=1m,mode=1777
--tmpfs=/x:size=1m | --tmpfs=/y
--ulimit=nofile=1:2
--ulimit=nofile=5
--ulimit=nofile=5:-1
--ulimit=memlock=-1:-1
--ulimit=nofile=1 | --ulimit=core=0 | --ulimit=nofile=2
--ulimit=nofile=-1:5
--ulimit=nofile=6:5
--ulimit=nofile=1:2:3
--ulimit=as=5
--ulimit=nofile=0x10
--ulimit=nofile
--volume=/a:/b
--volume=/a:/b:ro
--volume=/a:/b:rw
--volume=/a:/b:ro,rslave
--volume=/a:/b:ro,Z
--volume=/a b:/b
--volume=v1:/b
--volume=v1:/b:nocopy
--volume=v1:/b:z
--volume=/b
-v | /a:/b
--workdir=/x y
-w/x
'''

# What clients of Docker 20.10 do not know yet or read in another way: it means what it does to newer ones, and to the
# pages of today; `None` is refused.
NEWER = {
    "--add-host=h=1.2.3.4": {"HostConfig": {"ExtraHosts": ["h:1.2.3.4"]}},
    "--add-host=h:[::1]": {"HostConfig": {"ExtraHosts": ["h:::1"]}},
    "--device=vendor.com/gpu=1": {
        "HostConfig": {"DeviceRequests": [{"DeviceIDs": ["vendor.com/gpu=1"], "Driver": "cdi"}]}
    },
    "--device=vendor.com/gpu=1 | --device=/dev/a": {
        "HostConfig": {"DeviceRequests": [{"DeviceIDs": ["vendor.com/gpu=1"], "Driver": "cdi"}], "Devices": [{"CgroupPermissions": "rwm", "PathInContainer": "/dev/a", "PathOnHost": "/dev/a"}]}
    },
    "--health-start-interval=2s": {"Healthcheck": {"StartInterval": 2000000000}},
    "--memory=.5g": {"HostConfig": {"Memory": 536870912}},
    "--memory=1gi": None,
    "--memory=1ib": None,
    "--mount=type=bind,src=./a,dst=/b": {
        "HostConfig": {"Mounts": [{"Source": "ROOT/work/a", "Target": "/b", "Type": "bind"}]}
    },
    "--mount=type=bind,src=/a,dst=/b,bind-recursive=disabled": {
        "HostConfig": {"Mounts": [{"BindOptions": {"NonRecursive": True}, "Source": "/a", "Target": "/b", "Type": "bind"}]}
    },
    "--mount=type=bind,src=/a,dst=/b,bind-recursive=foo": None,
    "--mount=type=bind,src=/a,dst=/b,ro,bind-recursive=writable": {
        "HostConfig": {"Mounts": [{"BindOptions": {"ReadOnlyNonRecursive": True}, "ReadOnly": True, "Source": "/a", "Target": "/b", "Type": "bind"}]}
    },
    "--mount=type=bind,src=/a,dst=/b,bind-recursive=writable": None,
    "--mount=type=bind,src=/a,dst=/b,ro,bind-recursive=readonly,bind-propagation=rprivate": {
        "HostConfig": {"Mounts": [{"BindOptions": {"Propagation": "rprivate", "ReadOnlyForceRecursive": True}, "ReadOnly": True, "Source": "/a", "Target": "/b", "Type": "bind"}]}
    },
    "--mount=type=bind,src=/a,dst=/b,ro,bind-recursive=readonly": None,
    "--mount=type=image,src=i,dst=/b,image-subpath=x": {
        "HostConfig": {"Mounts": [{"ImageOptions": {"Subpath": "x"}, "Source": "i", "Target": "/b", "Type": "image"}]}
    },
    "--mount=type=volume,src=v,dst=/b,volume-subpath=x/y": {
        "HostConfig": {"Mounts": [{"Source": "v", "Target": "/b", "Type": "volume", "VolumeOptions": {"Subpath": "x/y"}}]}
    },
    "--network=name=db,ip=10.0.0.2": {
        "NetworkingConfig": {"EndpointsConfig": {"db": {"IPAMConfig": {"IPv4Address": "10.0.0.2"}}}}
    },
    "--network=name=db,ip=10.0.0.2,mac-address=02:42:ac:11:00:02": {
        "NetworkingConfig": {"EndpointsConfig": {"db": {"IPAMConfig": {"IPv4Address": "10.0.0.2"}, "MacAddress": "02:42:ac:11:00:02"}}}
    },
    "--network=db | --network=name=other,alias=x": {
        "NetworkingConfig": {"EndpointsConfig": {"other": {"Aliases": ["x"]}}}
    },
    "--security-opt=seccomp=builtin": {"HostConfig": {"SecurityOpt": ["seccomp=builtin"]}},
    "--security-opt=apparmor=": None,
    "--volume=./a:/b": {"HostConfig": {"Mounts": [{"Source": "ROOT/work/a", "Target": "/b", "Type": "bind"}]}},
    "--volume=.:/b": {"HostConfig": {"Mounts": [{"Source": "ROOT/work", "Target": "/b", "Type": "bind"}]}},
    "--volume=../a:/b": {"HostConfig": {"Mounts": [{"Source": "ROOT/a", "Target": "/b", "Type": "bind"}]}},
    "--volume=/a:/b:": None,
    "--volume=/a::ro": None,
    "--volume=:/b": None,
    "--volume=": None,
}

# What the client hands on and the engine then refuses: we do so at once.
REFUSED_BY_ENGINES = r'''
--cpus=-1
--cpu-shares=-1
--device=a:/dev/b
--gpus=device=0,1
--gpus=device=0,count=2
--health-interval=1us
--mount=type=foo,dst=/b
--mount=type=npipe,src=v,dst=/b
--mount=type=bind,dst=/b
--mount=type=bind,src=a,dst=/b
--mount=type=bind,src=/a,dst=b
--mount=type=bind,src=/a,dst=/b,bind-propagation=foo
--mount=type=tmpfs,src=x,dst=/b
--tmpfs=x
--volume=~x/a:/b
--volume=/a:b
--volume=/a:/b:foo
--volume=/a:/b:ro,rw
--volume=/a:/b:nocopy
--volume=v1:/b:rslave
--volume=a:b:c:d
'''

# What differs, and why.
DECIDED = {
    "--cpus=0x2": "only what people write for numbers",
    "--gpus=0": "no GPU is no request for one",
    "--mount=type=cluster,src=v,dst=/b": "volumes of a cluster need drivers that no kernel here has been tried with",
    "--pids-limit=-5": "-1 is without a limit",
    "--platform=linux": "engines may be of any architecture",
    "--pull=daily": "20.10 finds out when it pulls",
    "--stop-timeout=-1": "what never ends would keep the server waiting",
    "--userns=x": "Podman has modes of its own, such as keep-id",
}

# `docker service create`, where the option has another name: how it is called there.
OF_SERVICE = {
    "--add-host": "--host",
    "--cpus": "--limit-cpu",
    "--group-add": "--group",
    "--memory": "--limit-memory",
    "--memory-reservation": "--reserve-memory",
    "--pids-limit": "--limit-pids",
}
SAME_FOR_SERVICES = r'''
--add-host=h:1.2.3.4
--add-host=h:x
--cap-add=CAP_NET_ADMIN
--constraint=node.role==worker
--constraint=node.labels.a != b | --constraint=node.role==worker
--cpus=1/2
--dns=::ffff:1.2.3.4
--dns=x
--dns-search=a.b.
--env=A=b
--env==x
--generic-resource=GPU=1
--generic-resource=GPU=0
--generic-resource= GPU = 1
--generic-resource=GPU=1 | --generic-resource=SSD=2
--generic-resource=GPU=-1
--generic-resource=GPU=uuid
--generic-resource=GPU=1,SSD=2
--generic-resource=GPU
--group-add=2000
--health-cmd=x | --health-interval=2s
--no-healthcheck
--hostname=x
--init
--init=false
--label=a b
--log-driver=x | --log-opt=a=b
--memory=1.5g
--memory-reservation=1g
--mount=type=bind,"src=/a,b",dst=/b,ro
--mount=type=tmpfs,dst=/b,tmpfs-size=1.5m,tmpfs-mode=1777
--mount=type=volume,src=v,dst=/b,volume-driver=d,volume-opt=a=b,volume-label=c=d
--mount=type=volume
--network=db
--network=name=db,alias=x,driver-opt=a=b
--network=name=db,foo=x
--pids-limit=0x10
--placement-pref=spread=node.labels.z
--placement-pref=spread=a | --placement-pref=spread=b
--placement-pref=spread=
--placement-pref=pack=x
--placement-pref=x
--read-only
--secret=a
--secret=source=a,target=b,uid=1,gid=2,mode=0440
--secret=SRC=a,mode=440
--secret=source=a,mode=0o440
--secret=source=a,mode=0x1FF
--secret=source=a,target=/run/x
--secret="source=a","target=b,c"
--secret=a | --secret=b
--secret=source=a,mode=9x
--secret=target=b
--secret=foo=x,source=a
--secret=a,b
--sysctl=net.x=1
--ulimit=nofile=1:2
--workdir=/x
'''


def lines(text):
    return [line for line in text.split("\n") if line]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory):
    recorder = Recorder(tmp_path_factory.mktemp("engine") / "docker.sock")
    yield recorder
    recorder.close()


class Clients:
    """The two ways to an engine."""

    def __init__(self, root, binaries, recorder):
        self.root, self.binaries, self.recorder = root, binaries, recorder
        self.work = root / "work"
        self.work.mkdir()
        (root / "home").mkdir()
        (self.work / "profile.json").write_text('{ "defaultAction": "SCMP_ACT_ALLOW",\n "syscalls": [{"names": ["$a"]}] }')
        (self.work / "broken.json").write_text("{")
        self.environ = {"PATH": "/usr/bin:/bin", "HOME": str(root / "home"), "DOCKER_HOST": recorder.host}

    def run(self, words, **more):
        done = subprocess.run(
            [str(word) for word in words],
            cwd=self.work,
            env={**self.environ, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done

    def docker(self, words, service=False):
        """What `docker` asks for; `None` if it refuses."""
        self.recorder.forget()
        if service:
            renamed = [OF_SERVICE.get(w.split("=")[0], w.split("=")[0]) + w[len(w.split("=")[0]) :] for w in words]
            self.run([DOCKER, "service", "create", "--detach", "--no-resolve-image", *renamed, "image"])
        else:
            self.run([DOCKER, "create", *words, "image"])
        return self.asked()

    def ours(self, words, service=False):
        """What a kernel's launch asks for; `None` if `install` refuses."""
        prefix = self.root / "prefix"
        mode, network = ("swarm", "overlay") if service else ("docker", "servers")
        swarm = ["--swarm"] if service else []
        command = [self.binaries / "jupyter-docker-spec", "install", f"--prefix={prefix}", "--replace", "--kernel-name=k"]
        done = self.run([*command, "--image-name=image", *swarm, *words])
        if done.returncode:
            assert "] " in done.stderr or "error: " in done.stderr, done.stderr
            assert "panicked" not in done.stderr, done.stderr
            return None
        self.recorder.forget()
        launcher = prefix / "share/jupyter/kernels/k/scripts/launch_docker"
        self.run(
            [launcher, "--kernel-id=1234", "--response-address=127.0.0.1:1", "--public-key=x"],
            GP_DOCKER_MODE=mode,
            GP_DOCKER_NETWORK=network,
            KERNEL_IMAGE="image",
            KERNEL_USERNAME="bob",
        )
        asked = self.asked()
        assert asked is not None, f"{words}: installed, but nothing was asked for"
        return asked

    @cache
    def plain(self, way, service):
        """What is asked for without any words."""
        return way([], service)

    def asked(self):
        created = self.recorder.created
        if created is None:
            return None
        # Without a value, but not for nothing.
        created["Volumes"] = list(created.get("Volumes") or [])
        created = without_nothing(created)
        networks = created.setdefault("NetworkingConfig", {}).setdefault("EndpointsConfig", {})
        networks.update(without_nothing(self.recorder.connected))
        created["Platform"] = self.recorder.platform
        return created


@pytest.fixture(scope="module")
def clients(tmp_path_factory, binaries, recorder):
    return Clients(tmp_path_factory.mktemp("clients"), binaries, recorder)


def without_nothing(value):
    """The same without what says nothing: Go's client writes out every field."""
    if isinstance(value, dict):
        cleaned = {name: without_nothing(field) for name, field in value.items()}
        # An empty network or preference is one all the same, and so is a signal that is switched off.
        return {name: field for name, field in cleaned.items() if field not in (None, "", 0, False, [], {})}
    if isinstance(value, list):
        return [without_nothing(item) for item in value]
    return value


def difference(request, plain):
    """What the words have changed of a request without any."""
    if isinstance(request, dict) and isinstance(plain, dict):
        fields = {name: difference(value, plain.get(name)) for name, value in request.items()}
        return {name: value for name, value in fields.items() if value != "the same"} or "the same"
    if isinstance(request, list) and isinstance(plain, list):
        more = [item for item in request if item not in plain]
        return more or "the same"
    return "the same" if request == plain else request


def container(request):
    return request.get("TaskTemplate", {}).get("ContainerSpec", request)


def meaning(request, plain, without_check):
    """The difference in one form, where there are several for the same."""
    if request is None:
        return "refused"
    # A kernel has no check, unless one is asked for.
    request, plain = json.loads(json.dumps([request, plain]))
    container(plain).pop("Healthcheck", None)
    if without_check and container(request).get("Healthcheck") == {"Test": ["NONE"]}:
        del container(request)["Healthcheck"]
    found = difference(request, plain)
    found = {} if found == "the same" else found
    host = found.setdefault("HostConfig", {})
    # A network is the first for the one, and a further one for the other.
    networks = found.setdefault("NetworkingConfig", {}).setdefault("EndpointsConfig", {})
    if (mode := host.pop("NetworkMode", None)) and mode != "default":
        networks.setdefault(mode, {})
    # Short volumes are mounts with us, and binds with Docker; those without a source are volumes of the image.
    mounts = host.setdefault("Mounts", [])
    relabelled = [bind for bind in host.get("Binds", []) if bind.split(":")[-1].lower().split(",")[-1] == "z"]
    for bind in host.pop("Binds", []):
        if bind not in relabelled:
            mounts.append(as_mount(*bind.split(":")))
    host["Binds"] = relabelled
    mounts += [{"Type": "volume", "Target": target} for target in found.pop("Volumes", [])]
    mounts.sort(key=json.dumps)
    for request in host.get("DeviceRequests", []):
        for all_of in request.get("Capabilities", []):
            all_of.sort()
    # The client has these in maps, which have no order.
    host.get("Ulimits", []).sort(key=lambda limit: limit["Name"])
    container(found).get("Secrets", []).sort(key=lambda secret: secret["SecretName"])
    found.get("Env", []).sort()
    resources = found.get("TaskTemplate", {}).get("Resources", {})
    for amount in resources.values():
        amount.get("GenericResources", []).sort(key=json.dumps)
    for name in ("CapAdd", "CapDrop"):
        # Newer clients do what engines do.
        host[name] = [cap if cap == "ALL" else "CAP_" + cap.removeprefix("CAP_") for cap in host.get(name, [])]
    if "SecurityOpt" in host:
        host["SecurityOpt"] = [as_profile(option) for option in host["SecurityOpt"]]
    return without_nothing(found)


def as_mount(source, target, options=""):
    mount = {"Type": "bind" if source.startswith("/") else "volume", "Source": source, "Target": target}
    for option in filter(None, options.split(",")):
        if option == "ro":
            mount["ReadOnly"] = True
        elif option == "nocopy":
            mount["VolumeOptions"] = {"NoCopy": True}
        elif option != "rw":
            mount["BindOptions"] = {"Propagation": option}
    return mount


def as_profile(option):
    name, _, value = option.partition("=")
    return [name, json.loads(value)] if name == "seccomp" and value.startswith("{") else option


def compare(clients, line, service=False):
    words = line.split(" | ")
    theirs, ours = clients.docker(words, service), clients.ours(words, service)
    without_check = not any(word.startswith("--no-health") for word in words)
    plain = clients.plain(clients.docker, service), clients.plain(clients.ours, service)
    return meaning(theirs, plain[0], without_check=False), meaning(ours, plain[1], without_check)


@pytest.mark.parametrize("line", lines(SAME))
def test_a_container_gets_what_docker_create_gives_it(clients, line):
    theirs, ours = compare(clients, line)
    assert ours == theirs


@pytest.mark.parametrize("line", lines(SAME_FOR_SERVICES))
def test_a_service_gets_what_docker_service_create_gives_it(clients, line):
    theirs, ours = compare(clients, line, service=True)
    assert ours == theirs


@pytest.mark.parametrize("line", lines(REFUSED_BY_ENGINES))
def test_what_engines_refuse_is_refused_at_once(clients, line):
    assert clients.ours(line.split(" | ")) is None


@pytest.mark.parametrize("line", NEWER)
def test_what_newer_clients_take(clients, line):
    _, ours = compare(clients, line)
    assert json.dumps(ours).replace(str(clients.root), "ROOT") == json.dumps(NEWER[line] or "refused")


@pytest.mark.parametrize("line", DECIDED)
def test_what_is_decided_in_another_way(clients, line):
    theirs, ours = compare(clients, line)
    assert theirs != ours, f"it is the same now, and was not because {DECIDED[line]}"


@pytest.mark.parametrize(
    "text",
    [
        "A=1\nB=x y\n",
        "A='x'\nB=\"y\"\n",
        "  A=1  \n\tB= 2\n",
        "# A=0\n\n #B\nC=1 # 2\n",
        "\ufeffA=1\r\nB=2\r\n",
        "A=$HOME\nB=${HOME}\nC=a=b\nD=\n",
        "A=1\nA=2\n",
        "export A=1\n",
        "=1\n",
        "A B\n",
        "A =1\n",
    ],
)
def test_a_file_of_variables_is_read_as_docker_reads_it(clients, text):
    # A name alone is refused where others may write, as to /tmp.
    (clients.work / "vars.env").write_text(text, newline="")
    theirs = clients.docker(["--env-file=vars.env"])
    try:
        ours = clients.ours(["--env-file=vars.env"])
    except AssertionError:
        # Installed, as it may be another file then, but not launched.
        ours = None
    plain = set(clients.plain(clients.ours, False)["Env"])
    assert (theirs is None) == (ours is None)
    if theirs:
        # Of two with one name the last counts for the client's engine.
        expected = {line.split("=", 1)[0]: line for line in theirs["Env"]}
        assert sorted(set(ours["Env"]) - plain) == sorted(expected.values())


def test_there_are_enough_values_right_ones_and_wrong_ones():
    assert len(lines(SAME)) + len(lines(SAME_FOR_SERVICES)) > 250


def test_every_option_that_is_dockers_is_tried(clients):
    text = clients.run([clients.binaries / "jupyter-docker-spec", "install", "--help"]).stdout
    written = text[text.index("Container (written to") :].partition("Examples:")[0]
    options = set(re.findall(r"^ {2,8}(?:-\w, )?(--[\w-]+)", written, re.MULTILINE))
    tried = {word.split("=")[0] for line in [*lines(SAME + SAME_FOR_SERVICES), *NEWER] for word in line.split(" | ")}
    # Ours; files, of which a test of their own tells; and what says when to pull, which `docker create` does itself.
    ours = {
        "--mount-cwd", "--no-mount-cwd", "--container-user", "--engine", "--signals-from", "--warm", "--warm-command",
        "--warm-time",
    }
    assert options - tried - ours - {"--env-file", "--pull"} == set()
