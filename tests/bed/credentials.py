"""The ways in which a user's credentials for a registry are told to programs that use Docker."""

import json

from bed.distribution import IDENTITY, PASSWORD, USER, encoded

# With a password, and with an identity token.
WAYS = ["auth", "url", "username", "environment", "credHelpers", "credsStore"]
TOKEN_WAYS = ["identitytoken", "helper"]


def configure(home, content):
    """Writes Docker's `config.json`."""
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker" / "config.json").write_text(json.dumps(content))


def add_helper(directory, script):
    """Makes the credential helper `tests`. Returns the environment in which it is found."""
    helper = directory / "docker-credential-tests"
    helper.write_text(f"#!/bin/sh\n{script}\n")
    helper.chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin"}


def answering(directory, host, user, secret):
    """A helper that knows one registry."""
    answer = json.dumps({"ServerURL": host, "Username": user, "Secret": secret})
    knows = f'test "$1" = get && test "$(cat)" = {host} && echo \'{answer}\''
    return add_helper(directory, f"{knows} || {{ echo credentials not found; exit 1; }}")


def tell(way, home, host, password=PASSWORD):
    """Tells of a user's password or identity token in one of the ways. Returns what belongs into the
    environment."""
    auth = {"auth": encoded(USER, password)}
    if way == "auth":
        configure(home, {"auths": {"other.example": {"auth": "b3RoZXI6b3RoZXI="}, host: auth}})
    elif way == "url":
        configure(home, {"auths": {f"https://{host}/v2/": auth}})
    elif way == "username":
        configure(home, {"auths": {host: {"username": USER, "password": password}}})
    elif way == "environment":
        # It comes before the file.
        configure(home, {"auths": {host: {"auth": encoded(USER, "wrong")}}})
        return {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {host: auth}})}
    elif way == "credHelpers":
        configure(home, {"credsStore": "missing", "credHelpers": {host: "tests"}})
        return answering(home, host, USER, password)
    elif way == "credsStore":
        configure(home, {"credsStore": "tests", "auths": {host: {}}})
        return answering(home, host, USER, password)
    elif way == "identitytoken":
        configure(home, {"auths": {host: {"auth": encoded(USER, ""), "identitytoken": IDENTITY}}})
    elif way == "helper":
        configure(home, {"credHelpers": {host: "tests"}})
        return answering(home, host, "<token>", IDENTITY)
    return {}
