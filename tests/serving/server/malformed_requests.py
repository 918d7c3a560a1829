"""Sends mutated and random Predict requests to a running server, and judges its answers.

A request is answered wrongly if the answer is OK although the request violates the signature: it
is no message, names no served model, version, label or signature, has other inputs, dtypes, ranks
or fixed widths than the signature's, rows that differ between inputs, a tensor or a `tf.Example`
that TensorFlow cannot parse, or an unknown or repeated output. The judgement is made here from the
server's metadata, with TensorFlow's own parsers. An answer is wrong, too, if its outputs are not
those asked for, or have other rows than the request.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

EXAMPLES = """\
examples:
  python -m serving.server --model-base-path export --port 8500 &
  python -m tests.serving.server.malformed_requests --server 127.0.0.1:8500 --pid $! \\
      --count 10000 --seed 1
"""

STRINGS = tf.string.as_datatype_enum
PREDICT = "/tensorflow.serving.PredictionService/Predict"
SIZES = (-(2**63), -1, 0, 2, 3, 7, 1 << 12, 1 << 20, 1 << 31, 1 << 40, 1 << 62, 2**63 - 1)
NEVER_NAMES = ("", "absent", "USER", "a" * 1000, "é", "__saved_model_init_op")

Request = predict_pb2.PredictRequest


class Requests:
    """Random requests for the signatures of a model.

    Args:
        seed: of every draw.
        name: the model's.
        signatures: as GetModelMetadata reports them.
    """

    def __init__(self, seed: int, name: str, signatures) -> None:
        self._random = random.Random(seed)
        self._name = name
        self._signatures = signatures
        self._kinds: dict[str, Callable[[Request], Request | bytes]] = {
            name.removeprefix("_kind_"): getattr(self, name)
            for name in sorted(dir(self))
            if name.startswith("_kind_")
        }

    def draw(self) -> tuple[str, bytes]:
        """The kind of a mutation and the request on the wire."""
        kind = self._random.choice(sorted(self._kinds))
        request = self.valid(self._random.choice(sorted(self._predictable())))
        for _ in range(self._random.choice((1, 1, 1, 2))):
            changed = self._kinds[kind](request)
            if isinstance(changed, bytes):
                return kind, changed
            request = changed
        return kind, request.SerializeToString()

    def valid(self, signature: str) -> Request:
        """A request that breaks no rule."""
        request = Request()
        request.model_spec.name = self._name
        request.model_spec.signature_name = signature
        rows, width = self._random.randint(1, 3), self._random.randint(1, 20)
        for name, info in self._signatures[signature].inputs.items():
            sizes = [dim.size for dim in info.tensor_shape.dim]
            shape = [rows, *(width if size < 0 else size for size in sizes[1:])]
            if name == "examples":
                values = [self._example().SerializeToString() for _ in range(rows)]
            else:
                values = [self._text() for _ in range(int(np.prod(shape)))]
            request.inputs[name].CopyFrom(string_tensor(shape, values))
        return request

    def _predictable(self) -> list[str]:
        return [name for name, signature in self._signatures.items() if signature.inputs]

    def _text(self) -> bytes:
        return self._random.choice((b"", b"i1", b"007", b"red shoes", b"\xc3\xa9", b"x" * 40))

    def _garbage(self, most: int = 200) -> bytes:
        return self._random.randbytes(self._random.randint(0, most))

    def _example(self) -> tf.train.Example:
        """The raw strings that `serving_default` takes, as `raw_examples` parses them."""
        example = tf.train.Example()
        for name, info in self._signatures["serving_default"].inputs.items():
            fixed = len(info.tensor_shape.dim) == 1
            count = 1 if fixed else self._random.randint(1, 3)
            values = [self._text() or b"u" for _ in range(count)]
            example.features.feature[name].bytes_list.value.extend(values)
        queries = example.features.feature.get("queries")
        for name in ("query_sources", "clicked_items"):
            if queries is not None and name in example.features.feature:
                values = example.features.feature[name].bytes_list.value
                values[:] = [b"s"] * len(queries.bytes_list.value)
        return example

    def _input(self, request: Request) -> tensor_pb2.TensorProto:
        if not request.inputs:
            request.inputs["user"].dtype = STRINGS
        return request.inputs[self._random.choice(sorted(request.inputs))]

    def _dim(self, tensor: tensor_pb2.TensorProto, first: int = 0):
        dims = tensor.tensor_shape.dim
        return dims[self._random.randrange(first, len(dims))] if len(dims) > first else dims.add()

    def _kind_none(self, request: Request) -> Request:
        return request

    def _kind_rank(self, request: Request) -> Request:
        dims = self._input(request).tensor_shape.dim
        if dims and self._random.random() < 0.5:
            dims.pop()
        for _ in range(self._random.choice((0, 1, 2, 70, 300))):
            dims.add(size=1)
        return request

    def _kind_width(self, request: Request) -> Request:
        tensor = self._input(request)
        self._dim(tensor, 1).size += self._random.choice((-2, -1, 1, 5))
        return request

    def _kind_size(self, request: Request) -> Request:
        self._dim(self._input(request)).size = self._random.choice(SIZES)
        return request

    def _kind_unknown_rank(self, request: Request) -> Request:
        tensor = self._input(request)
        tensor.tensor_shape.unknown_rank = True
        if self._random.random() < 0.5:
            del tensor.tensor_shape.dim[:]
        return request

    def _kind_dtype(self, request: Request) -> Request:
        tensor = self._input(request)
        shape = [max(dim.size, 0) for dim in tensor.tensor_shape.dim]
        dtype = self._random.choice((tf.float32, tf.int64, tf.bool, tf.float64, tf.bfloat16))
        if np.prod(shape) < 1 << 16 and len(shape) < 32:
            tensor.CopyFrom(tf.make_tensor_proto(np.zeros(shape, dtype.as_numpy_dtype), dtype))
        return request

    def _kind_dtype_number(self, request: Request) -> Request:
        self._input(request).dtype = self._random.choice((0, 1, 3, 9, 20, 21, 22, 101, 107, 999))
        return request

    def _kind_content(self, request: Request) -> Request:
        tensor = self._input(request)
        tensor.tensor_content = self._garbage()
        if self._random.random() < 0.5:
            del tensor.string_val[:]
        return request

    def _kind_values(self, request: Request) -> Request:
        values = self._input(request).string_val
        if self._random.random() < 0.5:
            del values[self._random.randint(0, len(values)) :]
        else:
            values.extend([b"more"] * self._random.randint(1, 9))
        return request

    def _kind_other_values(self, request: Request) -> Request:
        tensor = self._input(request)
        del tensor.string_val[:]
        tensor.float_val.extend([1.0, float("nan")])
        tensor.resource_handle_val.add(name="handle")
        tensor.variant_val.add(type_name="variant", metadata=self._garbage())
        return request

    def _kind_bytes(self, request: Request) -> Request:
        values = self._input(request).string_val
        for place in range(len(values)):
            values[place] = self._garbage(9)
        return request

    def _kind_long_string(self, request: Request) -> Request:
        values = self._input(request).string_val
        if values:
            size = self._random.choice((1 << 10, 1 << 16, 1 << 20))
            values[self._random.randrange(len(values))] = b"x" * size
        return request

    def _kind_many_words(self, request: Request) -> Request:
        values = self._input(request).string_val
        for place in range(len(values)):
            values[place] = b" ".join([b"w"] * self._random.randint(1, 500))
        return request

    def _kind_missing(self, request: Request) -> Request:
        if request.inputs:
            del request.inputs[self._random.choice(sorted(request.inputs))]
        return request

    def _kind_extra(self, request: Request) -> Request:
        request.inputs[self._random.choice(NEVER_NAMES)].CopyFrom(string_tensor([1], [b"7"]))
        return request

    def _kind_renamed(self, request: Request) -> Request:
        if request.inputs:
            old = self._random.choice(sorted(request.inputs))
            new = self._random.choice(NEVER_NAMES)
            request.inputs[new].CopyFrom(request.inputs.pop(old))
        return request

    def _kind_model(self, request: Request) -> Request:
        request.model_spec.name = self._random.choice(NEVER_NAMES)
        return request

    def _kind_no_spec(self, request: Request) -> Request:
        request.ClearField("model_spec")
        return request

    def _kind_version(self, request: Request) -> Request:
        request.model_spec.version.value = self._random.choice((-1, 0, 999, 2**63 - 1, -(2**63)))
        return request

    def _kind_label(self, request: Request) -> Request:
        request.model_spec.version_label = self._random.choice(NEVER_NAMES)
        return request

    def _kind_signature(self, request: Request) -> Request:
        names = (*NEVER_NAMES, *self._signatures)
        request.model_spec.signature_name = self._random.choice(names)
        return request

    def _kind_output_filter(self, request: Request) -> Request:
        names = ("scores", "probabilities", "items", *NEVER_NAMES)
        request.output_filter.extend(self._random.choices(names, k=self._random.randint(1, 3)))
        return request

    def _kind_no_rows(self, request: Request) -> Request:
        for tensor in request.inputs.values():
            if tensor.tensor_shape.dim:
                tensor.tensor_shape.dim[0].size = 0
        return request

    def _kind_rows_of_one_input(self, request: Request) -> Request:
        tensor = self._input(request)
        if tensor.tensor_shape.dim:
            tensor.tensor_shape.dim[0].size = self._random.randint(0, 6)
        return request

    def _kind_no_candidates(self, request: Request) -> Request:
        for tensor in request.inputs.values():
            if len(tensor.tensor_shape.dim) > 1 and self._random.random() < 0.5:
                tensor.tensor_shape.dim[1].size = 0
        if "candidates" in request.inputs:
            self._dim(request.inputs["candidates"], 1).size = 0
        return request

    def _kind_example(self, request: Request) -> Request:
        if "examples" not in self._signatures:
            return request
        request.CopyFrom(self.valid("examples"))
        values = request.inputs["examples"].string_val
        place = self._random.randrange(len(values))
        example = self._example()
        names = sorted(example.features.feature)
        name = self._random.choice(names)
        choice = self._random.randrange(6)
        if choice == 0:
            values[place] = self._garbage()
            return request
        if choice == 1:
            values[place] = self._mutated(example.SerializeToString())
            return request
        if choice == 2:
            del example.features.feature[name]
        elif choice == 3:
            example.features.feature[name].int64_list.value.append(7)
        elif choice == 4:
            example.features.feature[name].bytes_list.value.extend([b"v"] * 300)
        else:
            example.features.feature[name].bytes_list.value[:] = []
        values[place] = example.SerializeToString()
        return request

    def _kind_wire_garbage(self, request: Request) -> bytes:
        return self._garbage(2000)

    def _kind_wire_mutation(self, request: Request) -> bytes:
        return self._mutated(request.SerializeToString())

    def _kind_wire_cut(self, request: Request) -> bytes:
        content = request.SerializeToString()
        return content[: self._random.randint(0, len(content))]

    def _kind_wire_unknown_field(self, request: Request) -> bytes:
        # Field 99, length-delimited: protocol buffers pass over what they do not know.
        return request.SerializeToString() + b"\x9a\x06\x03abc"

    def _kind_wire_text(self, request: Request) -> bytes:
        return request.SerializeToString().replace(b"user", b"us\xff\xfe")

    def _mutated(self, content: bytes) -> bytes:
        changed = bytearray(content)
        for _ in range(self._random.randint(1, 4)):
            place = self._random.randrange(len(changed) + 1)
            choice = self._random.randrange(3)
            if choice == 0 and place < len(changed):
                changed[place] ^= 1 << self._random.randrange(8)
            elif choice == 1:
                changed[place:place] = self._garbage(4)
            else:
                del changed[place : place + self._random.randint(1, 4)]
        return bytes(changed)


def string_tensor(shape: Sequence[int], values: Sequence[bytes]) -> tensor_pb2.TensorProto:
    """A tensor with one value an element."""
    tensor = tensor_pb2.TensorProto(dtype=STRINGS, string_val=values)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def violation(content: bytes, name: str, versions: Sequence[int], signatures) -> str | None:
    """Which rule a request breaks; `None` for a valid one."""
    try:
        request = Request.FromString(content)
    except DecodeError:
        return "no message"
    spec = request.model_spec
    choice = spec.WhichOneof("version_choice")
    if spec.name != name or choice == "version_label":
        return "model or label"
    if choice == "version" and spec.version.value not in versions:
        return "version"
    signature = signatures.get(spec.signature_name or "serving_default")
    if signature is None:
        return "signature"
    if set(request.inputs) != set(signature.inputs):
        return "names of inputs"
    outputs = list(request.output_filter)
    if set(outputs) - set(signature.outputs) or len(outputs) != len(set(outputs)):
        return "outputs"
    return _tensor_violation(request, signature)


def _tensor_violation(request: Request, signature) -> str | None:
    rows = set()
    for name, info in signature.inputs.items():
        tensor = request.inputs[name]
        if tensor.dtype != info.dtype:
            return "dtype"
        received = [dim.size for dim in tensor.tensor_shape.dim]
        expected = [dim.size for dim in info.tensor_shape.dim]
        if len(received) != len(expected) or any(
            want not in (-1, got) for want, got in zip(expected, received, strict=True)
        ):
            return "shape"
        if np.prod(received, dtype=object) > 1 << 24:
            return "size"
        try:
            values = tf.io.parse_tensor(tensor.SerializeToString(), tf.string)
        except tf.errors.OpError:
            return "tensor"
        if name == "examples" and not _are_examples(values):
            return "tf.Example"
        rows.add(received[0])
    return "rows" if len(rows) > 1 else None


def _are_examples(values: tf.Tensor) -> bool:
    """TensorFlow's parser of examples is more lenient than that of other messages."""
    user = {"user": tf.io.FixedLenFeature([], tf.string)}
    try:
        tf.io.parse_example(values, user)
    # The latter where its message quotes bytes that are no text.
    except (tf.errors.OpError, UnicodeDecodeError):
        return False
    return True


