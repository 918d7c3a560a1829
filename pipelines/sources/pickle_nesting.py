"""How deep a pickle nests, found without making what it holds.

Python hashes, frees and converts nested data by recursion in C, for some types without a limit: a
small file of a million nested tuples ends the process, and no exception tells why.
"""

from __future__ import annotations

import pickle
import pickletools
import re
from itertools import repeat

DEEPEST = 100
"""Containers within containers that a pickle may have; those of releases have less than twenty."""


def require_shallow(data: bytes) -> None:
    """Follows the opcodes of a pickle, and the depth of what they would make.

    For 50 MB that takes 1 s where they are numbers, 15 s where they are a million dictionaries.

    Args:
        data: the pickle.

    Raises:
        UnpicklingError: if it nests deeper than `DEEPEST`, changes a list or dictionary after it
            was put into another container, which could nest it without end, or is damaged.
    """
    try:
        _Machine(data).run()
    except (LookupError, ValueError) as error:
        raise pickle.UnpicklingError("it is cut short or damaged") from error


class _Made:
    """A container, or what a call gives: its levels, and whether it is within another."""

    __slots__ = ("held", "levels")

    def __init__(self) -> None:
        self.levels = 1
        self.held = False

    def hold(self, values: list[_Made | None]) -> None:
        """Takes values in; `None` stands for text and numbers."""
        if self.held:
            raise pickle.UnpicklingError("it changes what it put into a container before")
        for value in values if values.count(None) < len(values) else ():
            if value is not None:
                value.held = True
                self.levels = max(self.levels, value.levels + 1)
        if self.held or self.levels > DEEPEST:
            raise pickle.UnpicklingError(f"it nests containers deeper than {DEEPEST}")


_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: (1, False),
    pickletools.TAKEN_FROM_ARGUMENT4: (4, True),
    pickletools.TAKEN_FROM_ARGUMENT4U: (4, False),
    pickletools.TAKEN_FROM_ARGUMENT8U: (8, False),
}
_NUMBERS = re.compile(rb"(?:K.)+|(?:M..)+|(?:J.{4})+|(?:G.{8})+", re.DOTALL)
_NUMBER_BYTES = {ord("K"): 2, ord("M"): 3, ord("J"): 5, ord("G"): 9}
_OPCODES = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
_TEXT, _MEMOIZE, _GET = (
    code[0] for code in (pickle.SHORT_BINUNICODE, pickle.MEMOIZE, pickle.BINGET)
)
_LONG_GET, _MARK = pickle.LONG_BINGET[0], pickle.MARK[0]
_EMPTY = frozenset(pickle.EMPTY_LIST + pickle.EMPTY_DICT + pickle.EMPTY_SET)
_ALL_INTO_LAST = frozenset(pickle.APPENDS + pickle.SETITEMS + pickle.ADDITEMS)
_INTO_LAST = ("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD")
_TWO_LINES = ("GLOBAL", "INST")


class _Machine:
    """The unpickler's stack and memo, of `_Made` and `None` instead of values."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._stack: list[_Made | None] = []
        self._below: list[list[_Made | None]] = []
        # Nothing of text and numbers, which are most.
        self._memo: dict[int, _Made] = {}
        self._memoized = 0
        self._numbered = False

    def run(self) -> None:
        """To the opcode that stops, the most frequent ones without a call."""
        data, place = self._data, 0
        while (code := data[place]) != pickle.STOP[0]:
            if code == _TEXT:
                self._stack.append(None)
                place += 2 + data[place + 1]
                if data[place] == _MEMOIZE:
                    self._memoized += 1
                    place += 1
            elif code == _MEMOIZE and self._stack[-1] is None:
                self._memoized += 1
                place += 1
            elif code == _GET:
                self._stack.append(self._memo.get(data[place + 1]))
                place += 2
            elif code == _LONG_GET:
                number = int.from_bytes(data[place + 1 : place + 5], "little")
                self._stack.append(self._memo.get(number))
                place += 5
            elif code in _EMPTY:
                self._stack.append(_Made())
                place += 1
            elif code == _MARK:
                self._below.append(self._stack)
                self._stack = []
                place += 1
            elif code in _ALL_INTO_LAST:
                self._into_last(self._to_mark())
                place += 1
            elif (size := _NUMBER_BYTES.get(code)) and (run := _NUMBERS.match(data, place)):
                self._stack.extend(repeat(None, (run.end() - place) // size))
                place = run.end()
            else:
                place = self._step(_OPCODES[code], place + 1)

    def _step(self, opcode: pickletools.OpcodeInfo, place: int) -> int:
        """Does what one opcode says; where its argument ends."""
        end = self._argument_end(opcode, place)
        name, argument = opcode.name, self._data[place:end]
        if name in ("POP", "POP_MARK"):
            if name == "POP_MARK" or not self._stack:
                self._to_mark()
            else:
                self._stack.pop()
        elif name == "DUP":
            self._stack.append(self._stack[-1])
        elif name == "MEMOIZE":
            self._memoized += 1
            self._remember(self._memoized - 1)
        elif name.endswith("PUT"):
            self._numbered = True
            self._remember(_number(name, argument))
        elif name.endswith("GET"):
            self._stack.append(self._memo.get(_number(name, argument)))
        elif name != "READONLY_BUFFER":
            self._build(opcode)
        return end

    def _build(self, opcode: pickletools.OpcodeInfo) -> None:
        """Takes what the opcode takes into what it makes or changes."""
        before, changes = opcode.stack_before, opcode.name in _INTO_LAST
        if pickletools.markobject in before:
            values = self._to_mark()
        else:
            values = [self._stack.pop() for _ in range(len(before) - changes)]
        if not changes and opcode.stack_after:
            self._stack.append(_Made() if before else None)
        if before:
            self._into_last(values)

    def _into_last(self, values: list[_Made | None]) -> None:
        target = self._stack[-1]
        if target is None:
            raise pickle.UnpicklingError("it adds to what is no container")
        target.hold(values)

    def _remember(self, number: int) -> None:
        if self._memoized and self._numbered:
            raise pickle.UnpicklingError("it numbers its objects in two ways")
        last = self._stack[-1]
        if last is None:
            self._memo.pop(number, None)
        else:
            self._memo[number] = last

    def _to_mark(self) -> list[_Made | None]:
        values, self._stack = self._stack, self._below.pop()
        return values

    def _argument_end(self, opcode: pickletools.OpcodeInfo, place: int) -> int:
        if opcode.arg is None:
            return place
        if opcode.arg.n >= 0:
            return place + opcode.arg.n
        if opcode.arg.n == pickletools.UP_TO_NEWLINE:
            for _ in range(1 + (opcode.name in _TWO_LINES)):
                place = self._data.index(b"\n", place) + 1
            return place
        size, signed = _LENGTHS[opcode.arg.n]
        length = int.from_bytes(self._data[place : place + size], "little", signed=signed)
        if length < 0:
            raise ValueError(length)
        return place + size + length


def _number(name: str, argument: bytes) -> int:
    return int(argument) if name in ("PUT", "GET") else int.from_bytes(argument, "little")
