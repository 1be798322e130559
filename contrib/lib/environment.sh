# Sourced by contrib/test and contrib/demo: a virtual environment of this tree, and the Debian packages they miss.
#
# The environment is .venv in the tree (or $DSARI_LIKE_VENV), ignored by git. It is made once and brought up to date
# when pyproject.toml or setup.cfg change; the package itself is installed in place, so an edit needs no reinstall.
# The caller sets $top to the root of the tree.

venv=${DSARI_LIKE_VENV:-$top/.venv}
python=${PYTHON:-python3}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$@"; exit 1; }

# apt PACKAGE...: with the package lists that are there, else with fresh ones. Talks only when it fails.
apt() {
    apt_install "$@" >/dev/null 2>&1 && return
    apt-get -qq update >/dev/null 2>&1 || true # one list of many may be out of reach; the next line tells
    talk=$(apt_install "$@" 2>&1) || { printf '%s\n' "$talk" >&2; return 1; }
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends "$@"
}

# may_install PACKAGE...: says what it is about to do, or what somebody else has to do.
may_install() {
    if [ "$(id -u)" -ne 0 ]; then
        say "missing, and only root can install it: apt-get install $*"
        return 1
    fi
    command -v apt-get >/dev/null || { say "missing, and there is no apt-get to install it: $*"; return 1; }
    say "installing with apt-get: $*"
}

# want COMMAND PACKAGE...: installs the packages unless the command is there; without them the caller does without.
want() {
    command -v "$1" >/dev/null && return
    shift
    { may_install "$@" && apt "$@"; } || say "going on without: $*"
}

# The standard library's venv is a package of its own on Debian, and ensurepip is the part that is missing there.
need_python() {
    command -v "$python" >/dev/null || die "$python is missing; install Python 3.11 or newer, or name one in \$PYTHON"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$("$python" -V) is too old: Python 3.11 or newer is needed; name one in \$PYTHON"
    "$python" -c 'import ensurepip, venv' 2>/dev/null && return
    { may_install python3-venv && apt python3-venv; } || die "cannot make a virtual environment without python3-venv"
}

# make_environment EXTRA: the tree with that extra in $venv, first in PATH. The one for the tests holds all others.
make_environment() {
    wanted=$(cd "$top" && cat pyproject.toml setup.cfg contrib/lib/environment.sh | cksum)
    grep -qsxF "$wanted" "$venv/installed-$1" "$venv/installed-test" || install_environment "$1"
    PATH=$venv/bin:$PATH
    export PATH
}

install_environment() {
    # Half an environment, of an attempt that was interrupted, has no pip that works: begin again. But never clear a
    # directory that only happens to be there.
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        [ ! -e "$venv" ] || [ -e "$venv/pyvenv.cfg" ] || die "$venv is there and no virtual environment; remove it"
        need_python
        "$python" -m venv --clear "$venv"
    fi
    say "installing the $1 environment into $venv"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check -e "${top}[$1]" ||
        die "cannot install the $1 environment; what pip said stands above"
    rm -rf "$top/dsari_like.egg-info" "$top/build" # left by the build, read by nothing
    printf '%s\n' "$wanted" >"$venv/installed-$1"
}
