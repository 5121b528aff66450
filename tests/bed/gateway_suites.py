"""Enterprise Gateway's own tests of kernels, with a gateway and a specification of ours."""

import re
import shutil
import tarfile
from pathlib import Path

SDISTS = Path(__file__).parents[2] / ".test" / "sdist"
TESTS = "enterprise_gateway.itests"
# Those that need no cluster, by the variable that tells them the specification.
PYTHON = (f"{TESTS}.test_python_kernel.TestPythonKernelLocal", "PYTHON_KERNEL_LOCAL_NAME")
R = (f"{TESTS}.test_r_kernel.TestRKernelLocal", "R_KERNEL_LOCAL_NAME")
AUTHORIZATION = (f"{TESTS}.test_authorization.TestAuthorization", "AUTHORIZATION_KERNEL_NAME")
FAILED = re.compile(r"^(?:FAIL|ERROR): (\w+) \(", re.MULTILINE)
NUMBER = re.compile(r"^Ran (\d+) tests?", re.MULTILINE)


def failures(gateway, place, suite, kernel):
    """Those of a suite that fail with a specification, with all that was said, and how many there are. They
    interrupt after a time that may be too short for a busy machine, hence what fails is tried once more."""
    tests, variable = suite
    (sdist,) = SDISTS.glob("jupyter_enterprise_gateway-*.tar.gz")
    source = place / "suite"
    shutil.rmtree(source, ignore_errors=True)
    with tarfile.open(sdist) as archive:
        archive.extractall(source, filter="data")
    (root,) = source.iterdir()

    def run(*names):
        where = [f"GATEWAY_HOST={gateway.address}", f"{variable}={kernel}", "ITEST_HOSTNAME_PREFIX=bob"]
        done = gateway.run("env", f"--chdir={root}", *where, gateway.driver[0], "-m", "unittest", *names)
        number = NUMBER.search(done.stderr)
        assert number and int(number[1]), done.stdout + done.stderr
        return {name: done.stderr for name in FAILED.findall(done.stderr)}, int(number[1])

    failed, number = run(tests)
    return {name: text for name, text in failed.items() if run(f"{tests}.{name}")[0]}, number
