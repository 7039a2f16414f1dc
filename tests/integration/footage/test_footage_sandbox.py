"""What a child that parses footage can reach: nothing but the one file."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyanomaly_core.errors import FootageError, UnreadableFootageError
from anyanomaly_core.footage import confine, sandbox
from anyanomaly_core.footage.command import decoding, executable
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.pipes import Pipes, StallError
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Child, Limits, confine_command, footage_descriptor
from tests.integration.footage.conftest import Make

# Run after confinement: each attempt prints its name when it succeeds.
ATTEMPTS = """
import json, os, runpy, socket, sys
plan = json.loads(sys.argv[1])
missing = runpy.run_path(plan["confine"])["confine"](plan["limits"], [])
def attempt(name, action):
    try:
        action()
    except OSError:
        return
    print(name)
attempt("socket", lambda: socket.socket())
attempt("unix socket", lambda: socket.socket(socket.AF_UNIX))
attempt("socket pair", lambda: socket.socketpair())
attempt("read", lambda: open("/etc/passwd"))
attempt("list", lambda: os.listdir(plan["folder"]))
attempt("write", lambda: open(plan["folder"] + "/new", "w"))
attempt("grow a file", lambda: os.write(plan["open"], b"x"))
attempt("run", lambda: os.execv("/bin/echo", ["echo", "ran a program"]))
attempt("kill", lambda: os.kill(plan["parent"], 0))
print("missing", sorted(missing))
"""


def test_a_confined_process_reaches_nothing(tmp_path: Path) -> None:
    if sandbox.missing_layers():
        pytest.skip(f"this kernel lacks layers: {sandbox.missing_layers()}")
    victim = (tmp_path / "open").open("wb")
    plan = {
        "confine": confine.__file__,
        "limits": Limits().resources(),
        "folder": str(tmp_path),
        "open": victim.fileno(),
        "parent": os.getpid(),
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ATTEMPTS, json.dumps(plan)],
        pass_fds=[victim.fileno()],
        capture_output=True,
        text=True,
        check=False,
    )
    victim.close()
    assert done.stdout.splitlines() == ["missing []"], done.stderr
    assert (tmp_path / "open").stat().st_size == 0


def test_capabilities_are_dropped() -> None:
    """Not even root has a privilege left, nor can it gain one."""
    code = (
        "import json, runpy, sys; p = json.loads(sys.argv[1]); status = open('/proc/self/status');"
        "runpy.run_path(p['confine'])['confine'](p['limits'], []); print(status.read())"
    )
    plan = {"confine": confine.__file__, "limits": Limits().resources()}
    command = [sys.executable, "-I", "-S", "-c", code, json.dumps(plan)]
    status = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == int(fields["CapInh"], 16) == 0
    if os.geteuid() == 0:
        assert int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """A web server that only notes who came."""
    seen: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    stop = threading.Event()

    def _serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            seen.append(connection.recv(1000))
            connection.close()

    thread = threading.Thread(target=_serve)
    thread.start()
    yield f"127.0.0.1:{server.getsockname()[1]}", seen
    stop.set()
    thread.join()
    server.close()


def playlists(host: str, other: Path) -> dict[str, str]:
    """Files that tell a player to open something else."""
    http, local = f"http://{host}/secret.ts", f"file://{other}"
    return {
        "hls-url.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{http}\n#EXT-X-ENDLIST\n",
        "hls-file.ts": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{local}\n#EXT-X-ENDLIST\n",
        "concat.mkv": f"ffconcat version 1.0\nfile '{other}'\n",
        "concat-url.avi": f"ffconcat version 1.0\nfile '{http}'\n",
        "sdp.mov": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        "dash.webm": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        f"<Period><AdaptationSet><Representation id='a'><BaseURL>{http}</BaseURL></Representation>"
        "</AdaptationSet></Period></MPD>",
        "asx.wmv": f'<asx version="3.0"><entry><ref href="{http}"/></entry></asx>',
    }


def test_playlists_open_nothing(make: Make, tmp_path: Path, listener: tuple[str, list[bytes]]) -> None:
    host, seen = listener
    other = make("other.ts")
    for name, content in playlists(host, other).items():
        path = tmp_path / name
        path.write_text(content)
        for look in (index_frames, probe):
            with pytest.raises(UnreadableFootageError, match="text, not video"):
                look(path)
        # Not only the sniffing of text: ffmpeg itself is given it, and refuses.
        command = decoding(("scale=16:16",), "gray", Limits())
        with footage_descriptor(path) as source, Child(command, source, side=True) as child:
            pipes = Pipes(child, source, 20)
            assert pipes.read_into(memoryview(bytearray(100))) == 0
            assert pipes.finish() != 0
    assert seen == []


def test_a_program_told_to_use_the_network_cannot(listener: tuple[str, list[bytes]], make: Make) -> None:
    host, seen = listener
    command = confine_command(
        [executable(), "-loglevel", "error", "-i", f"http://{host}/x.mp4", "-f", "null", "-"], Limits()
    )
    with footage_descriptor(make("any.mp4")) as source, Child(command, source) as child:
        pipes = Pipes(child, source, 20)
        assert pipes.finish() != 0
        assert "Permission denied" in " ".join(pipes.complaints.lines())
    assert seen == []


ODD_NAMES = [
    "-i.mp4", "a:b.mp4", "http:x.mp4", "100%d %03d.mp4", "new\nline.mp4", "quo'te\" $(touch x) `y`.mp4", "[1];|&.mp4",
    "Überwachung 東京 \U0001f4f9.mp4", "pipe:0.mp4", "concat:a|b.mp4", " .mp4", "x" * 251 + ".mp4",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_is_only_a_name(make: Make, tmp_path: Path, name: str) -> None:
    path = make("plain.mp4", "-t", "0.5").rename(tmp_path / name)
    assert index_frames(path).frame_count == 5
    assert len(list(decode(path, size=(8, 8)))) == 5


def test_a_relative_path_beginning_with_a_dash(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make("-y.mp4", "-t", "0.5")
    monkeypatch.chdir(path.parent)
    assert index_frames("-y.mp4").frame_count == 5


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.mp4")
    for path in (tmp_path / "fifo.mp4", tmp_path, Path("/dev/zero")):
        with pytest.raises(FootageError, match=r"not a regular file|Is a directory"):
            list(decode(path))


def test_a_picture_too_large_is_refused(make: Make) -> None:
    path = make("huge.avi", "-frames:v", "1", "-c:v", "mjpeg", source="color=red:size=8200x8200:rate=1:duration=1")
    with pytest.raises(UnreadableFootageError, match=r"huge\.avi"):
        index_frames(path)


def test_memory_is_bounded(make: Make) -> None:
    path = make("large.mp4", "-frames:v", "3", source="testsrc=size=3840x2160:rate=1:duration=3")
    assert index_frames(path).frame_count == 3
    with pytest.raises(UnreadableFootageError, match="decoder"):
        index_frames(path, limits=Limits(memory_mb=140))


def test_a_child_that_hangs_is_stopped(make: Make) -> None:
    with (
        footage_descriptor(make("any.mp4")) as source,
        Child(confine_command(["/bin/sleep", "600"], Limits()), source) as child,
    ):
        pipes = Pipes(child, source, 0.6)
        began = time.monotonic()
        with pytest.raises(StallError):
            pipes.read_into(memoryview(bytearray(10)))
        assert time.monotonic() - began < 20
        group = child._process.pid
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_a_slow_reader_is_no_hang(make: Make) -> None:
    path = make("any.mp4", source="testsrc=size=640x480:rate=10:duration=6")
    frames = []
    for frame in decode(path, limits=Limits(stall_s=0.7)):
        if frame.number in {5, 30}:
            time.sleep(1.5)
        frames.append(frame.number)
    assert frames == list(range(60))


def test_processor_time_is_bounded(make: Make) -> None:
    path = make("long.mp4", source="testsrc=size=1280x720:rate=25:duration=40")
    index = index_frames(path, limits=Limits(cpu_s=1))
    assert not index.complete
    assert "processor time" in index.damage[-2]


def test_complaints_do_not_grow(make: Make) -> None:
    path = make("noisy.ts", "-c:v", "mpeg2video", "-g", "5", source="testsrc2=size=320x240:rate=25:duration=20")
    content = bytearray(path.read_bytes())
    content[5000::377] = bytes(len(content[5000::377]))
    path.write_bytes(content)
    damage = index_frames(path).damage
    assert 0 < len(damage) <= 24
    assert all(line.isprintable() and "0x5" not in line for line in damage)
