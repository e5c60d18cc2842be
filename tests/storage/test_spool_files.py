"""The files of the spool, with real files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.storage.spool_files import SpoolFiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def records(files: SpoolFiles) -> list[bytes]:
    return [record for path in files.closed() for record in files.read(path).records]


def test_records_come_back_in_their_order(folder: Path) -> None:
    """What was appended is read in the same order, over several files."""
    files = SpoolFiles(folder)
    for number in range(5):
        files.append([b'{"n":%d}' % number, b'"second"'])
        files.rotate()
    assert records(files) == [part for n in range(5) for part in (b'{"n":%d}' % n, b'"second"')]


def test_nobody_else_may_read_the_spool(folder: Path) -> None:
    """Files are for the user alone, and so are their folders."""
    files = SpoolFiles(folder)
    files.append([b"1"])
    rejected = files.reject([b"2"])
    (path,) = files.closed()
    assert [oct(file.stat().st_mode & 0o777) for file in (path, rejected)] == ["0o600", "0o600"]
    folders = [folder, path.parent, rejected.parent]
    assert {oct(place.stat().st_mode & 0o777) for place in folders} == {"0o700"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(1, 4))
def test_a_record_cut_short_costs_only_itself(tmp_path: Path, data: st.DataObject, count: int) -> None:
    """Wherever a file ends, the records that were written whole are read, and nothing is called damaged."""
    files = SpoolFiles(tmp_path / str(data.draw(st.uuids())))
    files.append([b'{"record":%d}' % number for number in range(count)])
    (path,) = files.closed()
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    read = files.read(path)
    assert len(read.records) in {content[:cut].count(b"\n"), content[: cut + 1].count(b"\n")}
    assert read.records == tuple(b'{"record":%d}' % number for number in range(len(read.records)))
    assert read.damaged == ()


def test_a_damaged_line_does_not_hide_the_others(folder: Path) -> None:
    """A line whose checksum is wrong is told apart, the lines around it are read."""
    files = SpoolFiles(folder)
    files.append([b"first", b"second", b"third"])
    (path,) = files.closed()
    path.write_bytes(path.read_bytes().replace(b"second", b"sEcond"))
    read = files.read(path)
    assert read.records == (b"first", b"third")
    assert [line.split(b" ", 1)[1] for line in read.damaged] == [b"sEcond"]


def test_the_spool_of_a_living_process_is_left_alone(folder: Path) -> None:
    """While its process lives, nobody else sees a spool; afterwards the first who looks gets all of it."""
    code = (
        "import sys, time; from pathlib import Path; from frontdesk.storage.spool_files import SpoolFiles\n"
        "SpoolFiles(Path(sys.argv[1])).append([b'1', b'2']); print('written', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE)
    assert child.stdout
    with child.stdout:
        assert child.stdout.readline() == b"written\n"
        heir, late = SpoolFiles(folder), SpoolFiles(folder)
        assert records(heir) == []
        child.kill()
        child.wait()
    assert records(heir) == [b"1", b"2"]
    assert records(late) == []
    heir.close()
    assert records(late) == [b"1", b"2"]


def test_what_is_dealt_with_leaves_nothing_behind(folder: Path) -> None:
    """After the last file of a dead process its folder goes, and an unused spool makes no folder."""
    dead = SpoolFiles(folder)
    dead.append([b"1"])
    dead.close()
    heir = SpoolFiles(folder)
    for path in heir.closed():
        heir.remove(path)
    heir.close()
    assert list(folder.iterdir()) == []
    SpoolFiles(folder / "unused").close()
    assert not (folder / "unused").exists()


def test_nothing_follows_half_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails in the middle of a record, the next one begins in a file of its own."""
    files = SpoolFiles(folder)
    files.append([b"first"])
    write = os.write

    def fail(descriptor: int, content: bytes) -> int:
        write(descriptor, content[:4])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(OSError, match="No space"):
            files.append([b"second"])
    files.append([b"third"])
    assert records(files) == [b"first", b"third"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks /proc which file it was")
def test_what_is_promised_is_on_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When an append returns, the file with the record is synced, and so is the folder with its name."""
    synced: list[str] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    files = SpoolFiles(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", note)
        files.append([b"1"])
    (path,) = files.closed()
    assert synced[-1] == path.name
    assert {path.parent.name, folder.name} <= set(synced)
