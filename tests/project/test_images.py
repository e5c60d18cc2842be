"""The ship files: what can be checked of them without a Docker engine."""

from pathlib import Path

import pytest
import yaml
from pipecatcloud._utils.deploy_utils import DeployConfigParams, load_deploy_config_file

from tests.project.images import CHECKOUT, copied, run_in_image, stage

BASE_IMAGE_FILES = {"app.py", "waiting_server.py", "pipecatcloud_system.py", "feature_manager.py"}
BOT_KEYS = {
    "DAILY_API_KEY": "daily-key",
    "DEEPGRAM_API_KEY": "deepgram-key",
    "OPENAI_API_KEY": "openai-key",
    "CARTESIA_API_KEY": "cartesia-key",
}


@pytest.mark.parametrize("name", ["bot", "gateway"])
def test_every_copied_file_exists(name: str) -> None:
    """Each source of each COPY is in the checkout."""
    sources = [source for sources, _ in copied(name) for source in sources]
    assert sources
    assert [source for source in sources if not (CHECKOUT / source).exists()] == []


def test_the_bot_starts_from_exactly_the_files_of_its_image(tmp_path: Path) -> None:
    """`bot()` can be imported with the image's files and locked packages, and nothing else."""
    statement = "import bot, inspect; print(inspect.iscoroutinefunction(bot.bot))"
    done = run_in_image("bot", tmp_path, statement, BOT_KEYS)
    assert done.stdout.strip().endswith("True"), done.stderr


def test_the_gateway_starts_from_exactly_the_files_of_its_image(tmp_path: Path) -> None:
    """The gateway's app is made with the image's files and locked packages, and nothing else."""
    statement = (
        "import server; from frontdesk.settings import GatewaySettings\n"
        "app = server.create_app(GatewaySettings.load())\n"
        "print('/dialout' in app.openapi()['paths'])"
    )
    done = run_in_image("gateway", tmp_path, statement, {"DAILY_API_KEY": "daily-key"})
    assert done.stdout.strip().endswith("True"), done.stderr


def test_the_commands_run_from_exactly_the_files_of_the_gateways_image(tmp_path: Path) -> None:
    """In the gateway's container a key can be made with the image's files and locked packages alone."""
    statement = "from frontdesk.cli import app; app(['keys', 'create', 'crm'])"
    books = f"sqlite:///{tmp_path / 'books' / 'frontdesk.db'}"
    done = run_in_image("gateway", tmp_path, statement, {"DATABASE_URL": books})
    assert done.stdout.startswith("fdk_"), done.stderr


def test_an_image_without_one_of_its_files_does_not_start(tmp_path: Path) -> None:
    """The two tests above can fail: a file that is not copied is not found in the checkout either."""
    done = run_in_image("bot", tmp_path, "import frontdesk.dialout", BOT_KEYS)
    assert "No module named 'frontdesk.dialout'" in done.stderr


def test_a_package_outside_the_lock_cannot_be_imported(tmp_path: Path) -> None:
    """The two tests above can fail: pytest is installed here, but not in the image."""
    done = run_in_image("bot", tmp_path, "import pytest", BOT_KEYS)
    assert "pytest is not in the image" in done.stderr


def test_the_bot_image_leaves_the_base_image_alone() -> None:
    """No file of Pipecat Cloud's base image is overwritten, and its command stays."""
    names = {Path(source).name for sources, _ in copied("bot") for source in sources}
    assert not names & BASE_IMAGE_FILES
    assert "CMD" not in stage("bot")
    assert "ENTRYPOINT" not in stage("bot")


def test_pipecat_cloud_accepts_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipecat Cloud's own parser takes every key of pcc-deploy.toml."""
    monkeypatch.setattr("pipecatcloud.cli.config.deploy_config_path", str(CHECKOUT / "pcc-deploy.toml"))
    config = load_deploy_config_file()
    assert isinstance(config, DeployConfigParams)
    assert config.agent_name == "frontdesk"
    assert (config.scaling.min_agents, config.max_session_duration) == (1, 4200)


def test_compose_builds_the_gateway_stage() -> None:
    """compose.yaml names a stage that the Dockerfile has."""
    service = yaml.safe_load((CHECKOUT / "compose.yaml").read_text())["services"]["gateway"]
    assert stage(service["build"]["target"])


def test_books_and_spool_are_on_a_volume() -> None:
    """What the gateway keeps outlives its container: image and compose.yaml agree on the folder."""
    compose = yaml.safe_load((CHECKOUT / "compose.yaml").read_text())
    service, folder = compose["services"]["gateway"], "/var/lib/frontdesk"
    assert f"books:{folder}" in service["volumes"]
    assert "books" in compose["volumes"]
    assert service["environment"]["SPOOL_DIR"].startswith(f"{folder}/")
    assert f"VOLUME {folder}" in stage("gateway")
    assert f"DATABASE_URL=sqlite:///{folder}/" in stage("gateway")
