"""Images whose kernels do not come up, each with what the log and the user have to see of it.

`all_of_them` are those that fail at once.
"""

# The header of a program for AArch64.
FOREIGN = r"\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\267\000\001"

MISSING = "127.0.0.1:1/jds-test/none:1", "could not be pulled"


def exits(engine):
    return engine.image("jds-test/broken", "CMD echo no such module; exit 3"), "status 3.*no such module"


def greedy(engine):
    """It needs a limit on its memory."""
    return engine.image("jds-test/greedy", "CMD tail /dev/zero"), "exceeding the memory limit"


def without_its_command(engine):
    return engine.image("jds-test/no-command", 'CMD ["/no/such/command"]'), "/no/such/command"


def of_another_architecture(engine):
    program = f"RUN printf '{FOREIGN}' > /program && chmod 0755 /program"
    return engine.image("jds-test/foreign", program, 'CMD ["/program"]'), "another architecture"


def silent(engine):
    """It runs, and does not call the server."""
    script = "echo I am no kernel; while true; do sleep 1; done"
    return engine.image("jds-test/silent", f"CMD {script}"), "not heard from the kernel.*I am no kernel"


def all_of_them(engine):
    for image in (exits, greedy, without_its_command, of_another_architecture):
        yield image(engine)
    yield MISSING
