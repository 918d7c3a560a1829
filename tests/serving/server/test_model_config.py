"""`models.config`, as TF Serving reads it."""

from __future__ import annotations

import pytest

from serving.server.model_config import one_model, read_models
from sesrec_tf.errors import InputError

MODEL = """
  config {
    name: "sesrec"
    base_path: "/models/sesrec"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: 1 versions: 2 } }
    version_labels { key: "stable" value: 1 }
    version_labels { key: "canary" value: 2 }
  }
"""
CONFIG = f"model_config_list {{ {MODEL} }}"
TWICE = f"model_config_list {{ {MODEL} {MODEL} }}"


def write(tmp_path, text):
    file = tmp_path / "models.config"
    file.write_text(text)
    return file


def test_policy_and_labels(tmp_path):
    (model,) = read_models(write(tmp_path, CONFIG))
    assert (model.name, model.base_path) == ("sesrec", "/models/sesrec")
    assert list(model.model_version_policy.specific.versions) == [1, 2]
    assert dict(model.version_labels) == {"stable": 1, "canary": 2}


def test_base_path_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (model,) = read_models(write(tmp_path, CONFIG), "export")
    assert model.base_path == str(tmp_path / "export")


def test_one_model_needs_no_file():
    model = one_model("m", "/export")
    assert (model.name, model.base_path, model.model_platform) == ("m", "/export", "tensorflow")


# Messages of ValidateModelConfigList and GetPlatform in server_core.cc.
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_config_list", "cannot read models"),
        ("", "lists no model"),
        (TWICE, "Illegal to list model sesrec multiple times in config list"),
        (CONFIG.replace("/models", "models"), "to have an absolute path or URI; got base_path"),
        (CONFIG.replace('model_platform: "tensorflow"', ""), "Illegal setting neither"),
        (CONFIG.replace('"tensorflow"', '"torch"'), "requests unsupported platform torch"),
    ],
)
def test_unusable_files(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_models(write(tmp_path, text))


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot read models"):
        read_models(tmp_path / "absent")


def test_one_base_path_for_two_models(tmp_path):
    with pytest.raises(InputError, match="lists 2"):
        read_models(write(tmp_path, TWICE), "export")
