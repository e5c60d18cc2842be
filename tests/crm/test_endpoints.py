"""Where organizations want to be told is read at start, and every problem is told at once."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from frontdesk.crm.endpoints import Endpoints, EndpointsError, load_endpoints, os_environment
from frontdesk.organizations import Organizations, OrganizationsError, load_organizations
from frontdesk.settings.ledger import LedgerSettings
from tests.crm.world import ORGANIZATION, SECRET

CLINIC = Path(__file__).parents[2] / "clinics" / "bright-smile.yaml"


def clinics(folder: Path, **changes: Any) -> Organizations:
    """The example clinic with a changed file."""
    content = yaml.safe_load(CLINIC.read_text()) | changes
    (folder / "bright-smile.yaml").write_text(yaml.safe_dump(content))
    return load_organizations(folder)


def load(folder: Path, crm: Any = None, environment: dict[str, str] | None = None, **more: Any) -> Endpoints:
    """The endpoints of the example clinic."""
    organizations = clinics(folder, **({"crm": crm} if crm else {}))
    return load_endpoints(organizations, LedgerSettings(_env_file=None, **more), environment or {})


def test_a_clinic_names_its_endpoints(tmp_path: Path) -> None:
    """The `crm` section gives addresses, types and the name of the variable that holds the secret."""
    crm = {
        "secret_env": "BRIGHT_SMILE_SECRET",
        "events": [
            {"url": "https://crm.example/calls", "types": ["call.ended"]},
            {"url": "https://other.example/", "secret_env": "OTHER_SECRET"},
        ],
        "caller_url": "https://crm.example/who",
    }
    environment = {"BRIGHT_SMILE_SECRET": SECRET, "OTHER_SECRET": f"{SECRET}, {SECRET}"}
    endpoints = load(tmp_path, crm, environment)
    one, other = endpoints.of(ORGANIZATION)
    assert (one.wants("call.ended"), one.wants("call.started"), other.wants("call.started")) == (
        True,
        False,
        True,
    )
    assert len(other.signer.headers("evt_1", 0, "{}")["webhook-signature"].split(" ")) == 2
    caller = endpoints.caller(ORGANIZATION)
    assert caller is not None
    assert caller.url == "https://crm.example/who"
    assert endpoints.slug(ORGANIZATION) == "bright-smile"


def test_a_clinic_names_who_is_asked_before_a_call(tmp_path: Path) -> None:
    """`may_call_url` may be the same address as `caller_url`; the settings name it for the default one."""
    crm = {
        "secret_env": "A",
        "may_call_url": "https://crm.example/may",
        "caller_url": "https://crm.example/may",
    }
    endpoints = load(tmp_path, crm, {"A": SECRET})
    asked, told = endpoints.may_call(ORGANIZATION), endpoints.caller(ORGANIZATION)
    assert asked is not None
    assert told is not None
    assert (asked.url, told.url) == ("https://crm.example/may", "https://crm.example/may")
    assert endpoints.may_call("another") is None
    endpoints = load(tmp_path, crm_may_call_url="https://crm.example/x", crm_secrets=SECRET)
    asked = endpoints.may_call(ORGANIZATION)
    assert asked is not None
    assert asked.url == "https://crm.example/x"
    assert endpoints.caller(ORGANIZATION) is None


def test_a_question_that_cannot_be_asked_is_told_at_start(tmp_path: Path) -> None:
    """An address without a secret, in plain http, or named twice ends the start: it is never passed over."""
    crm = {"may_call_url": "http://crm.example/may"}
    with pytest.raises(EndpointsError) as caught:
        load(tmp_path, crm)
    assert "crm.may_call_url: must begin with https" in str(caught.value)
    assert "crm.may_call_url: secret_env must name" in str(caught.value)
    good = {"secret_env": "A", "may_call_url": "https://crm.example/may"}
    with pytest.raises(EndpointsError, match="CRM_MAY_CALL_URL: the organization already asks"):
        load(tmp_path, good, {"A": SECRET}, crm_may_call_url="https://crm.example/x", crm_secrets=SECRET)
    with pytest.raises(EndpointsError, match="CRM_SECRETS: must be set"):
        load(tmp_path, crm_may_call_url="https://crm.example/x")


def test_the_default_organization_is_told_by_the_settings(tmp_path: Path) -> None:
    """CRM_EVENTS_URL and CRM_SECRETS are enough for the default organization."""
    endpoints = load(tmp_path, crm_events_url="https://crm.example/", crm_secrets=SECRET)
    assert [endpoint.url for endpoint in endpoints.of(ORGANIZATION)] == ["https://crm.example/"]


def test_an_endpoint_s_id_outlives_its_secret(tmp_path: Path) -> None:
    """A new secret does not make a new endpoint: what is pending is signed with it."""
    ids = {
        next(iter(load(tmp_path, crm_events_url="https://crm.example/", crm_secrets=secret))).id
        for secret in (SECRET, f"{SECRET},{SECRET}")
    }
    assert len(ids) == 1


def test_every_problem_is_told_at_once_and_no_secret(tmp_path: Path) -> None:
    """Missing variables, bad secrets, plain http, unknown types and doubles are all listed by place."""
    crm = {
        "events": [
            {"url": "http://crm.example/a", "secret_env": "MISSING"},
            {"url": "https://crm.example/b", "secret_env": "NOT_BASE64", "types": ["call.exploded"]},
            {"url": "https://crm.example/c"},
            {"url": "https://user:pass@crm.example/d", "secret_env": "SHORT"},
            {"url": "https://crm.example/e", "secret_env": "GOOD"},
            {"url": "https://crm.example/e", "secret_env": "GOOD"},
        ]
    }
    environment = {"NOT_BASE64": "whsec_!!!", "SHORT": "whsec_c2hvcnQ=", "GOOD": SECRET}
    with pytest.raises(EndpointsError) as caught:
        load(tmp_path, crm, environment, crm_events_url="https://crm.example/x", crm_secrets="a-bad-one")
    text = str(caught.value)
    for part in (
        *("crm.events.0: must begin with https", "MISSING (bright-smile: crm.events.0): must be set"),
        *("NOT_BASE64", "there is no call.exploded", "crm.events.2: secret_env must name", "SHORT"),
        *(
            "must not hold a user name",
            "crm.events.5: the same address",
            "CRM_SECRETS: must begin with whsec_",
        ),
    ):
        assert part in text, part
    assert not any(secret in text for secret in ("!!!", "c2hvcnQ", SECRET, "a-bad-one"))


def test_settings_without_secrets_are_refused(tmp_path: Path) -> None:
    """An unsigned event is worth nothing to its receiver."""
    with pytest.raises(EndpointsError, match="CRM_SECRETS: must be set"):
        load(tmp_path, crm_events_url="https://crm.example/")


def test_a_secret_in_the_file_is_refused(tmp_path: Path) -> None:
    """`secret_env` takes the name of a variable, not a secret."""
    crm = {"secret_env": SECRET, "events": [{"url": "https://crm.example/"}]}
    with pytest.raises(OrganizationsError, match=r"crm\.secret_env"):
        clinics(tmp_path, crm=crm)


def test_secrets_may_stand_in_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of `.env` count where the process's environment has none, unless it is switched off."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("CRM_SECRET_A=from-file\nCRM_SECRET_B=from-file\n")
    monkeypatch.setenv("CRM_SECRET_B", "from-process")
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED", raising=False)
    found = os_environment()
    assert (found["CRM_SECRET_A"], found["CRM_SECRET_B"]) == ("from-file", "from-process")
    monkeypatch.setenv("PYTHON_DOTENV_DISABLED", "1")
    assert "CRM_SECRET_A" not in os_environment()
