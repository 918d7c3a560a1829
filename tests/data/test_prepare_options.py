from __future__ import annotations

import pytest

from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.errors import InputError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"time_unit": "days"}, "`--time-unit` should be one of s, ms, datetime, order.*'days'"),
        ({"split": "random"}, "`--split` should be one of"),
        ({"negatives": "hard"}, "`--negatives` should be one of"),
        ({"num_negatives": 0}, "`--num-negatives` should be an integer of at least 1.*0"),
        ({"min_instances": 1}, "`--min-instances` should be an integer of at least 2"),
        ({"min_earlier_searches": -1}, "`--min-earlier-searches` should be .* at least 0"),
        ({"max_rec": 1.5}, "`--max-rec`"),
        ({"max_clicks": True}, "`--max-clicks`"),
        ({"shards": 0}, "`--shards`"),
        ({"shards": 257}, "`--shards` should be at most 256. Received: 257"),
        ({"max_rejected": -0.1}, "`--max-rejected` should be a share .* from 0 to 1.*-0.1"),
        ({"max_rejected": 5}, "`--max-rejected` should be a share .* from 0 to 1.*5"),
        ({"max_rejected": float("nan")}, "`--max-rejected` should be a share .*nan"),
        (
            {"split": "given", "min_earlier_searches": 1},
            "`--split given` takes the instances as they are.*--min-earlier-searches 1",
        ),
        (
            {"split": "given", "min_instances": 3},
            "belongs to `--split leave-last-out`.*--split given --min-instances 3",
        ),
        ({"split": "given", "test_from": 3}, "belong to `--split time`.*--split given"),
        ({"split": "time"}, "needs both `--valid-from` and `--test-from`"),
        ({"split": "time", "valid_from": 1}, "needs both"),
        (
            {"split": "time", "valid_from": 1, "test_from": 2, "min_instances": 3},
            "`--min-instances` belongs to `--split leave-last-out`.*--min-instances 3",
        ),
        ({"valid_from": 1}, "belong to `--split time`"),
        (
            {"split": "time", "time_unit": "order", "valid_from": 1, "test_from": 2},
            "needs real times.*--time-unit order",
        ),
    ],
)
def test_unusable_settings_are_explained(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PrepareOptions(**settings)


def test_instants_may_be_the_epoch() -> None:
    assert PrepareOptions(split="time", valid_from=0, test_from=1).valid_from == 0


def test_instances_required_of_a_user() -> None:
    assert PrepareOptions().required_instances == 3
    assert PrepareOptions(min_instances=2).required_instances == 2
