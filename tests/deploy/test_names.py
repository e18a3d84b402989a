"""Whatever a problem calls things, files and names stay well formed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from optimizer.deploy import files_of
from optimizer.deploy.documents import dump
from optimizer.deploy.names import dns_name, numbered, variable
from tests.deploy.conftest import SERVING, Make
from tests.deploy.published import assert_compose, assert_kubernetes, assert_nginx, documents

IDS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,119}", fullmatch=True)
LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
LOOKS_LIKE_ANOTHER_TYPE = ["1e3", "0o17", "0x1F", "12:30:00", "yes", "~", "2026-11-22", ".inf", "null", "-", "",
                           "a: b", "# no comment", "*a", "&a", "!tag", "%x", "{x}", "${HOME}",
                           "a\nb: 1\n", "\u2028", "\x1b"]


@given(IDS)
def test_every_id_becomes_a_label(name: str) -> None:
    assert LABEL.fullmatch(f"{dns_name(name)}-1")


@given(st.lists(IDS, min_size=2, max_size=6, unique=True))
def test_different_ids_become_different_labels(names: list[str]) -> None:
    assert len({dns_name(name) for name in names}) == len(names)


@given(st.lists(st.sampled_from(["a", "a-1", "a-1-1", "b"]), max_size=8))
def test_numbered_names_are_distinct(names: list[str]) -> None:
    found = numbered(names)
    assert len(set(found)) == len(names)
    assert len({variable(name) for name in found}) == len(names)


TEXT = st.one_of(st.text(), st.sampled_from(LOOKS_LIKE_ANOTHER_TYPE))


@given(st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), TEXT),
                    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
                    max_leaves=8))
def test_yaml_says_what_was_meant(value: Any) -> None:
    assert yaml.safe_load(dump(value)) == value


@pytest.mark.parametrize("text", LOOKS_LIKE_ANOTHER_TYPE)
def test_text_that_looks_like_another_type_is_quoted(text: str) -> None:
    written = dump([text]).removeprefix("- ").strip()
    assert written.startswith(('"', "|"))


@pytest.mark.parametrize("target", SERVING)
@pytest.mark.parametrize("service_id", ["7b", "team.chat_v2", "1e3", "x" * 120, "balancer", "v1", "a-", "engine_id"])
def test_odd_service_names_are_taken(environment: Make, service_id: str, target: str) -> None:
    made = environment("helpdesk-llama3-8b", service_id=service_id, problem="kube-system")
    files = files_of(made, target)
    for path, text in files.items():
        if path.endswith("compose.yaml"):
            assert_compose(text)
        elif target in ("kubernetes", "kustomize", "kserve") and path.endswith(".yaml") and "kustomiz" not in path:
            for one in assert_kubernetes(text):
                assert LABEL.fullmatch(one["metadata"]["name"])
                assert one["metadata"].get("namespace", "") != "kube-system"
                for label in one["metadata"].get("labels", {}).values():
                    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", label)
        elif path.endswith(".conf"):
            assert_nginx(text)


@pytest.mark.parametrize("target", SERVING)
def test_a_service_named_like_a_node_of_another_is_no_clash(environment: Make, target: str) -> None:
    """nginx takes a host that is also an upstream for the upstream, and refuses its port."""
    files = files_of(environment("chat-and-code", service_id="code-1-node-1"), target)
    for path, text in files.items():
        if path.endswith(".conf"):
            upstreams = set(re.findall(r"upstream (\S+) ", text))
            assert not upstreams & set(re.findall(r"https?://([a-z0-9-]+):", text))
            assert not upstreams & set(re.findall(r"server ([a-z0-9-]+):", text))


HOSTILE = 'org/m"; $(touch x) `id` ${HOME} $HOME \'a\' #'


@pytest.mark.parametrize("target", ["compose", "kubernetes", "skypilot"])
def test_a_checkpoint_is_one_word_whatever_it_holds(environment: Make, target: str) -> None:
    made = environment("helpdesk-llama3-8b", checkpoints={"chat": HOSTILE})
    files = files_of(made, target)
    if target == "compose":
        words = documents(files["nodes/chat-1/compose.yaml"])[0]["services"]["engine-0"]["command"]
        assert words[1] == HOSTILE.replace("$", "$$")  # Compose turns $$ into $
    elif target == "kubernetes":
        deployment = next(one for one in documents(files["manifests/10-engine-chat-1.yaml"])
                          if one["kind"] == "StatefulSet")
        words = deployment["spec"]["template"]["spec"]["containers"][0]["command"]
        assert words[1] == HOSTILE.replace("$(", "$$(")  # Kubernetes turns $$( into $(
    else:
        import shlex
        line = next(one for one in documents(files["services/chat-1.yaml"])[0]["run"].splitlines()
                    if "trtllm-serve" in one)
        assert HOSTILE in shlex.split(line)


def test_a_region_with_line_breaks_stays_in_its_comment(environment: Make) -> None:
    made = environment("helpdesk-llama3-8b", node={"provider": "a\nrun: rm", "region": "b\r\nc"})
    (task,) = documents(files_of(made, "skypilot")["services/chat-1.yaml"])
    assert task["run"].startswith("set -euo pipefail")
