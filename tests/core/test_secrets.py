"""What is hidden and what is not: names, values, sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsari_like.core.secrets import ALWAYS, MASK, SHORTEST, Secrets

SECRET = (
    "PASSWORD DB_PASSWORD password MYSQL_PWD PGPASSWORD PASS FTP_PASS passphrase TOKEN GITHUB_TOKEN accessToken SECRET"
    " AWS_SECRET_ACCESS_KEY API_KEY apiKey APIKEY KEY SSH_KEY SIGNING_KEY PRIVATE_KEY CREDENTIALS GOOGLE_CREDENTIAL"
    " HTTP_AUTH X-Auth-Token Authorization SESSION_COOKIE DB_PASSWD"
).split()
OPEN = (
    "PWD OLDPWD PATH KEYBOARD MONKEY PUBLIC_KEY PRIMARY_KEY SORT_KEY IDEMPOTENCY_KEY PASSENGERS COMPASS AUTHOR BYPASS"
    " PASSWORD_FILE SSH_KEY_PATH SSH_AUTH_SOCK SECRETS_DIR REF BRANCH USER TURKEY id message"
).split()


@pytest.mark.parametrize("name", SECRET)
def test_names_of_credentials_are_secret(name: str) -> None:
    assert ALWAYS.is_secret(name)


@pytest.mark.parametrize("name", OPEN)
def test_names_that_only_look_like_it_are_not(name: str) -> None:
    assert not ALWAYS.is_secret(name)


def test_a_site_adds_names_of_its_own() -> None:
    ours = Secrets(["LICENCE_*", "pin"])
    assert ours.is_secret("licence_code") and ours.is_secret("PIN") and ours.is_secret("TOKEN")
    assert not ours.is_secret("SPIN") and not ALWAYS.is_secret("PIN")


def test_what_stands_under_a_secret_name_is_hidden_at_any_depth() -> None:
    value = {"DB_PASSWORD": 12, "api": [{"accessToken": ["y"], "name": "n"}], "SSH_KEY": "", "n": 1, "ok": None}
    assert ALWAYS.data(value) == {
        "DB_PASSWORD": MASK,
        "api": [{"accessToken": [MASK], "name": "n"}],
        "SSH_KEY": "",
        "n": 1,
        "ok": None,
    }


def test_a_known_value_is_hidden_wherever_it_stands() -> None:
    ours = Secrets(values={"a": ["hunter22"], "": ["everywhere"], "b": ["bee-line"]})
    assert ours.text("hunter22, everywhere, bee-line", "a") == f"{MASK}, {MASK}, bee-line"
    assert ours.text("hunter22, everywhere, bee-line") == f"{MASK}, {MASK}, {MASK}"
    assert ours.data({"note": ["is hunter22"], "hunter22": 1}, "a") == {"note": [f"is {MASK}"], MASK: 1}
    assert ours.output("a=1 hunter22\n", "a") == f"a=1 {MASK}\n"


def test_the_longer_value_is_hidden_before_one_that_is_its_beginning() -> None:
    assert Secrets(values={"a": ["secret", "secret-and-more"]}).text("x secret-and-more y") == f"x {MASK} y"


def test_a_value_of_several_lines_is_hidden_line_by_line() -> None:
    ours = Secrets(values={"a": ["-----BEGIN-----\nMIIEvQ\n-----END-----\n"]})
    assert ours.output("  MIIEvQ\n", "a") == f"  {MASK}\n"


def test_of_a_piece_of_output_what_is_left_of_a_value_at_its_ends_is_hidden() -> None:
    ours = Secrets(values={"a": ["hunter22"]})
    assert ours.output("er22 and hunt", "a", cut=True) == f"{MASK} and {MASK}"
    assert ours.output("r22 and hun", "a", cut=True) == "r22 and hun"
    assert ours.output("er22 and hunt", "a") == "er22 and hunt"


def test_short_values_and_names_that_everybody_knows_tear_no_sentence() -> None:
    ours = Secrets(values={"a": ["1", "true", "nightly-backup", "backup"]}, public=["nightly-backup"])
    assert ours.text("true: run 1 of nightly-backup") == "true: run 1 of nightly-backup"


@pytest.mark.parametrize("many", [10, 200])
def test_any_number_of_values_is_found(many: int) -> None:
    values = [f"canary{n}{'x' * (n % 7)}" for n in range(many)]
    ours = Secrets(values={str(n): [value] for n, value in enumerate(values)})
    assert ours.text(" ".join(values) + " canary") == " ".join([MASK] * many) + " canary"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ran with PASSWORD=hunter2 x=1", f"ran with PASSWORD={MASK} x=1"),
        ("found 'DB_PASSWORD=two words' there", f"found 'DB_PASSWORD={MASK}' there"),
        ('--token="a b" --ref=main', f"--token={MASK} --ref=main"),
        ("smtp://me:hunter2@mail:25/?to=a", f"smtp://me:{MASK}@mail:25/?to=a"),
        ("https://host:80/a@b", "https://host:80/a@b"),
        ("PASSWORD: expected text", "PASSWORD: expected text"),
        ('{"ref": "main", "password": "a\\"b", "n": 1}', f'{{"ref": "main", "password": "{MASK}", "n": 1}}'),
        ('{"api_key": 123, "secret": "cut of', f'{{"api_key": "{MASK}", "secret": "{MASK}"'),
    ],
)
def test_sentences_lose_what_is_assigned_to_a_secret_name(text: str, shown: str) -> None:
    assert ALWAYS.text(text) == shown


def test_what_a_map_calls_secret_can_be_looked_for_elsewhere() -> None:
    data = {"environment": {"PASSWORD": "hunter22", "PIN": "1", "TOKEN": "abc"}, "keys": {"PRIVATE_KEY": ["k" * 9]}}
    assert set(ALWAYS.within(data)) == {"hunter22", "k" * 9}
    assert ALWAYS.text("hunter22 twice", more=ALWAYS.within(data)) == f"{MASK} twice"


@given(
    st.text(min_size=SHORTEST).filter(lambda text: text.strip() == text and len(text) >= SHORTEST), st.text(), st.text()
)
def test_no_sentence_holds_a_known_value(value: str, before: str, after: str) -> None:
    ours = Secrets(values={"a": [value]})
    shown = ours.text(before + value + after, "a")
    assert value not in shown.replace(MASK, "") or value in before + after or MASK in value


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_hiding_twice_hides_no_more(value: object) -> None:
    assert ALWAYS.data(ALWAYS.data(value)) == ALWAYS.data(value)
