"""The Kubernetes manifests against the API's schemas, and against each other."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

from tests.serving.deploy.deploy_files import (
    CONFIG,
    KUBERNETES,
    container,
    flags,
    manifest,
    manifests,
    pod_spec,
    read_text_proto,
    read_yaml,
)
from tests.serving.deploy.server_config_messages import BatchingParameters

VERSIONS = ["1.30", "1.34"]


def pod_labels() -> dict[str, str]:
    return manifest("Deployment", "sesrec-serving")["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("index", range(len(manifests())))
def test_manifest_fits_its_schema(index, version):
    kubernetes_validate.validate(manifests()[index], version, strict=True)


def test_schema_refuses_a_misspelt_field():
    broken = copy.deepcopy(manifest("Deployment", "sesrec-serving"))
    broken["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="builds with kubectl")
def test_kustomization_builds_what_fits_the_schemas():
    built = subprocess.run(
        ["kubectl", "kustomize", KUBERNETES],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    objects = list(yaml.safe_load_all(built.stdout))
    for item in objects:
        kubernetes_validate.validate(item, VERSIONS[-1], strict=True)
    names = {item["metadata"]["name"] for item in objects if item["kind"] == "ConfigMap"}
    (deployment,) = (item for item in objects if item["kind"] == "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    assert config_maps(spec) == names
    # The models' one keeps its name, so that a change of labels restarts nothing.
    assert "sesrec-models" in names
    assert re.fullmatch(r"tensorflow/serving:\d+\.\d+\.\d+", spec["containers"][0]["image"])


def config_maps(spec: dict) -> set[str]:
    (projected,) = (volume["projected"] for volume in spec["volumes"] if "projected" in volume)
    return {source["configMap"]["name"] for source in projected["sources"]}


def test_kustomization_lists_every_manifest_but_the_publisher():
    listed = set(read_yaml(KUBERNETES / "kustomization.yaml")["resources"])
    files = {path.name for path in KUBERNETES.glob("*.yaml")}
    assert listed == (files - {"kustomization.yaml", "publisher.yaml"}) | {"../config"}


def test_config_maps_hold_the_files_of_compose():
    generated = read_yaml(CONFIG / "kustomization.yaml")["configMapGenerator"]
    files = [name for config_map in generated for name in config_map["files"]]
    assert sorted(files) == sorted(
        path.name for path in CONFIG.iterdir() if path.name != "kustomization.yaml"
    )
    assert config_maps(pod_spec()) == {config_map["name"] for config_map in generated}


def test_selectors_choose_the_pods_of_the_deployment():
    labels = pod_labels()
    selectors = [
        manifest("Deployment", "sesrec-serving")["spec"]["selector"]["matchLabels"],
        manifest("Service", "sesrec-serving")["spec"]["selector"],
        manifest("Service", "sesrec-serving-headless")["spec"]["selector"],
        manifest("PodDisruptionBudget", "sesrec-serving")["spec"]["selector"]["matchLabels"],
        manifest("NetworkPolicy", "sesrec-serving")["spec"]["podSelector"]["matchLabels"],
        *(
            constraint["labelSelector"]["matchLabels"]
            for constraint in pod_spec()["topologySpreadConstraints"]
        ),
    ]
    assert all(selector and selector.items() <= labels.items() for selector in selectors)
    # The publisher is no server.
    assert manifest("Pod", "sesrec-publisher")["metadata"]["labels"] != labels


def test_ports_are_named_alike():
    named = {port["name"]: port["containerPort"] for port in container()["ports"]}
    given = flags(container()["args"])
    assert named == {"grpc": int(given["port"]), "rest": int(given["rest_api_port"])}
    for name in ("sesrec-serving", "sesrec-serving-headless"):
        for port in manifest("Service", name)["spec"]["ports"]:
            assert port["targetPort"] == port["name"]
            assert port["port"] == named[port["name"]]


def test_probes_ask_for_the_status_of_the_model():
    assert container()["readinessProbe"]["exec"]["command"] == ["bash", "/config/ready.sh"]
    for probe in ("startupProbe", "livenessProbe"):
        assert container()[probe]["httpGet"] == {"path": "/v1/models/sesrec", "port": "rest"}


def test_start_outlasts_the_retries_of_a_broken_version():
    given = flags(container()["args"])
    retries = int(given["max_num_load_retries"]) * int(given["load_retry_interval_micros"]) / 1e6
    probe = container()["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > retries + 60


def test_a_pod_stops_after_its_connections_have_moved():
    arguments = flags(container()["args"])["grpc_channel_arguments"]
    age = int(re.fullmatch(r"grpc\.max_connection_age_ms=(\d+)", arguments)[1]) / 1000
    name, seconds = container()["lifecycle"]["preStop"]["exec"]["command"]
    assert name == "sleep"
    # gRPC lets a connection live up to 10 % longer.
    assert 1.1 * age < float(seconds) < pod_spec()["terminationGracePeriodSeconds"]
    assert pod_spec()["shareProcessNamespace"]


def test_update_keeps_every_replica_serving():
    rolling = manifest("Deployment", "sesrec-serving")["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxUnavailable": 0, "maxSurge": 1}
    assert "replicas" not in manifest("Deployment", "sesrec-serving")["spec"]


def test_autoscaler_scales_the_deployment():
    spec = manifest("HorizontalPodAutoscaler", "sesrec-serving")["spec"]
    target = spec["scaleTargetRef"]
    assert manifest(target["kind"], target["name"])["apiVersion"] == target["apiVersion"]
    assert 2 <= spec["minReplicas"] <= spec["maxReplicas"]
    # A share of the request: without one the autoscaler does nothing.
    assert container()["resources"]["requests"]["cpu"]


def test_cores_threads_and_batches_agree():
    cores = container()["resources"]["requests"]["cpu"]
    given = flags(container()["args"])
    batching = read_text_proto(CONFIG / "batching_parameters.txt", BatchingParameters())
    assert given["tensorflow_intra_op_parallelism"] == cores
    assert given["tensorflow_inter_op_parallelism"] == cores
    assert batching.num_batch_threads.value == int(cores)


def test_models_are_read_only_to_the_server_and_written_by_the_publisher():
    claim = manifest("PersistentVolumeClaim", "sesrec-models")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    by_name = {volume["name"]: volume for volume in pod_spec()["volumes"]}
    assert by_name["models"]["persistentVolumeClaim"] == {
        "claimName": claim["metadata"]["name"],
        "readOnly": True,
    }
    mounts = {mount["name"]: mount for mount in container()["volumeMounts"]}
    assert mounts["models"]["readOnly"]
    assert mounts["config"]["readOnly"]
    assert all("subPath" not in mount for mount in mounts.values())
    publisher = manifest("Pod", "sesrec-publisher")["spec"]
    (mount,) = publisher["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == mounts["models"]["mountPath"]
    assert not mount.get("readOnly", False)
    assert publisher["securityContext"]["runAsUser"] == pod_spec()["securityContext"]["runAsUser"]


@pytest.mark.parametrize("kind", ["Deployment", "Pod"])
def test_containers_are_confined(kind):
    spec = pod_spec() if kind == "Deployment" else manifest("Pod", "sesrec-publisher")["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    (only,) = spec["containers"]
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert only["resources"]["requests"]
    assert only["resources"]["limits"]["memory"]
