"""What the real registries of the tests serve: images that are pushed into one storage."""

import re

from bed.distribution import Authority, Distribution

# Content that does not compress, so that a slow line takes its time; 3 MB in three layers.
LAYERS = [f"RUN head -c 1000000 /dev/urandom > /data{number}" for number in (1, 2, 3)]
SLEEPS = "CMD exec sleep 600"


class Shelf:
    """A storage, and registries that serve it."""

    def __init__(self, engine, program):
        self.engine, self._program = engine, program
        self._directory = engine.run / "registries"
        self._directory.mkdir()
        self._storage = self._directory / "storage"
        self.authority = Authority(self._directory / "tls")
        self._inlet = None

    def __enter__(self):
        # An engine speaks plain HTTP to the loopback interface.
        self._inlet = Distribution(self._program, self._directory, self._storage)
        return self

    def __exit__(self, *_):
        self._inlet.stop()

    @property
    def directory(self):
        """Where files of a run may lie."""
        return self._directory

    def serve(self, auth=None):
        """A registry with TLS that serves all that is in the storage."""
        return Distribution(self._program, self._directory, self._storage, self.authority, auth)

    def put(self, name, *lines, base="jds-test/tiny"):
        """Builds an image and puts it into the storage; the engine does not have it then. Returns its
        digest."""
        image = f"{self._inlet.host}/{name}"
        text = "\n".join([f"FROM {base}", "LABEL jds.test=1", *lines, ""])
        build = ("build", "--quiet", "--no-cache", "--tag", image, "-")
        self.engine.docker(*build, stdin=text)
        pushed = self.engine.docker("push", image)
        self.engine.docker("image", "rm", image)
        return re.search(r"digest: (sha256:[0-9a-f]{64})", pushed)[1]
