"""Profiles from files, folders, zips and addresses: what is read, and what is refused."""

import asyncio
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from syncline.control.fetching import obtained
from syncline.errors import AddressRefused, ConfigError, ProfileError
from syncline.model.reach import EVERYWHERE, PUBLIC, Reach
from syncline.profile.archive import ONE
from syncline.profile.loader import load_profile
from syncline.profile.schema import Profile

PROFILE = """
name: Mine
auth: [{scheme: None}]
base_url: https://example.com
tables: {T: {path: /t, columns: {id: integer}}}
"""


def packed(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return content.getvalue()


class Served:
    """Files by address on loopback, and what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirections: dict[str, str] = {}
        self.asked: list[str] = []
        self.url = ""

    def pinned(self, path: str, content: str | bytes) -> str:
        whole = content.encode() if isinstance(content, str) else content
        self.files[path] = whole
        return f"{self.url}{path}#sha256={hashlib.sha256(whole).hexdigest()}"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    known = Served()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.asked.append(self.path)
            if self.path in known.redirections:
                self.send_response(302)
                self.send_header("Location", known.redirections[self.path])
                self.end_headers()
                return
            content = known.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        known.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()


def fetched(profile: str, reach: Reach = EVERYWHERE) -> Profile:
    asyncio.run(obtained(profile, reach))
    return load_profile(profile)


def refused(profile: str, reach: Reach = EVERYWHERE) -> ConfigError:
    with pytest.raises((ProfileError, AddressRefused)) as caught:
        fetched(profile, reach)
    return caught.value


@pytest.mark.parametrize("name", ["profile.yaml", "profile.yml"])
def test_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PROFILE, "utf-8")
    (tmp_path / "icon.png").write_bytes(b"\x89PNG")
    assert load_profile(str(tmp_path)).name == "Mine"


def test_a_folder_without_a_profile(tmp_path: Path) -> None:
    assert str(refused(str(tmp_path))) == f"the folder {tmp_path} has no profile.yaml"


@pytest.mark.parametrize("name", ["mine.zip", "Mine.APIP"])
@pytest.mark.parametrize("inside", ["profile_yaml", "mine__profile_yml"])
def test_a_zip(tmp_path: Path, name: str, inside: str) -> None:
    file = tmp_path / name
    file.write_bytes(packed(**{inside: PROFILE, "docs__index_md": "# Mine", "icon_svg": "<svg/>"}))
    assert load_profile(str(file)).name == "Mine"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"readme_md": "x"}, "has no profile.yaml"),
        ({"a__b__profile_yaml": PROFILE}, "has no profile.yaml"),
        (
            {"a__profile_yaml": PROFILE, "b__profile_yaml": PROFILE},
            "has more than one profile.yaml",
        ),
        ({"Users_rsd": "<x/>"}, "is an archive of CData's API Driver"),
        ({"profile_yaml": "name: ["}, "profile.yaml:1:8: not YAML"),
        ({"profile_yaml": " " * (ONE + 1)}, "too large for a profile"),
    ],
)
def test_zips_that_are_no_profile(tmp_path: Path, files: dict[str, str], said: str) -> None:
    file = tmp_path / "mine.zip"
    file.write_bytes(packed(**files))
    assert said in str(refused(str(file)))


def test_a_zip_that_leads_out(tmp_path: Path) -> None:
    file = tmp_path / "mine.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("profile.yaml", PROFILE)
        archive.writestr("../../outside", "x")
    assert "leads out of the archive" in str(refused(str(file)))
    assert not (tmp_path.parent / "outside").exists()


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(b" " * (ONE + 1))
    assert "it is larger than" in str(refused(str(file)))


def test_an_address_is_asked_once(served: Served, tmp_path: Path) -> None:
    address = served.pinned("/mine.yaml", PROFILE)
    assert fetched(address).name == "Mine"
    assert fetched(address).name == "Mine"
    assert served.asked == ["/mine.yaml"]
    (kept,) = (tmp_path / "cache" / "syncline" / "profiles").iterdir()
    # What somebody has changed there is not taken.
    kept.write_text(PROFILE.replace("Mine", "Theirs"), "utf-8")
    assert fetched(address).name == "Mine"
    assert len(served.asked) == 2


def test_a_zip_at_an_address(served: Served) -> None:
    assert fetched(served.pinned("/mine.apip", packed(profile_yaml=PROFILE))).name == "Mine"


def test_it_works_without_a_place_to_keep(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    address = served.pinned("/mine.yaml", f"{PROFILE}# kept nowhere")
    assert fetched(address).name == "Mine"
    assert fetched(address).name == "Mine"
    assert served.asked == ["/mine.yaml"]


def test_what_has_changed_is_refused(served: Served) -> None:
    address = served.pinned("/mine.yaml", PROFILE)
    served.files["/mine.yaml"] += b"# changed\n"
    error = refused(address)
    assert "is not the profile that it was: its sha256 is" in str(error)
    assert "look at what has changed" in error.hint


def test_addresses_that_are_refused(served: Served) -> None:
    pin = f"#sha256={'0' * 64}"
    for address, said in (
        (f"{served.url}/mine.yaml", "has no checksum"),
        (f"{served.url}/mine.yaml#sha256=12", "has no checksum"),
        (f"{served.url}/none.yaml{pin}", "it answered 404"),
        (f"http://example.com/mine.yaml{pin}", "cannot be fetched by http://"),
        (f"file:///etc/passwd{pin}", "cannot be fetched by file://"),
        (f"https://[{pin}", "no address of a profile"),
        (f"https://user:s3cret@example.com/mine.yaml{pin}", "cannot hold a user or password"),
        (f"http://127.0.0.1:1/mine.yaml{pin}", "no connection"),
    ):
        error = refused(address)
        assert said in str(error)
        assert "s3cret" not in str(error)
    served.files["/large"] = b" " * (ONE + 1)
    assert "it is larger than" in str(refused(f"{served.url}/large{pin}"))


def test_redirections_are_followed_within_reach(served: Served) -> None:
    address = served.pinned("/new.yaml", f"{PROFILE}# moved")
    served.redirections["/old.yaml"] = "/new.yaml"
    assert fetched(address.replace("new", "old")).name == "Mine"
    served.redirections["/loop.yaml"] = "/loop.yaml"
    pin = f"#sha256={'0' * 64}"
    assert "it answered 302" in str(refused(f"{served.url}/loop.yaml{pin}"))
    served.redirections["/odd.yaml"] = "https://["
    assert "cannot fetch" in str(refused(f"{served.url}/odd.yaml{pin}"))
    served.redirections["/away.yaml"] = "ftp://example.com/"
    assert "not https" in str(refused(f"{served.url}/away.yaml{pin}"))
    # One server may be asked, the one that it leads to may not.
    port = int(served.url.rpartition(":")[2])
    served.redirections["/inside.yaml"] = "http://127.0.0.1:1/admin"
    error = refused(f"{served.url}/inside.yaml{pin}", Reach(own={("127.0.0.1", port)}))
    assert isinstance(error, AddressRefused)


def test_private_addresses_are_not_asked(served: Served) -> None:
    address = served.pinned("/mine.yaml", f"{PROFILE}# inside")
    error = refused(address, PUBLIC)
    assert isinstance(error, AddressRefused)
    assert "SYNCLINE_ALLOW_PRIVATE_ADDRESSES" in error.hint
    assert served.asked == []
    with pytest.raises(ProfileError, match="has not been fetched yet"):
        load_profile(address)
