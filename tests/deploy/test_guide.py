"""What the guide of an exported folder tells its reader to type."""

from __future__ import annotations

import shlex

import pytest
import typer

from optimizer.commands.loadtest import app
from optimizer.deploy import files_of
from optimizer.deploy.pools import pools_of
from tests.deploy.conftest import SERVING, SHIPPED, Make

RUN = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]


def loads_in(readme: str) -> list[dict[str, object]]:
    """Return the options of each load test that a guide prints, as the command itself reads them."""
    lines = [shlex.split(line) for line in readme.splitlines() if line.startswith("gpumix loadtest run ")]
    return [RUN.make_context("run", words[3:]).params for words in lines]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_path_of_every_target_is_tested_with_its_authority(environment: Make, name: str) -> None:
    made = environment(name)
    for target in SERVING:
        readme = files_of(made, target)["README.md"]
        assert "export GPUMIX_API_KEY" in readme
        found = loads_in(readme)
        urls = {str(one["url"]).removeprefix("https://HOST") + "/v1/" for one in found}
        assert urls == {pool.paths[0] for pool in pools_of(made)}
        assert all(one["cacert"] == "ca.pem" and one["isl"] and one["osl"] for one in found)


def test_one_replica_gives_rows_and_several_do_not(environment: Make) -> None:
    (alone,) = loads_in(files_of(environment("helpdesk-llama3-8b"), "compose")["README.md"])
    assert alone["gpu"] == "a40-48gb"
    several = loads_in(files_of(environment("chat-with-documents", replicas=2, nodes=1), "compose")["README.md"])
    assert len(several) == 2  # one for each request class
    assert all(one["gpu"] is None for one in several)
