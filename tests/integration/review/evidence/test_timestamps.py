"""Bundles with a time stamp: checked at export, provable by OpenSSL alone, and refused when they prove nothing."""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anyanomaly_core.cli.app import app
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, TimestampError
from anyanomaly_core.review.evidence.export import export_evidence
from anyanomaly_core.review.evidence.timestamps import TimestampAuthority, load_certificates
from anyanomaly_core.review.evidence.verify import verify
from anyanomaly_core.review.evidence.zip_format import write
from tests.integration.review.kept_footage import Kept
from tests.servers.time_stamp_authority import Authority, running

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL's program is the authority")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "a", with_chain=True)


@pytest.fixture(scope="module")
def stamping(kept: Kept, authority: Authority) -> Iterator[Settings]:
    with running(authority) as url:
        update = {"evidence_tsa_url": url, "evidence_tsa_ca_file": authority.root}
        yield kept.settings.model_copy(update=update)


@pytest.fixture(scope="module")
def bundle(kept: Kept, stamping: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stamped") / "case.zip"
    export_evidence(kept.engine, stamping, [kept.event_id], out, before_s=0, after_s=0, load_models=False)
    return out


def contents(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_stamped_bundle_says_when_it_existed(bundle: Path, authority: Authority) -> None:
    checked = verify(bundle, authority=load_certificates(authority.root))
    assert (checked.problems, checked.authority_is_trusted) == ([], True)
    assert checked.time_stamp is not None
    assert checked.time_stamp.authority == "CN=Stamps"
    stated = json.loads(contents(bundle)["manifest.json"])["time_stamp"]
    assert stated == {"moment": checked.time_stamp.moment.isoformat(timespec="microseconds"), "authority": "CN=Stamps"}
    unknown = verify(bundle)
    assert (unknown.problems, unknown.authority_is_trusted) == ([], False)


def test_openssl_alone_can_check_it_as_the_letter_says(bundle: Path, authority: Authority, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path)
    assert "openssl ts -verify -data SHA256SUMS" in (tmp_path / "README.txt").read_text()
    command = ["openssl", "ts", "-verify", "-data", "SHA256SUMS", "-in", "SHA256SUMS.tsr", "-CAfile"]
    subprocess.run([*command, str(authority.root)], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_the_command_reports_it(bundle: Path, authority: Authority) -> None:
    trusted = CliRunner().invoke(app, ["evidence", "verify", str(bundle), "--tsa-ca", str(authority.root)])
    assert trusted.exit_code == 0
    assert "Time stamp: all of it existed at 20" in trusted.output
    assert "CN=Stamps is said to have seen" in CliRunner().invoke(app, ["evidence", "verify", str(bundle)]).output


def test_another_authority_is_not_taken_for_it(kept: Kept, bundle: Path, tmp_path: Path) -> None:
    other = load_certificates(Authority(tmp_path / "other", with_chain=False).root)
    [problem] = verify(bundle, authority=other).problems
    assert "does not fit" in problem or "not one of the authority" in problem
    plain = tmp_path / "plain.zip"
    export_evidence(kept.engine, kept.settings, [kept.event_id], plain, before_s=0, after_s=0, load_models=False)
    assert verify(plain, authority=other).problems == [
        "The bundle bears no time stamp, so none of the authority given either."
    ]


@pytest.mark.parametrize("with_chain", [True, False], ids=["certificates in chain order", "its own certificate only"])
def test_replies_are_read_however_openssl_builds_them(tmp_path: Path, with_chain: bool) -> None:
    authority = Authority(tmp_path / "a", with_chain=with_chain)
    with running(authority) as url:
        _, stamp = TimestampAuthority(url, load_certificates(authority.root)).stamp(b"content")
    assert stamp.authority == "CN=Stamps"


def test_a_list_that_speaks_of_other_files_is_no_proof(bundle: Path, tmp_path: Path) -> None:
    """Somebody puts an old, truly stamped list into a new bundle, with a manifest that fits."""
    files = contents(bundle)
    manifest = json.loads(files["manifest.json"])
    name = next(name for name in files if name.endswith("rationale.txt"))
    files[name] = b"another reason"
    for listed in manifest["files"]:
        if listed["name"] == name:
            listed.update(size=len(files[name]), sha256="cd" * 32)
    files["manifest.json"] = json.dumps(manifest).encode()
    write(tmp_path / "forged.zip", list(files.items()))
    problems = verify(tmp_path / "forged.zip").problems
    assert any("does not list the files of the manifest" in problem for problem in problems)


def refusal(_: bytes) -> tuple[int, bytes]:
    """PKIStatusInfo with status 2, rejection, and a reason (RFC 3161, 2.4.2)."""
    status = b"\x02\x01\x02" + b"\x30\x0b\x0c\x09not today"
    return 200, b"\x30\x12\x30\x10" + status


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: (200, b"<html>not here</html>"), "cannot be read"),
        (lambda _: (200, bytes(300_000)), "longer than any time stamp"),
        (lambda _: (503, b"busy"), "does not answer: .*503"),
        (refusal, "refused .status 2.: not today"),
    ],
)
def test_an_authority_that_does_not_stamp_stops_the_export(
    kept: Kept, tmp_path: Path, answer: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path / "a", with_chain=False)
    monkeypatch.setattr(authority, "answer", answer)
    out = tmp_path / "x.zip"
    with running(authority) as url:
        settings = kept.settings.model_copy(update={"evidence_tsa_url": url, "evidence_tsa_ca_file": authority.root})
        with pytest.raises(TimestampError, match=said):
            export_evidence(kept.engine, settings, [kept.event_id], out, before_s=0, after_s=0, load_models=False)
    assert list(tmp_path.glob("*.zip*")) == []


def test_an_answer_to_another_request_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path / "a", with_chain=False)
    with running(authority) as url:
        stamps = TimestampAuthority(url, load_certificates(authority.root))
        old, _ = stamps.stamp(b"content")
        monkeypatch.setattr(authority, "answer", lambda _: (200, old))
        with pytest.raises(TimestampError, match="Nonce mismatch"):
            stamps.stamp(b"content")
        with pytest.raises(TimestampError, match="of other content"):
            stamps.stamp(b"something else")


def test_an_authority_without_its_certificates_is_a_mistake(kept: Kept, tmp_path: Path) -> None:
    settings = kept.settings.model_copy(update={"evidence_tsa_url": "http://127.0.0.1:9/"})
    with pytest.raises(ConfigurationError, match="EVIDENCE_TSA_CA_FILE"):
        export_evidence(kept.engine, settings, [kept.event_id], tmp_path / "x.zip", load_models=False)
