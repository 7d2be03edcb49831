"""Keys, pseudonyms and sealed content."""

import json
import stat
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.keys import KEY_NAMES, KeyProblem, load_keys
from governance.pseudonym import Pseudonym
from governance.seal import SealBroken, seal, unseal

KEY = bytes(range(32))


def test_the_demo_makes_its_keys_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    environ = {"HUB_KEY_FILE": str(tmp_path / "keys.json")}
    first = load_keys("demo", create=True, environ=environ)
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert load_keys("demo", environ=environ) == first
    assert len({getattr(first, name) for name in KEY_NAMES}) == len(KEY_NAMES)


def test_nobody_else_may_read_the_key_file(tmp_path: Path) -> None:
    environ = {"HUB_KEY_FILE": str(tmp_path / "keys.json")}
    load_keys("demo", create=True, environ=environ)
    (tmp_path / "keys.json").chmod(0o640)
    with pytest.raises(KeyProblem, match="chmod 600"):
        load_keys("demo", environ=environ)


def test_missing_keys_are_named_and_never_made_silently(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match="HUB_KEY_LANDING"):
        load_keys("demo", environ={"HUB_KEY_FILE": str(tmp_path / "none.json")})
    partial = tmp_path / "partial.json"
    partial.write_text(json.dumps({"landing": "00" * 32}))
    partial.chmod(0o600)
    with pytest.raises(KeyProblem, match="quarantine"):
        load_keys("demo", create=True, environ={"HUB_KEY_FILE": str(partial)})


def test_a_key_in_the_environment_wins(tmp_path: Path) -> None:
    environ = {"HUB_KEY_FILE": str(tmp_path / "keys.json")}
    load_keys("demo", create=True, environ=environ)
    assert load_keys("demo", environ={**environ, "HUB_KEY_HUB": "ab" * 32}).hub == bytes.fromhex("ab" * 32)


def test_keys_do_not_show_themselves(tmp_path: Path) -> None:
    keys = load_keys("demo", create=True, environ={"HUB_KEY_FILE": str(tmp_path / "keys.json")})
    assert keys.hub.hex() not in repr(keys)


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_sql_and_python_make_the_same_pseudonym(parts: list[str]) -> None:
    parts = [part.replace("\x00", "") for part in parts]
    pseudonym = Pseudonym(KEY)
    with duckdb.connect() as con:
        pseudonym.install(con)
        made = con.execute("select pseudonym(?)", ["\x1f".join(parts)]).fetchall()[0][0]
    assert made == pseudonym.key_of(*parts)
    assert made != Pseudonym(bytes(32)).key_of(*parts)


@given(st.binary(), st.text())
def test_what_is_sealed_opens_in_its_own_place_only(data: bytes, context: str) -> None:
    sealed = seal(KEY, data, context)
    assert unseal(KEY, sealed, context) == data
    for key, content, place in (
        (bytes(32), sealed, context),
        (KEY, sealed, context + "x"),
        (KEY, sealed[:-1] + bytes([sealed[-1] ^ 1]), context),
    ):
        with pytest.raises(SealBroken):
            unseal(key, content, place)
