"""Certificates for an engine that listens on TCP, made by `openssl` for one run of the tests."""

import subprocess
from pathlib import Path

PORT = 2376
HOST = f"tcp://127.0.0.1:{PORT}"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def authority(directory: Path):
    """A certificate authority in this directory: `ca.pem` and its key."""
    directory.mkdir(parents=True)
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tests"),
        *("-keyout", directory / "ca-key.pem", "-out", directory / "ca.pem"),
    )


def certificate(directory: Path, signer: Path, extensions):
    """A key and a certificate of that authority: what a side of the connection needs."""
    directory.mkdir(parents=True, exist_ok=True)
    request, settings = directory / "request.pem", directory / "extensions"
    settings.write_text(extensions)
    openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"),
        *("-keyout", directory / "key.pem", "-out", request),
    )
    openssl(
        *("x509", "-req", "-in", request, "-days", "2", "-extfile", settings),
        *("-CA", signer / "ca.pem", "-CAkey", signer / "ca-key.pem", "-CAcreateserial"),
        *("-out", directory / "cert.pem"),
    )
    if directory != signer:
        (directory / "ca.pem").write_bytes((signer / "ca.pem").read_bytes())


def prepare(directory: Path):
    """Makes the certificates of a server and a client, and returns the options of the engine."""
    signer, server, client = directory / "authority", directory / "server", directory / "client"
    authority(signer)
    certificate(server, signer, "subjectAltName=IP:127.0.0.1\n")
    certificate(client, signer, "extendedKeyUsage=clientAuth\n")
    return [
        f"--host={HOST}",
        "--tlsverify",
        f"--tlscacert={server / 'ca.pem'}",
        f"--tlscert={server / 'cert.pem'}",
        f"--tlskey={server / 'key.pem'}",
    ]


def expired(directory: Path, signer: Path, extensions):
    """The same as `certificate`, of a time that is over."""
    certificate(directory, signer, extensions)
    (directory / "index").write_text("")
    (directory / "ca.cnf").write_text(
        "[ca]\ndefault_ca = it\n[it]\npolicy = any\ndefault_md = sha256\nrand_serial = yes\n"
        f"new_certs_dir = {directory}\ndatabase = {directory / 'index'}\n[any]\ncommonName = supplied\n"
    )
    openssl(
        *("ca", "-batch", "-notext", "-config", directory / "ca.cnf", "-in", directory / "request.pem"),
        *("-startdate", "20200101000000Z", "-enddate", "20200201000000Z"),
        *("-extfile", directory / "extensions", "-out", directory / "cert.pem"),
        *("-cert", signer / "ca.pem", "-keyfile", signer / "ca-key.pem"),
    )
