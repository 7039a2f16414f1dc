"""Evidence bundles: complete, repeatable, signed, and every change to one is named."""

import csv
import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from anyanomaly_core.archive.discovery import find_new_files
from anyanomaly_core.archive.register import register_file
from anyanomaly_core.cli.app import app
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, FootageError, StorageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.schema import events, verdicts
from anyanomaly_core.results.writer import commit_unit
from anyanomaly_core.review.clips.clip import event_clip, spans_over_files
from anyanomaly_core.review.event_record import load_event_record, load_event_records
from anyanomaly_core.review.evidence.export import export_evidence
from anyanomaly_core.review.evidence.score_tables import table
from anyanomaly_core.review.evidence.signing import load_public, make_key
from anyanomaly_core.review.evidence.verify import verify
from anyanomaly_core.review.evidence.zip_format import write
from anyanomaly_core.review.queries.event import load_curve, load_event
from tests.conftest import TestDatabase
from tests.integration.results.world import SAMPLING, add_rule, add_scorer, curve_result
from tests.integration.review.kept_footage import FIRST, FPS, LAST, Kept, film, make_settings

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def public_key_of(folder: Path, name: str) -> tuple[Path, Path]:
    """A new private key and its public one."""
    private, public = folder / name, folder / f"{name}.pub"
    public.write_text(make_key(private))
    return private, public


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return public_key_of(tmp_path_factory.mktemp("keys"), "key.pem")


@pytest.fixture(scope="module")
def signing(kept: Kept, keys: tuple[Path, Path]) -> Settings:
    return kept.settings.model_copy(update={"evidence_key_file": keys[0]})


