#!/usr/bin/env bash
# Builds both executables and puts them where Jupyter finds them.
#
#   ./install.sh              beside the `jupyter` command on PATH, else into /usr/local/bin
#   ./install.sh DIRECTORY    into that directory
#
# `jupyter docker-spec` looks in the directory of `jupyter` itself first, and gateway_provisioners
# brings a command of the same name, which is replaced there: see "With gateway_provisioners" in
# docs/packages.md.
set -euo pipefail
cd "$(dirname "$0")"

jupyter=$(command -v jupyter || true)
case $jupyter in
    # A version manager's stub; the command itself lies with its Python.
    */shims/*) jupyter=$(python3 -c 'import sys; print(sys.prefix)')/bin/jupyter ;;
esac
directory=${1:-$(dirname "${jupyter:-/usr/local/bin/jupyter}")}

case $(uname -m) in
    aarch64) build=build-static-aarch64 target=aarch64-unknown-linux-gnu ;;
    *) build=build-static target=x86_64-unknown-linux-gnu ;;
esac
cargo "$build"
built=${CARGO_TARGET_DIR:-target}/$target/release
as_owner=()
[ -w "$directory" ] || as_owner=(sudo)
"${as_owner[@]}" install -m 0755 -t "$directory" "$built/launch_docker" "$built/jupyter-docker-spec"
printf 'Installed jupyter-docker-spec and launch_docker in %s\n' "$directory"
