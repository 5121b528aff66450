_jupyter-docker-spec_names() {
    local -a names
    names=(${(f)"$(jupyter-docker-spec list --json 2> /dev/null | sed -n 's/^ *"name": "\([^"]*\)",$/\1/p')"})
    compadd -a names
}

