"""Completion scripts in the dialects of three shells.

Owns their syntax and quoting. Must not know any command: it is given a list of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

#: What a word can be (`words`, `jobs`, `runs`, `both`, `directory`, `any`), and the words where they are fixed.
Kind = tuple[str, tuple[str, ...]]
_ASK = "dsari-like completion"


@dataclass(frozen=True, slots=True)
class Option:
    """An option in all its spellings; `kind` None takes no value."""

    words: tuple[str, ...]
    help: str
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class Command:
    """A command, its options, and what its arguments are."""

    name: str
    help: str
    options: tuple[Option, ...]
    argument: Kind


# --- bash ---------------------------------------------------------------------------------------------------------


def bash(commands: Sequence[Command]) -> str:
    """A function for `complete -F`. Names hold no character that `compgen -W` would expand."""
    cases = "".join(f"        {name}) {_bash_words(kind)} ;;\n" for name, kind in _bash_values(commands))
    return f"""\
_dsari_like() {{
    local IFS=$'\\n' current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= place
    for ((place = 1; place < COMP_CWORD; place++)); do
        case ${{COMP_WORDS[place]}} in
            -c|--config-dir) ((place++)) ;;
            -*) ;;
            *) command=${{COMP_WORDS[place]}}; break ;;
        esac
    done
    local words=
    case "$command $before" in
{cases}        *)
            case "$command" in
{_bash_commands(commands)}            esac ;;
    esac
    [[ $words ]] && COMPREPLY=($(compgen -W "$words" -- "$current"))
    ((${{#COMPREPLY[@]}})) && COMPREPLY=($(printf '%q\\n' "${{COMPREPLY[@]}}"))
}}
complete -F _dsari_like dsari-like
"""


def _bash_values(commands: Sequence[Command]) -> Iterator[tuple[str, Kind]]:
    """Every option that takes a value, as the pattern `command option`."""
    for command in commands:
        for option in command.options:
            if option.kind is not None:
                yield "|".join(f'"{command.name} {word}"' for word in option.words), option.kind


def _bash_commands(commands: Sequence[Command]) -> str:
    lines = [f"                '') words='{_lines(command.name for command in commands)}' ;;"]
    for command in commands:
        options = _lines(word for option in command.options for word in option.words)
        lines.append(f"                {command.name}) if [[ $current == -* ]]; then words='{options}';"
                     f" else {_bash_words(command.argument)}; fi ;;")  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _bash_words(kind: Kind) -> str:
    name, words = kind
    if name == "directory":
        return 'COMPREPLY=($(compgen -d -- "$current"))'
    if name == "both":
        return f'words="$({_ASK} jobs 2>/dev/null; {_ASK} runs 2>/dev/null)"'
    if name in ("jobs", "runs"):
        return f'words="$({_ASK} {name} 2>/dev/null)"'
    return f"words='{_lines(words)}'"


def _lines(words: Iterable[str]) -> str:
    return "\n".join(words)


# --- zsh ----------------------------------------------------------------------------------------------------------


def zsh(commands: Sequence[Command]) -> str:
    """A `#compdef` file."""
    described = "\n".join(f"        '{command.name}:{_zsh_text(command.help)}'" for command in commands)
    cases = "".join(_zsh_command(command) for command in commands)
    return f"""\
#compdef dsari-like
_dsari_like_names() {{
    local -a names
    names=(${{(f)"$({_ASK} $1 2>/dev/null)"}})
    compadd -a names
}}
_dsari_like_both() {{ _dsari_like_names jobs; _dsari_like_names runs }}
_dsari_like() {{
    local -a commands
    local state line
    commands=(
{described}
    )
    _arguments -C '(-c --config-dir)'{{-c,--config-dir}}'[the directory of the configuration]:DIR:_files -/' \\
        '1:command:->command' '*::argument:->argument'
    case $state in
        command) _describe command commands ;;
        argument)
            case $words[1] in
{cases}            esac ;;
    esac
}}
_dsari_like "$@"
"""


def _zsh_command(command: Command) -> str:
    specs = [f"'{_zsh_option(word, option)}'" for option in command.options for word in option.words]
    specs.append(f"'*:argument:{_zsh_action(command.argument)}'")
    return f"                {command.name}) _arguments {' '.join(specs)} ;;\n"


def _zsh_option(word: str, option: Option) -> str:
    value = f":value:{_zsh_action(option.kind)}" if option.kind is not None else ""
    return f"*{word}[{_zsh_text(option.help)}]{value}"


def _zsh_action(kind: Kind) -> str:
    name, words = kind
    known = {"directory": "_files -/", "both": "_dsari_like_both", "any": " "}
    if name in ("jobs", "runs"):
        return f"_dsari_like_names {name}"
    return known.get(name) or (f"({' '.join(words)})" if words else " ")


def _zsh_text(text: str) -> str:
    for char in "\\[]:":
        text = text.replace(char, "\\" + char)
    return text.replace("'", "'\\''")


# --- fish ---------------------------------------------------------------------------------------------------------


def fish(commands: Sequence[Command]) -> str:
    """One `complete` line for each thing that can be said."""
    lines = ["complete -c dsari-like -f"]
    for command in commands:
        lines.append(f"complete -c dsari-like -n __fish_use_subcommand -a {command.name} -d {_fish_text(command.help)}")
        seen = f"complete -c dsari-like -n '__fish_seen_subcommand_from {command.name}'"
        lines += [seen + _fish_option(option) for option in command.options]
        words = _fish_words(command.argument)
        lines += [f"{seen} -a {words}"] if words else []
    return "".join(f"{line}\n" for line in lines)


def _fish_option(option: Option) -> str:
    spelled = "".join(f" -l {word[2:]}" if word.startswith("--") else f" -s {word[1:]}" for word in option.words)
    if option.kind is None:
        return f"{spelled} -d {_fish_text(option.help)}"
    words = _fish_words(option.kind)
    return f"{spelled} -x{f' -a {words}' if words else ''} -d {_fish_text(option.help)}"


def _fish_words(kind: Kind) -> str:
    name, words = kind
    asked = {
        "jobs": f"'({_ASK} jobs 2>/dev/null)'",
        "runs": f"'({_ASK} runs 2>/dev/null)'",
        "both": f"'({_ASK} jobs 2>/dev/null; {_ASK} runs 2>/dev/null)'",
        "directory": "'(__fish_complete_directories)'",
    }
    return asked.get(name) or (_fish_text(" ".join(words)) if words else "")


def _fish_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