@pytest.fixture(scope="module")
def bundle(kept: Kept, signing: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "case-7.zip"
    export_evidence(kept.engine, signing, [kept.event_id], out, exported_by="A. Person", now=NOW, load_models=False)
    return out


def folder_of(bundle: Path) -> str:
    with zipfile.ZipFile(bundle) as archive:
        return str(json.loads(archive.read("manifest.json"))["events"][0]["folder"])


def contents(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_bundle_says_what_when_where_and_by_what(kept: Kept, bundle: Path) -> None:
    files = contents(bundle)
    folder = folder_of(bundle)
    names = {name.removeprefix(f"{folder}/") for name in files if name.startswith(folder)}
    assert names >= {"clip.mp4", "key.png", "grid.png", "event.json", "rationale.txt"}
    facts = json.loads(files[f"{folder}/event.json"])
    assert facts["source"]["sha256"] == sha256(kept.file)
    assert facts["source"]["file"] == "gate/2026-03-01/22-00-00.mp4"
    assert facts["event"]["started_at"]["local"].startswith("2026-03-01T22:00:20.66")
    assert facts["event"]["started_at"]["local"].endswith("+01:00")
    assert facts["event"]["started_at"]["time_zone"] == "Europe/Berlin"
    assert (facts["rule"]["name"], facts["rule"]["version"], facts["rule"]["author"]) == ("fall", 1, "test")
    assert facts["rule"]["definition"]["excluded"] == ["a person sits"]
    assert facts["scorer"]["revisions"] == {"encoder": "1", "lvlm": "1"}
    assert facts["stills"]["attention"].startswith("not there: ")
    assert files[f"{folder}/rationale.txt"].decode().endswith("DROP TABLE")
    manifest = json.loads(files["manifest.json"])
    assert (manifest["exported_by"], manifest["exported_at"]) == ("A. Person", "2026-03-02T08:30:00.000000+00:00")


def test_the_clip_and_the_score_table_have_the_same_frames(bundle: Path, tmp_path: Path) -> None:
    files = contents(bundle)
    folder = folder_of(bundle)
    (tmp_path / "clip.mp4").write_bytes(files[f"{folder}/clip.mp4"])
    rows = list(csv.DictReader(io.StringIO(files[f"{folder}/frame_scores.csv"].decode())))
    assert len(rows) == index_frames(tmp_path / "clip.mp4").frame_count
    assert int(rows[0]["frame"]) == FIRST - 10 * FPS
    inside = [row for row in rows if row["in_event"] == "yes"]
    assert [int(inside[0]["frame"]), int(inside[-1]["frame"])] == [FIRST, LAST]
    assert {row["score"] for row in inside} == {"0.9"}
    segments = list(csv.DictReader(io.StringIO(files[f"{folder}/segment_scores.csv"].decode())))
    assert segments[-1]["winning_text"] == "a person falls"


def test_frames_without_a_score_are_empty_and_say_why(kept: Kept, tmp_path: Path) -> None:
    out = tmp_path / "long.zip"
    export_evidence(kept.engine, kept.settings, [kept.event_id], out, before_s=60, load_models=False)
    rows = list(csv.DictReader(io.StringIO(contents(out)[f"{folder_of(out)}/frame_scores.csv"].decode())))
    assert (rows[0]["frame"], rows[0]["score"], rows[0]["status"], rows[0]["reason"]) == ("0", "", "failed", "silence")


def test_the_same_export_gives_the_same_bytes(kept: Kept, signing: Settings, bundle: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    export_evidence(kept.engine, signing, [kept.event_id], again, exported_by="A. Person", now=NOW, load_models=False)
    assert again.read_bytes() == bundle.read_bytes()


def test_what_reviewers_said_goes_along(own: Kept, database: TestDatabase, tmp_path: Path) -> None:
    reviewer = make_engine(database.url("reviewer"))
    version = own.rule.rule_version_id
    for said in ("unsure", "real"):
        row = {"event_id": own.event_id, "rule_version_id": version, "verdict": said, "reviewer": "R", "note": "<b>"}
        with reviewer.begin() as connection:
            connection.execute(verdicts.insert().values(row))
    reviewer.dispose()
    out = tmp_path / "x.zip"
    export_evidence(own.engine, own.settings, [own.event_id], out, load_models=False)
    facts = json.loads(contents(out)[f"{folder_of(out)}/event.json"])
    assert [(v["verdict"], v["reviewer"], v["note"]) for v in facts["verdicts"]] == [
        ("unsure", "R", "<b>"),
        ("real", "R", "<b>"),
    ]


def test_an_intact_bundle_is_intact_and_says_whose_it_is(bundle: Path, keys: tuple[Path, Path]) -> None:
    found = verify(bundle, key=load_public(keys[1]))
    assert (found.problems, found.key_is_trusted) == ([], True)
    unknown = verify(bundle)
    assert (unknown.problems, unknown.key_is_trusted, unknown.fingerprint) == ([], False, found.fingerprint)


def test_openssl_and_sha256sum_agree(bundle: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path)
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(check, cwd=tmp_path, check=True, capture_output=True)
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    openssl = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(keys[1])]
    command = [*openssl, "-in", "manifest.json", "-sigfile", "manifest.sig"]
    assert "Verified" in subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_changed_byte_anywhere_is_noticed(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path, place: float, flip: int
) -> None:
    content = bytearray(bundle.read_bytes())
    content[int(place * len(content))] ^= flip
    changed = tmp_path / "changed.zip"
    changed.write_bytes(content)
    assert verify(changed, key=load_public(keys[1])).problems


def test_every_byte_of_headers_and_directory_counts(bundle: Path, tmp_path: Path) -> None:
    content = bundle.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    first = content.index(b"PK\x01\x02", content.rindex(b"PK\x03\x04"))
    for place in [*range(30), *range(first, first + 60), *range(end, len(content))]:
        changed = bytearray(content)
        changed[place] ^= 1
        (tmp_path / "changed.zip").write_bytes(changed)
        assert verify(tmp_path / "changed.zip").problems, place


def _change(files: dict[str, bytes], folder: str) -> str:
    name = f"{folder}/clip.mp4"
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    return f"Changed: {name}"


def _add(files: dict[str, bytes], folder: str) -> str:
    files[f"{folder}/more.txt"] = b"more"
    return f"Added: {folder}/more.txt"


def _remove(files: dict[str, bytes], folder: str) -> str:
    del files[f"{folder}/key.png"]
    return f"Removed: {folder}/key.png"


def _rename(files: dict[str, bytes], folder: str) -> str:
    files[f"{folder}/other.png"] = files.pop(f"{folder}/key.png")
    return f"Renamed: {folder}/key.png is now {folder}/other.png"


def _rewrite_manifest(files: dict[str, bytes], _folder: str) -> str:
    files["manifest.json"] = files["manifest.json"].replace(b"A. Person", b"B. Person")
    return "The signature is not valid"


def _unsign(files: dict[str, bytes], _folder: str) -> str:
    del files["manifest.sig"]
    return "manifest.sig was removed"


def _strip(files: dict[str, bytes], _folder: str) -> str:
    manifest = json.loads(files["manifest.json"])
    manifest["signed_with"] = None
    files["manifest.json"] = json.dumps(manifest).encode()
    del files["manifest.sig"]
    return "The bundle is not signed"


def _no_manifest(files: dict[str, bytes], _folder: str) -> str:
    del files["manifest.json"]
    return "Removed: manifest.json"


def _more_in_manifest(files: dict[str, bytes], _folder: str) -> str:
    manifest = json.loads(files["manifest.json"]) | {"note": "x"}
    files["manifest.json"] = json.dumps(manifest).encode()
    return "Changed: manifest.json is not as it is written: note"


def _reorder(files: dict[str, bytes], folder: str) -> str:
    files[f"{folder}/clip.mp4"] = files.pop(f"{folder}/clip.mp4")
    return "The files are in another order"


CHANGES = [
    _reorder,
    _change,
    _add,
    _remove,
    _rename,
    _rewrite_manifest,
    _unsign,
    _strip,
    _no_manifest,
    _more_in_manifest,
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_done_to_a_bundle_is_named(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path, change: Callable[[dict[str, bytes], str], str]
) -> None:
    files = contents(bundle)
    expected = change(files, folder_of(bundle))
    forged = tmp_path / "forged.zip"
    write(forged, list(files.items()))
    problems = verify(forged, key=load_public(keys[1])).problems
    assert any(problem.startswith(expected) for problem in problems), problems


def test_a_forger_with_a_key_of_their_own_is_found_out_by_the_key(
    kept: Kept, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    other, _ = public_key_of(tmp_path, "forger.pem")
    settings = kept.settings.model_copy(update={"evidence_key_file": other})
    out = tmp_path / "forged.zip"
    export_evidence(kept.engine, settings, [kept.event_id], out, exported_by="A. Person", now=NOW, load_models=False)
    assert verify(out).problems == []  # of one piece, but by somebody unknown
    assert not verify(out).key_is_trusted
    assert any("signature is not valid" in problem for problem in verify(out, key=load_public(keys[1])).problems)


def test_an_unsigned_bundle_says_so(kept: Kept, keys: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "plain.zip"
    manifest = export_evidence(kept.engine, kept.settings, [kept.event_id], out, now=NOW, load_models=False)
    assert manifest.signed_with is None
    assert "NOT signed" in contents(out)["README.txt"].decode()
    assert (verify(out).problems, verify(out).fingerprint) == ([], None)
    assert verify(out, key=load_public(keys[1])).problems == [
        "The bundle is not signed, so it is not signed with the key given either."
    ]


def test_an_original_that_changed_stops_the_export(own: Kept, tmp_path: Path) -> None:
    content = bytearray(own.file.read_bytes())
    content[-1] ^= 1
    own.file.write_bytes(content)
    with pytest.raises(FootageError, match=r"no longer holds what was scored: its SHA-256 is [0-9a-f]{64}"):
        export_evidence(own.engine, own.settings, [own.event_id], tmp_path / "x.zip", load_models=False)
    assert list(tmp_path.glob("*.zip*")) == []


def test_nothing_is_written_over_and_nothing_exported_of_an_unknown_event(
    kept: Kept, bundle: Path, tmp_path: Path
) -> None:
    before = bundle.read_bytes()
    with pytest.raises(ConfigurationError, match="exists already"):
        export_evidence(kept.engine, kept.settings, [kept.event_id], bundle)
    assert bundle.read_bytes() == before
    with pytest.raises(StorageError, match="There is no event"):
        export_evidence(kept.engine, kept.settings, [uuid4()], tmp_path / "x.zip")
    assert list(tmp_path.iterdir()) == []


def test_what_a_spreadsheet_would_run_is_only_text() -> None:
    rows = list(csv.reader(io.StringIO(table(["rationale"], [["=cmd|' /C calc'!A0"], ["plain"]]).decode())))
    assert rows == [["rationale"], ["'=cmd|' /C calc'!A0"], ["plain"]]


def test_a_key_that_others_may_read_or_that_is_none_is_refused(
    kept: Kept, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    loose = tmp_path / "loose.pem"
    loose.write_bytes(keys[0].read_bytes())
    loose.chmod(0o644)
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no key")
    wrong.chmod(0o600)
    for update, said in (
        ({"evidence_key_file": loose}, "Others may read"),
        ({"evidence_key_file": wrong}, "no unlocked Ed25519"),
        ({"evidence_key_file": tmp_path / "none"}, "cannot be read"),
        ({"evidence_key_file": keys[0], "evidence_key": SecretStr("x")}, "not both"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            export_evidence(
                kept.engine,
                kept.settings.model_copy(update=update),
                [kept.event_id],
                tmp_path / "x.zip",
                load_models=False,
            )


def command(*arguments: str) -> Any:  # noqa: ANN401  (click's result)
    return CliRunner().invoke(app, ["evidence", *arguments])


def test_the_command_says_what_is_wrong_and_ends_with_1(bundle: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    good = command("verify", str(bundle), "--key", str(keys[1]))
    assert good.exit_code == 0
    assert "Intact" in good.output
    assert "Signed with the key given" in good.output
    files = contents(bundle)
    expected = _change(files, folder_of(bundle))
    write(tmp_path / "bad.zip", list(files.items()))
    bad = command("verify", str(tmp_path / "bad.zip"))
    assert bad.exit_code == 1
    assert expected in bad.output


def test_an_event_in_two_files_is_exported_file_by_file(engine: Engine, tmp_path: Path) -> None:
    """Three seconds in each of two files that touch; the peak is in the second."""
    settings = make_settings(tmp_path)
    day = tmp_path / "archive" / "gate" / "2026-03-01"
    for name, frames in (("22-00-00.mp4", 45), ("22-00-03.mp4", 46)):
        film(day / name, frames=frames)
    for found in find_new_files(engine, settings):
        register_file(engine, found, settings=settings, sampling=SAMPLING)
    rule, scorer = add_rule(engine, "fall", min_duration_s=5), add_scorer(engine)
    for number, frames in ((1, 45), (2, 46)):
        curve = np.full(frames, 0.8, np.float32)
        curve[20] = 0.8 + number / 100
        commit_unit(engine, curve_result(engine, number, rule, scorer, curve), settings.parquet_root)
    with engine.connect() as connection:
        [event_id] = connection.execute(select(events.c.event_id)).scalars()
    first, second = load_event_records(engine, event_id)
    assert [(r.video.uri[-12:], r.first_frame, r.last_frame, r.peak_frame) for r in (first, second)] == [
        ("22-00-00.mp4", 0, 44, 20),
        ("22-00-03.mp4", 0, 45, 20),
    ]
    assert load_event_record(engine, event_id) == second
    clip = index_frames(event_clip(engine, settings, event_id))
    assert clip.times_s == pytest.approx(np.arange(91) / FPS, abs=1e-4), "the second begins 45 frames after the first"
    with engine.connect() as connection:
        shown = load_event(connection, event_id)
        curve = load_curve(connection, shown)
    assert (shown["peak_video_id"], shown["files"], curve.length_s) == (2, 2, pytest.approx(91 / FPS, abs=1e-3))
    assert curve.at_s == pytest.approx(np.arange(91) / FPS, abs=1e-3), "the curve is that of the clip"
    spans = spans_over_files((first, second), before_s=3, after_s=3, max_s=4.0)
    assert [(span.first_frame, span.last_frame, span.is_whole) for span in spans] == [(0, 44, True), (0, 14, False)]
    out = tmp_path / "two.zip"
    manifest = export_evidence(engine, settings, [event_id], out, load_models=False)
    assert verify(out).problems == []
    assert [listed.folder[-9:] for listed in manifest.events] == ["-file-001", "-file-002"]
    assert [listed.source_sha256 for listed in manifest.events] == [sha256(path) for path in sorted(day.iterdir())]
    files = contents(out)
    for listed, frames in zip(manifest.events, (45, 46), strict=True):
        (tmp_path / "clip.mp4").write_bytes(files[f"{listed.folder}/clip.mp4"])
        assert index_frames(tmp_path / "clip.mp4").frame_count == frames
        assert json.loads(files[f"{listed.folder}/event.json"])["stills"]["key"] == "there"
