"""What a runner may do with a combine."""

from __future__ import annotations

from random import Random
from typing import Any

import apache_beam as beam


def combined(combine: beam.CombineFn, elements: list[Any], random: Random) -> Any:
    """The output for elements in any order, in accumulators merged in any groups."""
    elements = random.sample(elements, len(elements))
    accumulators = [combine.create_accumulator() for _ in range(random.randint(1, 4))]
    for element in elements:
        place = random.randrange(len(accumulators))
        accumulators[place] = combine.add_input(accumulators[place], element)
        if random.random() < 0.2:
            accumulators[place] = combine.compact(accumulators[place])
    while len(accumulators) > 1:
        number = random.randint(1, len(accumulators))
        group, rest = accumulators[:number], accumulators[number:]
        accumulators = [*rest, combine.merge_accumulators(iter(group))]
        if number == 1 and random.random() < 0.5:
            accumulators.append(combine.create_accumulator())
        if len(accumulators) > 8:
            accumulators = [combine.merge_accumulators(accumulators)]
    return combine.extract_output(accumulators[0])
