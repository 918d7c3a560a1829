"""The official PyTorch code, imported from a checkout and set up in memory."""

from __future__ import annotations

import functools
import importlib
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_BATCHES_A_WORKER = 4

_DATASET = {"kindle": "amazon", "kuaishou": "commercial"}


class OfficialCode:
    """Its model, optimiser and data sets, none of its files changed or copied.

    Data path and vocabulary sizes are put into its `config.const`; widths, rates and everything
    else stay as it has them for the data set. It runs on the CPU.

    Args:
        job: `peer` (the checkout), `data` (a package in its format), `profile` (the name),
            `sizes` (its constants by name), `batch_size`, `negatives`, `alignment_negatives`,
            `loader_workers`.

    Attributes:
        imported: monotonic seconds when Torch and its modules were imported.
        recommender: its `SESRec_Recommender`.
        optimizer: its Adam.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        checkout = Path(job["peer"])
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(checkout))
        # It reads its settings relative to the current directory.
        os.chdir(checkout)
        self._job = job
        self._name = _DATASET[job["profile"]]
        context = importlib.import_module("utils.Context")
        self.imported = time.monotonic()
        self._const = importlib.import_module("config.const")
        self._data = importlib.import_module("utils.data")
        self._set_constants()
        self.flags = SimpleNamespace(
            model="SESRec",
            dataset_name=self._name,
            use_gpu=False,
            batch_size=job["batch_size"],
            num_negs=job["negatives"],
        )
        self._manager = context.DatasetManager(self.flags)
        self.recommender: Any = importlib.import_module("recommender").SESRec_Recommender(
            self.flags, "", self._manager, None
        )
        self.recommender.transfer_model()
        self.optimizer: Any = self.recommender.get_optimizer()
        config = self.recommender.model_config
        self._weights = (1.0, config["infoNCE_weight"], config["triplet_weight"])

    def _set_constants(self) -> None:
        getattr(self._const, f"init_dataset_setting_{self._name}")()
        importlib.import_module("models.Inputs").init_data_attribute_ls(self._name)
        for name, value in {"load_path": self._job["data"], **self._job["sizes"]}.items():
            setattr(self._const, name, value)

    def facts(self) -> dict[str, Any]:
        """Versions and threads."""
        torch = importlib.import_module("torch")
        return {
            "versions": {"torch": str(torch.__version__)},
            "devices": ["cpu"],
            "threads": torch.get_num_threads(),
        }

    def step(self, sample: list[Any], negatives: list[Any]) -> None:
        """One update on collated tensors, as its trainer makes it, ended by reading the losses."""
        self.optimizer.zero_grad()
        # `get_loss` adds to the list that it is given.
        terms = self.recommender.get_loss(list(sample), negatives)
        loss = sum(weight * term for weight, term in zip(self._weights, terms, strict=True))
        loss.backward()
        self.optimizer.step()
        for term in terms:
            term.item()

    def training_loader(self, workers: int) -> Any:
        """Batches of instances with their negatives."""
        instances = self._data.SESRec_Dataset(self._const.train_file, self._manager, True)
        return self._loader(instances, self.flags.batch_size, workers)

    def alignment_loader(self, workers: int) -> Any:
        """Endless batches of items and queries for its alignment loss."""
        draws = self._data.SESRec_neg_sample_Dataset(self._const.valid_file, self._manager)
        return self._loader(draws, self._job["alignment_negatives"], workers)

    def _loader(self, data_set: Any, batch_size: int, workers: int) -> Any:
        # Two batches ahead a worker: its own numbers of workers and batches are those of a server.
        ahead = {"prefetch_factor": 2, "persistent_workers": True} if workers else {}
        return self._data.get_dataloader(data_set, batch_size, num_workers=workers, **ahead)

    def tester(self, users: int) -> Any:
        """Its tester over valid.

        Its batches are cut, if need be, so that every loader worker has several: in the evaluation
        of many more users loading and scoring would overlap.

        Args:
            users: in valid.
        """
        module = importlib.import_module("tester")
        workers = self._job["loader_workers"]
        # Positive and 99 negatives of a user stay together.
        most = -(-users // (_BATCHES_A_WORKER * workers)) * 100
        original = self._data.get_dataloader

        @functools.wraps(original)
        def get_dataloader(data_set: Any, bs: int, **kwargs: Any) -> Any:
            kwargs |= {"num_workers": workers, "prefetch_factor": 2}
            return original(data_set, min(bs, most), **kwargs)

        module.get_dataloader = get_dataloader  # type: ignore[attr-defined]
        tester = module.Tester(self.flags, self.recommender, None)
        tester.set_dataloader(
            self._data.SESRec_Dataset(self._const.valid_file, self._manager, False)
        )
        return tester
