"""Scraping and alerts: the expressions parse and name metrics that TensorFlow Serving exports."""

from __future__ import annotations

import promql_parser
import pytest

from tests.serving.deploy.deploy_files import (
    CONFIG,
    DEPLOY,
    compose_service,
    flags,
    manifest,
    read_text_proto,
    read_yaml,
)
from tests.serving.deploy.server_config_messages import MonitoringConfig

RULES = [
    rule
    for group in read_yaml(DEPLOY / "prometheus" / "alerts.yml")["groups"]
    for rule in group["rules"]
]

# Names and labels from TensorFlow Serving 2.20 (servables/tensorflow/util.cc,
# saved_model_warmup_util.cc, batching/batching_session.cc) and TensorFlow
# (cc/saved_model/loader.cc), with "/" written ":" as in util/prometheus_exporter.cc.
COUNTERS = {
    ":tensorflow:serving:request_count": {"model_name", "status"},
    ":tensorflow:cc:saved_model:load_attempt_count": {"model_path", "status"},
    "up": {"job"},
}
HISTOGRAMS = {
    ":tensorflow:serving:request_latency": {"model_name", "API", "entrypoint"},
    ":tensorflow:serving:model_warmup_latency": {"model_path", "status"},
    ":tensorflow:serving:batching_session:queuing_latency": {"thread_pool_name"},
}
METRICS = COUNTERS | {
    name + suffix: labels
    for name, labels in HISTOGRAMS.items()
    for suffix in ("_bucket", "_sum", "_count")
}


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    found = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alert_names_metrics_and_labels_that_exist(rule):
    found = selectors(rule["expr"])
    assert found
    for selector in found:
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= METRICS[selector.name]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alert_says_how_bad_it_is_and_what_to_do(rule):
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "action"}


def test_alerts_have_different_names():
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)


def test_alerts_name_the_model_and_the_job():
    used = {
        (matcher.name, matcher.value)
        for rule in RULES
        for selector in selectors(rule["expr"])
        for matcher in selector.matchers.matchers
        if matcher.name in {"model_name", "job"}
    }
    assert used == {("model_name", "sesrec"), ("job", "tensorflow-serving")}


def test_prometheus_scrapes_the_rest_port_of_the_server():
    config = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    job = jobs["tensorflow-serving"]
    (target,) = job["static_configs"][0]["targets"]
    port = flags(compose_service("tensorflow-serving")["command"])["rest_api_port"]
    assert target == f"tensorflow-serving:{port}"
    exported = read_text_proto(CONFIG / "monitoring.config", MonitoringConfig())
    assert job["metrics_path"] == exported.prometheus_config.path


def test_prometheus_finds_its_files_where_compose_mounts_them():
    service = compose_service("prometheus")
    mount = service["volumes"][0]
    assert (DEPLOY / mount["source"]).resolve() == DEPLOY / "prometheus"
    config = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    inside = [flags(service["command"])["config.file"], *config["rule_files"]]
    for path in inside:
        directory, _, name = path.rpartition("/")
        assert directory == mount["target"]
        assert (DEPLOY / "prometheus" / name).is_file()


def test_pods_are_annotated_for_scraping():
    template = manifest("Deployment", "sesrec-serving")["spec"]["template"]
    exported = read_text_proto(CONFIG / "monitoring.config", MonitoringConfig())
    assert template["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "8501",
        "prometheus.io/path": exported.prometheus_config.path,
    }