def answer_defect(content: bytes, response: predict_pb2.PredictResponse, signatures) -> str | None:
    """What is wrong with an OK answer to a valid request."""
    request = Request.FromString(content)
    signature = signatures[request.model_spec.signature_name or "serving_default"]
    wanted = set(request.output_filter) or set(signature.outputs)
    if set(response.outputs) != wanted:
        return "outputs"
    sizes = {len(request.inputs[name].tensor_shape.dim) for name in request.inputs}
    rows = {request.inputs[name].tensor_shape.dim[0].size for name in request.inputs}
    if (
        0 in sizes
        or {proto.tensor_shape.dim[0].size for proto in response.outputs.values()} != rows
    ):
        return "rows of the outputs"
    return None


@dataclass
class Tally:
    """What a server answered.

    Attributes:
        statuses: number of answers by kind of mutation and status.
        wrong: kind, rule broken, and request of every wrong OK.
        hung: requests that outlived their deadline.
        refused: refusals of requests that break none of these rules, by kind and status; the
            graph has rules of its own, for instance what a `tf.Example` has to hold.
        internal: kind and message of every INTERNAL or UNKNOWN answer to a parsable request.
        seconds: of all requests together.
    """

    statuses: Counter = field(default_factory=Counter)
    wrong: list[tuple[str, str, bytes]] = field(default_factory=list)
    hung: int = 0
    refused: Counter = field(default_factory=Counter)
    internal: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0


