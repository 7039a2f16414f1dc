"""An installation keeps what it once chose, and keeps its secrets to itself."""

import socket
from pathlib import Path

import pytest

from anyanomaly_core.embedded import airflow
from anyanomaly_core.embedded.installation import Installation, for_footage
from anyanomaly_core.errors import ConfigurationError


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "with space" / "site")


def test_secrets_are_made_once_and_readable_by_their_owner_only(installation: Installation) -> None:
    first, password = installation.secrets, installation.admin_password
    again = Installation(installation.folder)
    assert (again.secrets, again.admin_password) == (first, password)
    for name in ("airflow.secrets", "airflow.passwords"):
        assert (installation.folder / name).stat().st_mode & 0o077 == 0
    assert len(set(first.values())) == len(first)


def test_a_damaged_secrets_file_is_named(installation: Installation) -> None:
    assert installation.admin_password
    installation.airflow_passwords.write_text("{")
    with pytest.raises(ConfigurationError, match=r"airflow\.passwords"):
        _ = Installation(installation.folder).admin_password


def test_settings_are_remembered(installation: Installation) -> None:
    with pytest.raises(ConfigurationError, match="make demo"):
        _ = installation.settings
    installation.configure({"ARCHIVE_ROOT": "/a", "PROFILE": "demo"})
    assert Installation(installation.folder).settings == {"ARCHIVE_ROOT": "/a", "PROFILE": "demo"}
    installation.configure({"ARCHIVE_ROOT": "/b"})
    assert installation.settings == {"ARCHIVE_ROOT": "/b"}


def test_the_port_is_kept_unless_somebody_else_has_it(installation: Installation) -> None:
    port = installation.api_port()
    assert installation.last_api_port() == port
    assert installation.api_port() == port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as any server does
        other.bind(("127.0.0.1", port))
        other.listen()
        moved = installation.api_port()
    assert moved != port
    assert installation.api_port() == moved


def test_an_archive_has_one_installation_however_its_path_is_written(tmp_path: Path) -> None:
    footage = tmp_path / "Hall 3 (north)"
    footage.mkdir()
    (tmp_path / "link").symlink_to(footage)
    first = for_footage(tmp_path, footage)
    assert for_footage(tmp_path, tmp_path / "link" / "..").name != first.name
    assert for_footage(tmp_path, tmp_path / "link") == first
    assert first.name.startswith("hall-3-north-")
    (tmp_path / "other").mkdir()
    assert for_footage(tmp_path, tmp_path / "other") != first


def test_another_airflow_on_the_machine_does_not_leak_in(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a server: only what is taken from the caller's environment is looked at."""
    monkeypatch.setenv("AIRFLOW_HOME", "/somebody/elses")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "somebody elses")
    monkeypatch.setenv("AIRFLOW__LOGGING__REMOTE_LOGGING", "True")
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_OPS", "{}")
    monkeypatch.setenv("ANYANOMALY_LVLM_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("ANYANOMALY_DATABASE_URL", "postgresql://somewhere/else")
    monkeypatch.setattr(type(installation.postgres), "url", lambda _, database, user=None: f"{database}/{user}")
    installation.configure({"ARCHIVE_ROOT": "/a"})
    variables = airflow.airflow_environment(installation, 8080, 3)
    assert variables["AIRFLOW_HOME"] == str(installation.airflow_home)
    assert variables["AIRFLOW__CORE__FERNET_KEY"] == installation.secrets["fernet_key"]
    assert "AIRFLOW__LOGGING__REMOTE_LOGGING" not in variables
    assert variables["AIRFLOW_CONN_SLACK_OPS"] == "{}", "alerts find their targets there"
    assert variables["ANYANOMALY_ARCHIVE_ROOT"] == "/a"
    assert variables["ANYANOMALY_LVLM_BASE_URL"] == "http://127.0.0.1:9/v1"
    assert variables["ANYANOMALY_DATABASE_URL"] == "anyanomaly/scanner", "tasks write as the user made for them"
