
# The names of specifications, where they are wanted.
_jupyter-docker-spec_with_names() {
    local current=${COMP_WORDS[COMP_CWORD]} names
    _jupyter-docker-spec "$@"
    case ${COMP_WORDS[1]}/$current in
        */-*) ;;
        show/* | set/* | rename/* | remove/* | uninstall/* | rm/* | convert/* | check/* | pull/*)
            names=$(jupyter-docker-spec list --json 2> /dev/null | sed -n 's/^ *"name": "\([^"]*\)",$/\1/p')
            COMPREPLY=($(compgen -W "$names" -- "$current"))
            ;;
    esac
}
complete -F _jupyter-docker-spec_with_names -o bashdefault -o default jupyter-docker-spec

# The same behind `jupyter docker-spec`, unless `jupyter` has a completion of its own.
_jupyter-docker-spec_of_jupyter() {
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W docker-spec -- "$2"))
    elif [ "${COMP_WORDS[1]}" = docker-spec ]; then
        local COMP_WORDS=(jupyter-docker-spec "${COMP_WORDS[@]:2}") COMP_CWORD=$((COMP_CWORD - 1))
        _jupyter-docker-spec_with_names jupyter-docker-spec "$2" "${COMP_WORDS[COMP_CWORD - 1]}"
    fi
}
complete -p jupyter > /dev/null 2>&1 || complete -F _jupyter-docker-spec_of_jupyter -o bashdefault -o default jupyter