class Sender:
    """Sends requests over one channel and judges the answers.

    Args:
        server: `host:port`.
        name: the model's.
        timeout: seconds for each request.
    """

    def __init__(self, server: str, name: str, timeout: float) -> None:
        limits = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self._channel = grpc.insecure_channel(server, limits)
        self._predict = self._channel.unary_unary(
            PREDICT,
            request_serializer=None,
            response_deserializer=predict_pb2.PredictResponse.FromString,
        )
        self._name, self._timeout = name, timeout
        self._lock = threading.Lock()
        self.signatures, self.version = self._metadata()

    def send_all(self, count: int, seed: int, callers: int) -> Tally:
        """Sends so many requests, of several threads at once."""
        requests = Requests(seed, self._name, self.signatures)
        drawn = [requests.draw() for _ in range(count)]
        tally = Tally()
        start = time.monotonic()
        with ThreadPoolExecutor(callers) as threads:
            list(threads.map(lambda pair: self._send(*pair, tally), drawn))
        tally.seconds = time.monotonic() - start
        return tally

    def probe(self) -> dict[str, list]:
        """The answers to one valid request for every signature."""
        requests = Requests(0, self._name, self.signatures)
        answers = {}
        for signature in sorted(self.signatures):
            if self.signatures[signature].inputs:
                content = requests.valid(signature).SerializeToString()
                outputs = self._predict(content, timeout=self._timeout).outputs
                answers[signature] = [
                    (name, tf.make_ndarray(outputs[name])) for name in sorted(outputs)
                ]
        return answers

    def _metadata(self):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self._name
        stub = PredictionServiceStub(self._channel)
        response = stub.GetModelMetadata(request, timeout=self._timeout)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return dict(signatures.signature_def), response.model_spec.version.value

    def _send(self, kind: str, content: bytes, tally: Tally) -> None:
        broken = violation(content, self._name, [self.version], self.signatures)
        response, status, details = None, "OK", ""
        try:
            response = self._predict(content, timeout=self._timeout)
        except grpc.RpcError as error:
            status, details = error.code().name, error.details() or ""
        if response is not None and broken is None:
            broken = answer_defect(content, response, self.signatures)
        with self._lock:
            tally.statuses[kind, status] += 1
            if response is not None and broken is not None:
                tally.wrong.append((kind, broken, content))
            if response is None and broken is None:
                tally.refused[kind, status] += 1
            if status == "DEADLINE_EXCEEDED":
                tally.hung += 1
            if status in ("INTERNAL", "UNKNOWN") and broken != "no message":
                tally.internal.append((kind, details))

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the answers by kind and status; exits with 1 after a wrong or a missing one."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", required=True, metavar="HOST:PORT")
    parser.add_argument("--model-name", default="sesrec")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--callers", type=int, default=4, help="threads that send")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds for each request")
    parser.add_argument("--pid", type=int, help="process of the server, for its memory")
    arguments = parser.parse_args(argv)
    with Sender(arguments.server, arguments.model_name, arguments.timeout) as sender:
        before, memory = sender.probe(), [_megabytes(arguments.pid)]
        tally, fifth = Tally(), max(arguments.count // 5, 1)
        for part, start in enumerate(range(0, arguments.count, fifth)):
            count = min(fifth, arguments.count - start)
            _merge(tally, sender.send_all(count, arguments.seed * 1000 + part, arguments.callers))
            memory.append(_megabytes(arguments.pid))
        unchanged = _equal(before, sender.probe())
    _print(tally, memory, unchanged)
    raise SystemExit(bool(tally.wrong or tally.hung or not unchanged))


def _merge(total: Tally, part: Tally) -> None:
    total.statuses += part.statuses
    total.refused += part.refused
    total.wrong += part.wrong
    total.internal += part.internal
    total.hung += part.hung
    total.seconds += part.seconds


def _equal(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(
        name == other and np.array_equal(values, others)
        for signature in first
        for (name, values), (other, others) in zip(first[signature], second[signature], strict=True)
    )


def _megabytes(pid: int | None) -> int | None:
    if pid is None:
        return None
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (resident,) = (line for line in lines if line.startswith("VmRSS"))
    return int(resident.split()[1]) // 1024


def _print(tally: Tally, memory: Sequence[int | None], unchanged: bool) -> None:
    kinds = sorted({kind for kind, _ in tally.statuses})
    statuses = sorted({status for _, status in tally.statuses})
    print("kind".ljust(20), *(status.rjust(20) for status in statuses))
    for kind in kinds:
        counts = (str(tally.statuses[kind, status] or "").rjust(20) for status in statuses)
        print(kind.ljust(20), *counts)
    totals = (sum(tally.statuses[kind, status] for kind in kinds) for status in statuses)
    print("all".ljust(20), *(str(total).rjust(20) for total in totals))
    print(f"{sum(tally.statuses.values())} requests in {tally.seconds:.0f} s")
    print(f"answered OK wrongly: {len(tally.wrong)}; beyond the deadline: {tally.hung}")
    for kind, broken, content in tally.wrong[:5]:
        print(f"  {kind}: {broken}: {content[:200]!r}")
    print(f"refused by rules of the graph: {dict(tally.refused)}")
    for kind, details in tally.internal[:5]:
        print(f"  {kind}: internal error: {details[:200]}")
    print(f"valid requests answered as before: {unchanged}")
    if memory[0] is not None:
        print(f"memory of the server, MiB, after each fifth: {', '.join(map(str, memory))}")


if __name__ == "__main__":
    main()
