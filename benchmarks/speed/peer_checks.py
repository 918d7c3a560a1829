"""Whether the official code can be run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from sesrec_tf.errors import InputError

_FILES = ("config/const.py", "models/SESRec.py", "utils/data_sampler.py", "tester.py")
_MODULES = ("torch", "numpy", "pandas", "sklearn", "tqdm", "yaml", "tensorboard")
_PROBE = (
    "import importlib.util, json; "
    f"print(json.dumps([n for n in {_MODULES} if importlib.util.find_spec(n) is None]))"
)
_SECONDS = 60


def require_peer(checkout: Path, python: str) -> None:
    """Checks the checkout of the official code and the Python that is to run it.

    Raises:
        InputError: if a file or a module is missing, or the program does not run.
    """
    missing = [name for name in _FILES if not (checkout / name).is_file()]
    if missing:
        raise InputError(
            f"`--peer` should be a checkout of the official SESRec repository. {checkout} has no "
            f"{missing[0]}."
        )
    try:
        done = subprocess.run(
            [python, "-c", _PROBE], capture_output=True, text=True, timeout=_SECONDS, check=True
        )
        absent = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise InputError(
            f"`--peer-python` should be a Python that the official code runs with. Received: "
            f"{python} ({error})."
        ) from error
    if absent:
        raise InputError(
            f"`--peer-python` should have {', '.join(_MODULES)}. {python} lacks "
            f"{', '.join(absent)}. Install them there, or name another Python."
        )
