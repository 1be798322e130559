"""Which names are legal where: jobs, ids of triggers, variables, and which variables nobody may set from outside.

Owns the lists and nothing else: pure questions about text. Must not know who asks or what becomes of the answer.
"""

from __future__ import annotations

import re

#: ASCII on purpose: a job's name is a file name, and two spellings of one letter would be two directories.
JOB_NAME = re.compile(r"[A-Za-z0-9 _+.:@-]{1,64}")
TRIGGER_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

_PREVIOUS = frozenset(
    f"{family}_{field}"
    for family in ("PREVIOUS", "PREVIOUS_GOOD", "PREVIOUS_BAD")
    for field in ("RUN_ID", "SCHEDULE_TIME", "START_TIME", "STOP_TIME", "EXIT_CODE")
)

_AUTOMATIC = """
    CI DSARI LOGNAME HOME PWD DATA_DIR JOB_NAME JOB_DIR RUN_ID RUN_DIR SCHEDULE_TIME START_TIME TRIGGER_TYPE TRIGGER_DIR
    CONCURRENCY_GROUP JOB_GROUP
    BUILD_ID BUILD_NUMBER BUILD_TAG BUILD_URL JENKINS_URL EXECUTOR_NUMBER NODE_NAME WORKSPACE
    DSARI_LIKE ATTEMPT TRIGGER_DATA_FILE PROGRESS_FILE RETURN_DATA_FILE FLOW_ID PREVIOUS_STEP_RUN_ID
    PREVIOUS_STEP_JOB_NAME ORCHESTRATION PHASE TASK STAGE ITEM RETRY_OF RESUME RESUME_REASON HEARTBEAT_FILE
    TRIGGER_UID TRIGGER_USER VARIABLES_FILE IDEMPOTENCY_KEY
    EVENT_NAME EVENT_TYPE EVENT_RUN_ID EVENT_JOB_NAME EVENT_ITEM EVENT_TIME EVENT_JSON CALLBACK_ID CALLBACK_COUNT
    """

#: What the daemon itself tells a run. Nobody but the daemon may say it: a run must be able to believe who it is.
RESERVED = _PREVIOUS | frozenset(_AUTOMATIC.split())
#: Whole families, so that a name added to one later is not open to everybody until this list is remembered.
RESERVED_PREFIXES = ("DSARI", "WORKFLOW_", "TRIGGER_")

_SWAYING = """
    PATH IFS ENV SHELL SHELLOPTS PS0 PS1 PS2 PS3 PS4 PROMPT_COMMAND CDPATH GLOBIGNORE FPATH ZDOTDIR KSH_ENV INPUTRC
    HISTFILE GCONV_PATH NLSPATH LOCPATH LOCALDOMAIN RES_OPTIONS HOSTALIASES RESOLV_HOST_CONF TZDIR TERMINFO
    TERMINFO_DIRS TERMCAP TERMPATH GLIBC_TUNABLES GETCONF_DIR LIBPATH SHLIB_PATH OPENSSL_CONF OPENSSL_ENGINES
    OPENSSL_MODULES NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE NODE_EXTRA_CA_CERTS
    JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS JAVA_HOME CLASSPATH TCLLIBPATH AWKPATH AWKLIBPATH PHPRC
    PHP_INI_SCAN_DIR DOTNET_STARTUP_HOOKS R_PROFILE R_PROFILE_USER R_ENVIRON R_ENVIRON_USER R_LIBS GEM_HOME GEM_PATH
    BUNDLE_GEMFILE MAKEFLAGS MAKEFILES MFLAGS GNUMAKEFLAGS RUSTC_WRAPPER RUSTFLAGS GOFLAGS
    EDITOR VISUAL PAGER MANPAGER LESSOPEN LESSCLOSE BROWSER SUDO_ASKPASS SSH_ASKPASS XDG_CONFIG_HOME XDG_CONFIG_DIRS
    GIT_SSH GIT_SSH_COMMAND GIT_EXEC_PATH GIT_EXTERNAL_DIFF GIT_ASKPASS GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER
    GIT_PROXY_COMMAND GIT_TEMPLATE_DIR
"""

#: What decides which code a loader, a shell, an interpreter or a tool that starts others will run. `PATH` is one of
#: the automatic names too, but stands here: a job may allow it by its full name, as it may all of these.
SWAYING = frozenset(_SWAYING.split())
SWAYING_PREFIXES = ("LD_", "DYLD_", "BASH", "PYTHON", "PERL", "RUBY", "LUA_", "JULIA_", "CORECLR_", "GIT_CONFIG")


def is_job_name(name: str) -> bool:
    """May a job, an orchestration or a group be called this? (Interface, section 1.)"""
    return JOB_NAME.fullmatch(name) is not None and name not in (".", "..")


def is_trigger_id(text: str) -> bool:
    """May a trigger or a request call itself this? It becomes the name of its receipt."""
    return TRIGGER_ID.fullmatch(text) is not None and text not in (".", "..")


def is_variable(name: str) -> bool:
    """May a variable have this name? Stricter than the kernel, which forbids `=` and NUL alone: blanks and characters
    that cannot be seen serve nobody but who wants to confuse a shell or a reader."""
    return name.isprintable() and name != "" and "=" not in name and " " not in name


def is_reserved(name: str) -> bool:
    """True for what only the daemon says to a run."""
    return name in RESERVED or name.startswith(RESERVED_PREFIXES)


def is_swaying(name: str) -> bool:
    """True for what changes which code runs."""
    return name in SWAYING or name.startswith(SWAYING_PREFIXES)
