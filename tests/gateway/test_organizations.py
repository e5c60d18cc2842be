"""The files of `clinics/`."""

from pathlib import Path

import pytest
import yaml

from frontdesk.errors import UnknownNumberError, UnknownOrganizationError, UnknownWorkflowError
from frontdesk.organizations import OrganizationsError, load_organizations

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = yaml.safe_load((ROOT / "clinics" / "bright-smile.yaml").read_text(encoding="utf-8"))


def write(folder: Path, slug: str, /, **changes: object) -> None:
    content = {name: value for name, value in (SHIPPED | changes).items() if value is not ...}
    (folder / f"{slug}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def problems(folder: Path) -> str:
    with pytest.raises(OrganizationsError) as caught:
        load_organizations(folder)
    return str(caught.value)


OTHER = {"id": "7b0e3f52-5a0e-4b1c-8a56-0e4d2b7c9f11", "name": "Other", "default": False}


def test_calls_find_their_organization(tmp_path: Path) -> None:
    """A called number leads to the organization that lists it, else to the default one."""
    write(tmp_path, "bright-smile")
    write(tmp_path, "other", **OTHER, numbers=["+1 202 555 0199"])
    organizations = load_organizations(tmp_path)
    assert organizations.by_number("+12025550199").slug == "other"
    assert organizations.by_number("+12025550111").slug == "bright-smile"
    assert organizations.by_number(None).slug == "bright-smile"
    assert organizations.by_slug("other").name == "Other"
    assert {organization.slug for organization in organizations} == {"bright-smile", "other"}


def test_without_a_default_strangers_are_refused(tmp_path: Path) -> None:
    """A number that nobody lists is unknown when no organization is the default."""
    write(tmp_path, "other", **OTHER, numbers=["+12025550199"])
    organizations = load_organizations(tmp_path)
    with pytest.raises(UnknownNumberError):
        organizations.by_number("+12025550111")
    with pytest.raises(UnknownOrganizationError):
        organizations.by_slug("bright-smile")
    with pytest.raises(UnknownWorkflowError):
        organizations.by_slug("other").knows("nothing")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"timezone": "Mars/Base"}, "timezone: is no time zone"),
        ({"timezone": "localtime"}, "timezone: is no time zone"),
        (
            {"outreach": {"quiet_hours": {"begin": 1260}}},
            "quiet_hours.begin: must be a time of day in quotes",
        ),
        (
            {"outreach": {"quiet_hours": {"begin": "21:00Z"}}},
            "begin: must be a time of day without",
        ),
        ({"outreach": {"quiet_hours": {"begin": "08:00"}}}, "quiet_hours: begin and end must differ"),
        ({"numbers": ["+1911"]}, "numbers: Emergency"),
        ({"numbers": ["2025550199"]}, "numbers: Give the number in E.164"),
        ({"opening_hours": {"monday": "closed"}}, "opening_hours: lacks tuesday"),
        ({"inbound_workflow": "nothing"}, "'nothing' is named but not described"),
        ({"id": "7"}, "id: "),
        ({"name": ...}, "name: Field required"),
        ({"colour": "blue"}, "colour: Extra inputs"),
        ({"slug": "Not A Slug"}, "slug: "),
    ],
)
def test_problems_are_told_by_file_and_field(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    """What is wrong in a file is told with the names of file and field."""
    write(tmp_path, "one", **changes)
    assert f"one.yaml: {told}" in problems(tmp_path) or told in problems(tmp_path)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Every broken file is told, also one that is no YAML or holds no mapping."""
    write(tmp_path, "one", timezone="Mars/Base")
    (tmp_path / "two.yaml").write_text("{", encoding="utf-8")
    (tmp_path / "three.yaml").write_text("- a\n", encoding="utf-8")
    told = problems(tmp_path)
    assert all(f"{name}.yaml: " in told for name in ("one", "two", "three"))


def test_claims_may_not_clash(tmp_path: Path) -> None:
    """Two organizations may not claim the same id or number, nor both be the default."""
    write(tmp_path, "bright-smile")
    write(tmp_path, "other", name="Other")
    told = problems(tmp_path)
    assert all(f"other: {what}" in told for what in ("id ", "number ", "default "))


def test_an_empty_folder_is_a_problem(tmp_path: Path) -> None:
    """A folder without files is told, not served."""
    assert "holds no *.yaml file" in problems(tmp_path)
