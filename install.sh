#!/usr/bin/env bash
# Builds the executables and puts them where Jupyter finds them, with manual pages and completions.
#
#   ./install.sh              beside the `jupyter` command on PATH, else into /usr/local/bin
#   ./install.sh DIRECTORY    into that directory
#
# `jupyter docker-spec` looks in the directory of `jupyter` itself first, and gateway_provisioners
# brings a command of the same name, which is replaced there: see "With gateway_provisioners" in
# docs/packages.md.
set -euo pipefail
cd "$(dirname "$0")"

packaging/prerequisites

jupyter=$(command -v jupyter || true)
case $jupyter in
    # A version manager's stub; the command itself lies with its Python.
    */shims/*) jupyter=$(python3 -c 'import sys; print(sys.prefix)')/bin/jupyter ;;
esac
directory=${1:-$(dirname "${jupyter:-/usr/local/bin/jupyter}")}

# Named, because Rust's own may be one with another C library.
target=$(uname -m)-unknown-linux-gnu
TARGET=$target packaging/build binaries
built=${CARGO_TARGET_DIR:-target}/packages/$target/release
as_owner=()
[ -w "$directory" ] || as_owner=(sudo)
# Those of bootstrap_kernel are one for each architecture of images.
bootstraps=("$built/bootstrap_kernel")
for other in "$built"/bootstrap_kernel-a*64; do
    [ ! -e "$other" ] || bootstraps+=("$other")
done
"${as_owner[@]}" install -m 0755 -t "$directory" \
    "$built/launch_docker" "${bootstraps[@]}" "$built/jupyter-docker-spec"
# For the time after gateway_provisioners has taken the first name.
"${as_owner[@]}" install -m 0755 -T "$built/jupyter-docker-spec" "$directory/jupyter-docker-spec-native"
printf 'Installed jupyter-docker-spec, launch_docker and bootstrap_kernel in %s\n' "$directory"

# Where `man` and shells look for what belongs to a directory `bin`.
[ "$(basename "$directory")" = bin ] || exit 0
share=$(dirname "$directory")/share
pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT
for shell in bash:bash-completion/completions/jupyter-docker-spec zsh:zsh/site-functions/_jupyter-docker-spec \
    fish:fish/vendor_completions.d/jupyter-docker-spec.fish; do
    "$built/jupyter-docker-spec" completions "${shell%%:*}" > "$pages/completions"
    "${as_owner[@]}" install -D -m 0644 -T "$pages/completions" "$share/${shell#*:}"
done
# Shells look for it by the command that is typed: it completes behind `jupyter` too, unless that has one of its own.
of_jupyter=$share/bash-completion/completions/jupyter
[ -e "$of_jupyter" ] || "${as_owner[@]}" ln -s jupyter-docker-spec "$of_jupyter"
"${as_owner[@]}" install -D -m 0644 -t "$share/man/man1" docs/man/*.1
printf 'Installed manual pages and completions in %s\n' "$share"
