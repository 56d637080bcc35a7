"""The vault: what it seals only it opens, old keys go on opening, and nothing shows a key."""

import stat
from pathlib import Path

import pytest

from syncline.control.references import is_sealed
from syncline.control.store.database import open_store
from syncline.control.store.schema import migrate
from syncline.control.vault import key_file, new_key, open_vault, vault_of
from syncline.errors import VaultError

OLD, NEW = "an old key that is long enough to be one", "a new key that is long enough to be one"


def test_what_is_sealed_can_be_opened() -> None:
    vault = vault_of([NEW])
    sealed = vault.seal("hunter2")
    assert "hunter2" not in sealed
    assert is_sealed(sealed)
    assert vault.open(sealed) == "hunter2"
    assert vault.seal("hunter2") != sealed


def test_an_old_key_opens_and_the_newest_seals() -> None:
    sealed = vault_of([OLD]).seal("hunter2")
    both = vault_of([NEW, OLD])
    assert both.open(sealed) == "hunter2"
    assert both.stale(sealed)
    again = both.seal("hunter2")
    assert not both.stale(again)
    assert vault_of([NEW]).open(again) == "hunter2"


def test_without_the_key_nothing_opens_and_nothing_is_shown() -> None:
    sealed = vault_of([OLD]).seal("hunter2")
    with pytest.raises(VaultError, match="which is not here") as refused:
        vault_of([NEW]).open(sealed)
    assert OLD not in repr(vault_of([OLD]))
    assert "hunter2" not in str(refused.value)
    with pytest.raises(VaultError, match="changed or cut off"):
        vault_of([OLD]).open(sealed[:-4])
    with pytest.raises(VaultError, match="not a sealed secret"):
        vault_of([OLD]).open("hunter2")


def test_keys_that_could_be_guessed_are_refused() -> None:
    with pytest.raises(VaultError, match="shorter than 32"):
        vault_of(["secret"])
    assert new_key() != new_key()


async def test_a_key_file_is_made_once_and_is_the_user_s_alone(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'store.db'}"
    store = open_store(address)
    await migrate(store)
    sealed = (await open_vault(store, address, {})).seal("hunter2")
    path = key_file(address)
    assert path == tmp_path / "store.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (await open_vault(store, address, {})).open(sealed) == "hunter2"
    path.unlink()
    with pytest.raises(VaultError, match="neither in SYNCLINE_SECRET_KEY nor in"):
        await open_vault(store, address, {})
    await store.aclose()


async def test_a_machine_with_another_key_is_told_so(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'store.db'}"
    store = open_store(address)
    await migrate(store)
    await open_vault(store, address, {"SYNCLINE_SECRET_KEY": OLD})
    with pytest.raises(VaultError, match="which is not here"):
        await open_vault(store, address, {"SYNCLINE_SECRET_KEY": NEW})
    assert await open_vault(store, address, {"SYNCLINE_SECRET_KEY": f"{NEW}, {OLD}"})
    await store.aclose()
