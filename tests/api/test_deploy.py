"""What is deployed speaks of what there is: commands, settings, paths, figures."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml
from starlette.routing import Route

from gateway.app import Role, create_app
from gateway.cli import COMMANDS
from gateway.commands.start import STOP_WITHIN_S
from gateway.settings.check import load_settings
from gateway.settings.settings import Settings
from gateway.settings.stage import Stage, stage_of
from tests.api.test_production import live, production
from tests.builders.gateway import Play

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
MANIFESTS = [
    one for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")) for one in yaml.safe_load_all(path.read_text())
]
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((DEPLOY / "grafana" / "drop-gateway.json").read_text())
FIGURE = re.compile(r"drop_[a-z_]+")


def containers() -> Iterator[tuple[str, dict[str, Any], int]]:
    for one in MANIFESTS:
        if one["kind"] == "Deployment":
            spec = one["spec"]["template"]["spec"]
            yield one["metadata"]["labels"]["role"], spec["containers"][0], spec["terminationGracePeriodSeconds"]


# Its definition is the Prometheus operator's.
OWN_KINDS = [one for one in MANIFESTS if one["kind"] != "PodMonitor"]


@pytest.mark.parametrize("manifest", OWN_KINDS, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_kubernetes_takes_the_manifests(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.33", strict=True)


def test_no_process_has_a_token_of_the_cluster() -> None:
    pods = [one["spec"]["template"]["spec"] for one in MANIFESTS if one["kind"] in ("Deployment", "Job")]

    assert [pod.get("automountServiceAccountToken") for pod in pods] == [False] * len(pods) != []


def test_what_is_started_are_commands_of_ours() -> None:
    jobs = [one["spec"]["template"]["spec"]["containers"][0] for one in MANIFESTS if one["kind"] == "Job"]
    commands = [one["command"] for one in (*jobs, *(one for _, one, _ in containers()))]
    commands += [COMPOSE["services"][name]["command"] for name in ("migrate", "serve", "worker")]

    known = set(COMMANDS)

    assert {tuple(one[:3]) for one in commands} == {("python", "-m", "gateway")}
    assert {one[3] for one in commands} == {"migrate", "serve", "worker"} <= known


def test_what_is_set_are_settings_of_ours() -> None:
    (config,) = [one["data"] for one in MANIFESTS if one["kind"] == "ConfigMap"]
    names = {*config, *COMPOSE["x-gateway"]["environment"]}

    assert {name.lower() for name in names} <= set(Settings.model_fields)


def test_what_is_deployed_may_be_live() -> None:
    (config,) = [one["data"] for one in MANIFESTS if one["kind"] == "ConfigMap"]
    composed = dict(COMPOSE["x-gateway"]["environment"])
    sockets = {"database_url": composed.pop("DATABASE_URL"), "redis_url": composed.pop("REDIS_URL")}
    owner = COMPOSE["services"]["migrate"]["environment"]["DATABASE_URL"]
    for given in ({**composed, **sockets}, {**composed, **sockets, "database_url": owner}, config):
        started = load_settings(**live(**{name.lower(): value for name, value in given.items()}), _env_file=None)

        assert stage_of(started) is Stage.LIVE


def test_what_is_reached_by_a_socket_is_on_no_network() -> None:
    volumes = {"postgres": "postgresql-socket:/var/run/postgresql", "redis": "redis-socket:/data"}
    for name, volume in volumes.items():
        service = COMPOSE["services"][name]

        assert volume in service["volumes"]
        assert service["network_mode"] == "none"
        assert any(one.startswith(f"{volume.split(':')[0]}:/run/") for one in COMPOSE["x-gateway"]["volumes"])


def test_exports_are_built_on_the_disk_and_not_in_memory() -> None:
    assert "/tmp" in COMPOSE["x-gateway"]["volumes"]
    assert "/tmp" not in COMPOSE["x-gateway"]["tmpfs"]
    pods = [one["spec"]["template"]["spec"] for one in MANIFESTS if one["kind"] in ("Deployment", "Job")]
    for pod in pods:
        (name,) = [one["name"] for one in pod["containers"][0]["volumeMounts"] if one["mountPath"] == "/tmp"]
        assert {"name": name, "emptyDir": {}} in pod["volumes"]


def test_what_is_probed_is_answered_and_a_stop_may_take_as_long_as_it_takes() -> None:
    (config,) = [one["data"] for one in MANIFESTS if one["kind"] == "ConfigMap"]
    settings = load_settings(_env_file=None)
    for role, container, grace_s in containers():
        routes = {route.path for route in create_app(settings, role=Role(role)).routes if isinstance(route, Route)}
        probes = [container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")]
        ports = {port["containerPort"] for port in container["ports"]}
        drain_s = float(config["DRAIN_S"]) if role == "serve" else 0

        assert {probe["httpGet"]["path"] for probe in probes} <= routes
        assert ports == ({settings.port, int(config["OPERATOR_PORT"])} if role == "serve" else {settings.worker_port})
        assert grace_s > drain_s + STOP_WITHIN_S
        if role == "serve":
            # Load balancers have turned away before the last socket closes.
            assert drain_s > 2 * container["readinessProbe"]["periodSeconds"]
    for role, drain_s in (("serve", float(COMPOSE["x-gateway"]["environment"]["DRAIN_S"])), ("worker", 0)):
        assert int(COMPOSE["services"][role]["stop_grace_period"].removesuffix("s")) > drain_s + STOP_WITHIN_S


def test_the_public_door_leads_to_every_route_but_the_operators() -> None:
    settings = load_settings(**production(), _env_file=None)
    routes = {getattr(route, "path", "") for route in create_app(settings).routes}
    inside = {path for path in routes if path == "/metrics" or path.startswith("/api/operator/")}
    (ingress,) = [one for one in MANIFESTS if one["kind"] == "Ingress"]
    (paths,) = [[path["path"] for path in rule["http"]["paths"]] for rule in ingress["spec"]["rules"]]
    led = {path for path in routes if any(path == one or path.startswith(f"{one}/") for one in paths)}
    (refused,) = re.findall(r"@operators path (.*)", (DEPLOY / "Caddyfile").read_text())
    kept = [one for one in refused.split() if one.endswith("/*")]

    assert inside
    assert led == routes - inside
    assert {path for path in routes if any(f"{path}/".startswith(one[:-1]) for one in kept)} == inside


def test_the_proxies_are_known() -> None:
    (config,) = [one["data"] for one in MANIFESTS if one["kind"] == "ConfigMap"]
    environment = COMPOSE["x-gateway"]["environment"]
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]

    assert environment["TRUSTED_PROXIES"] == network["subnet"]
    for given in (config, environment):
        assert load_settings(trusted_proxies=given["TRUSTED_PROXIES"], _env_file=None).trusted_proxies


def test_every_replica_is_scraped() -> None:
    (scraped,) = yaml.safe_load((DEPLOY / "prometheus" / "scrape.yaml").read_text())["scrape_configs"]
    (monitor,) = [one["spec"] for one in MANIFESTS if one["kind"] == "PodMonitor"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    ports = {role: _port(one, "operators") for role, one, _ in containers()}

    assert {one["names"][0]: one["port"] for one in scraped["dns_sd_configs"]} == ports
    assert set(monitor["selector"]["matchExpressions"][0]["values"]) == ports.keys()
    assert (endpoint["port"], endpoint["path"]) == ("operators", "/metrics")
    assert COMPOSE["x-gateway"]["environment"]["OPERATOR_PORT"] == str(ports["serve"])


def test_the_public_door_does_not_lead_to_the_operators_port() -> None:
    """Neither by the ingress nor by the network."""
    (serve,) = [one for role, one, _ in containers() if role == "serve"]
    policies = {one["metadata"]["name"]: one["spec"] for one in MANIFESTS if one["kind"] == "NetworkPolicy"}
    (public,) = policies["drop-gateway-public"]["ingress"]
    (monitoring,) = policies["drop-gateway"]["ingress"]
    services = {one["metadata"]["name"]: one["spec"]["ports"] for one in MANIFESTS if one["kind"] == "Service"}

    assert public["ports"] == [{"port": _port(serve, "http")}]
    assert {one["port"] for one in monitoring["ports"]} == {_port(one, "operators") for _, one, _ in containers()}
    assert [one["targetPort"] for one in services["drop-gateway"]] == ["http"]
    assert [one["targetPort"] for one in services["drop-gateway-operators"]] == ["operators"]


def _port(container: dict[str, Any], name: str) -> int:
    (number,) = [port["containerPort"] for port in container["ports"] if port["name"] == name]
    return int(number)


async def test_what_is_watched_is_measured(play: Play) -> None:
    shown = (await play.browser().http.get("/metrics")).text
    measured = set(re.findall(r"^# TYPE (\S+)", shown, re.MULTILINE))
    watched = {rule["alert"]: rule["expr"] for rule in RULES}
    watched |= {panel["title"]: target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]}

    for where, expression in watched.items():
        for figure in FIGURE.findall(expression):
            assert re.sub(r"_(bucket|count|sum)$", "", figure) in measured or figure in measured, (where, figure)
    alerts = {figure for rule in RULES for figure in FIGURE.findall(rule["expr"])}
    assert {"drop_job_oldest_due_seconds", "drop_webhook_oldest_seconds", "drop_payment_oldest_doubt_seconds"} <= alerts


def test_every_alert_says_what_to_do() -> None:
    for rule in RULES:
        assert rule["annotations"]["summary"].endswith(".")
        for command in re.findall(r"gateway (\w+)", rule["annotations"]["action"]):
            assert command in COMMANDS, command
