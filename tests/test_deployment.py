"""`docs/deployment.md` agrees with the image and the settings, and every page names settings that
exist.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# The client's key, compose's own variable, one misspelt in an example, one of Kubernetes.
NO_SETTINGS = {"API_KEY", "CPUS", "PROT", "SERVICE_HOST"}


def manifests() -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the example for Kubernetes: its Deployment and its Service."""
    text = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
    deployment, service = yaml.safe_load_all(text)
    return deployment, service


def pod() -> dict[str, Any]:
    """Return what the Deployment says of its pods."""
    spec: dict[str, Any] = manifests()[0]["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_settings_that_exist(page: Path):
    names = set(re.findall(r"\bSTEPZERO_([A-Z_]*[A-Z])\b", page.read_text(encoding="utf-8")))

    assert names - NO_SETTINGS - {name.upper() for name in Settings.model_fields} == set()


def test_the_pod_runs_as_the_user_of_the_image():
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    context = pod()["securityContext"]

    assert user
    assert [context["runAsUser"], context["runAsGroup"]] == [int(user[1]), int(user[2])]
    assert context["fsGroup"] == int(user[2]), "the volume of arrays could not be written"


def test_the_pod_has_the_port_and_the_folders_of_the_image():
    (container,) = pod()["containers"]
    folders = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}

    assert f"EXPOSE {container['ports'][0]['containerPort']}\n" in DOCKERFILE
    assert f"STEPZERO_ARRAYS_FOLDER={folders['arrays']}\n" in DOCKERFILE
    assert f"--home-dir {folders['kernels']} " in DOCKERFILE


def test_the_pod_may_use_its_grace_and_is_probed_where_the_service_answers():
    (container,) = pod()["containers"]
    pause_s = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    probes = {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")}

    grace_s = Settings.model_fields["shutdown_grace_s"].default
    assert pod()["terminationGracePeriodSeconds"] >= pause_s + grace_s + 10
    assert probes == {"/healthz/live", "/healthz/ready"}


def test_the_service_sets_no_variable_that_the_settings_read():
    _, service = manifests()

    assert pod()["enableServiceLinks"] is False
    assert service["metadata"]["name"] != "stepzero"


def test_the_variables_of_the_pod_are_valid_settings(tmp_path: Path):
    (container,) = pod()["containers"]
    values = {  # what a Secret holds is not in the manifest
        one["name"].removeprefix("STEPZERO_").lower(): one.get("value", "0" * 64)
        for one in container["env"]
    }
    (tmp_path / "keys").write_text("ci sha256:" + "0" * 64 + "\n", encoding="ascii")
    values["api_keys_file"] = str(tmp_path / "keys")

    settings = Settings(**values)

    assert settings.threads == int(container["resources"]["limits"]["cpu"])
    assert settings.session_secret, "the pods would not know each other's sessions"
