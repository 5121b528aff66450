# Looks for what the bootstrap would run next, in its place: in a container of the kernel's image, with the
# kernel's user and variables. Each thing that is not there is a line of its own, and the end is one too: a
# look that was cut short tells nothing.

say() { printf '\njupyter-docker-spec: %s\n' "$*"; }

has_program() {
    command -v "$1" > /dev/null || { say "no program $1"; return 1; }
}

# has_modules PYTHON MODULE...: found, not imported, which would take a second.
has_modules() {
    has_program "$1" || return 0
    "$1" -c '
import importlib.util, sys
for name in sys.argv[1:]:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        print("\njupyter-docker-spec: no module", name)
' "${@:2}"
}

# has_packages PACKAGE...: loaded, because a package of R is no use without those that it needs.
has_packages() {
    has_program Rscript || return 0
    Rscript -e '
for (name in commandArgs(TRUE))
    if (!suppressWarnings(suppressMessages(requireNamespace(name, quietly = TRUE))))
        cat("\njupyter-docker-spec: no package", name, "\n")
' "$@"
}

# has_jar NAME: one of any version.
has_jar() {
    compgen -G "$launchers/scala/lib/$1*.jar" > /dev/null || say "no file $launchers/scala/lib/$1-*.jar"
}

has_spark() {
    if [ -z "${SPARK_HOME:-}" ]; then
        say "no variable SPARK_HOME"
    elif [ ! -x "$SPARK_HOME/bin/spark-submit" ]; then
        say "no file $SPARK_HOME/bin/spark-submit"
    fi
    has_program "${JAVA_HOME:+$JAVA_HOME/bin/}java" || return 0
}

# The bootstrap can be there and not run: what the system would say of it is only known when it is tried, and it
# is not to be tried.
look_at_bootstrap() {
    local file=$JUPYTER_DOCKER_SPEC_FILE text='' line interpreter rest
    [ -n "$file" ] || return 0
    case $file in */*) ;; *) file=$(command -v "$file") || return 0 ;; esac
    if [ ! -r "$file" ] || [ ! -x "$file" ]; then
        say "no right $file"
        return 0
    fi
    IFS= read -r -d '' -n 65536 text < "$file" || true
    case $text in *$'\r'*) say "no ends $file"; return 0 ;; esac
    line=${text%%$'\n'*}
    read -r interpreter rest <<< "${line#'#!'}"
    if [ "$line" = "${line#'#!'}" ]; then
        say "no line $file"
    elif [ ! -x "$interpreter" ]; then
        say "no interpreter $line"
    elif [ "${interpreter##*/}" = env ] && ! command -v "${rest##* }" > /dev/null; then
        say "no interpreter $line"
    fi
}

look() {
    look_at_bootstrap
    case ${KERNEL_LANGUAGE,,} in
        python)
            has_modules python ipykernel jupyter_client Cryptodome
            ;;
        r)
            has_modules "${PYSPARK_PYTHON:-python}" imp jupyter_client Cryptodome &&
                has_packages IRkernel argparse jsonlite stringr
            ;;
        scala)
            has_jar toree-assembly
            has_jar toree-launcher
            has_spark
            ;;
    esac && say 'that is all'
}

launchers=${KERNEL_LAUNCHERS_DIR:-/usr/local/bin/kernel-launchers}
# The container ends by itself, also if nobody waits for it any more.
trap 'exit 124' TERM
(sleep 30 && kill -TERM $$) &
look < /dev/null &
wait $!
