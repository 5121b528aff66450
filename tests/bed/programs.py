"""The executables, which lie beside each other wherever they are."""

PROGRAMS = ("jupyter-docker-spec", "launch_docker", "bootstrap_kernel")
