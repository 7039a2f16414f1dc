import json
from pathlib import Path

import pytest

from anyanomaly_core.embedded.installation import Installation
from anyanomaly_core.errors import ConfigurationError


def test_an_account_has_a_role_and_a_password_that_stays(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "site")
    admin = installation.admin_password
    password = installation.add_user("anna", "viewer")
    assert installation.users == {"admin": "admin", "anna": "viewer"}
    assert installation.add_user("anna", "user") == password
    again = Installation(tmp_path / "site")
    assert again.users == {"admin": "admin", "anna": "user"}
    stored = json.loads(again.airflow_passwords.read_text())
    assert stored == {"admin": admin, "anna": password}
    assert again.airflow_passwords.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("name", "role"), [("admin", "user"), ("a:b", "user"), ("a,b", "user"), ("", "op"), ("ben", "x")]
)
def test_what_airflow_would_read_otherwise_is_refused(tmp_path: Path, name: str, role: str) -> None:
    """Users stand in one setting, divided by commas and colons."""
    installation = Installation(tmp_path / "site")
    with pytest.raises(ConfigurationError):
        installation.add_user(name, role)
    assert installation.users == {"admin": "admin"}
