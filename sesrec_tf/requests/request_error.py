"""An unusable part of a request, found before anything is sent."""

from __future__ import annotations

from sesrec_tf.errors import InputError


class RequestError(InputError):
    """A value of a request that no server should get.

    Args:
        place: where it stands, such as `candidates[3]` or `searches[1].clicked_items[0]`.
        problem: what was expected and what was received.

    Attributes:
        input: the place.
        problem: as given.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"`{place}` {problem}")
        self.input = place
        self.problem = problem

    def __reduce__(self) -> tuple[type[RequestError], tuple[str, str]]:  # type: ignore[override]
        return type(self), (self.input, self.problem)

    def within(self, outer: str) -> RequestError:
        """The same error of something that stands at `outer` itself."""
        joint = "" if self.input.startswith("[") else "."
        return RequestError(f"{outer}{joint}{self.input}", self.problem)
