import pytest

from upstream_sandbox import our_program, upstream_program


@pytest.fixture(scope="session")
def upstream(gp_env):
    """Upstream's program, as `upstream_sandbox.Program`."""
    return upstream_program(gp_env)


@pytest.fixture(scope="session")
def ours(binaries):
    """Our program, as `upstream_sandbox.Program`."""
    return our_program(binaries)
