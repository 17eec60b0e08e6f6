"""Many questions at once to servers, of which some may be away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Servers that are asked at once. One that is away takes seconds to tell from one that is slow.
_AT_ONCE = 16


def each_on_threads(ask: Callable[[T], R], questions: Iterable[T]) -> list[R]:
    """The answers in order. Raises what a question raised; Ctrl-C ends the wait at once, and the process does
    not wait for threads that still ask.
    """
    asked = list(enumerate(questions))
    left: SimpleQueue[tuple[int, T]] = SimpleQueue()
    answered: SimpleQueue[tuple[int, R | BaseException]] = SimpleQueue()
    for each in asked:
        left.put(each)

    def work() -> None:
        while True:
            try:
                at, question = left.get_nowait()
            except Empty:
                return
            try:
                answered.put((at, ask(question)))
            except BaseException as cause:  # it is raised where the answer is awaited
                answered.put((at, cause))

    for _ in asked[:_AT_ONCE]:
        Thread(target=work, name="asking", daemon=True).start()
    answers: dict[int, R] = {}
    for _ in asked:
        at, answer = answered.get()
        if isinstance(answer, BaseException):
            raise answer
        answers[at] = answer
    return [answers[at] for at, _ in asked]
