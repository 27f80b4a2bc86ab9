"""A thread that takes all that waits at once: what comes while it works is the next round.

So nobody waits for others to come, and under load rounds grow by themselves: one pass through the networks for many
requests, one commit for many records.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Condition, Thread
from typing import Generic, TypeVar

from isthmus.service.refusals import BUSY, Refusal

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Rounds(Generic[Asked, Told]):
    """Work in rounds, on a thread of its own.

    Args:
        work: Answers all that a round asks, in order; an exception among the answers is raised to who asked for it.
        weigh: What one question weighs.
        most: Weight of a round, but for a single question, which may weigh more.
        waiting: Questions that may wait; more are refused.
    """

    def __init__(
        self,
        work: Callable[[list[Asked]], Sequence[Told | Exception]],
        weigh: Callable[[Asked], int] = lambda _: 1,
        most: int = 4096,
        waiting: int = 1024,
    ) -> None:
        self.work, self.weigh, self.most, self.waiting = work, weigh, most, waiting
        self.queue: list[tuple[Asked, asyncio.Future[Told]]] = []
        self.changed, self.is_open = Condition(), True
        self.thread = Thread(target=self._run, name=f"isthmus {getattr(work, '__name__', 'work')}", daemon=True)
        self.thread.start()

    async def ask(self, question: Asked) -> Told:
        """The answer, once a round has it.

        Raises:
            Refusal: too many wait, or no more are taken.
        """
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        with self.changed:
            if not self.is_open or len(self.queue) >= self.waiting:
                allowed = f"{self.waiting} requests may wait" if self.is_open else "it ends, and takes no more"
                raise Refusal(BUSY, "a request while the service has no room", allowed, "try again in a second")
            self.queue.append((question, future))
            self.changed.notify()
        return await future

    def close(self) -> None:
        """Take no more, and finish what waits."""
        with self.changed:
            self.is_open = False
            self.changed.notify()
        self.thread.join()

    def _run(self) -> None:
        """Round after round, until there is nothing left and nothing more comes."""
        while taken := self._take():
            questions = [question for question, _ in taken]
            try:
                answers: Sequence[Told | Exception] = self.work(questions)
            except Exception as fault:  # the thread serves everybody, and goes on
                answers = [fault] * len(taken)
            futures = [future for _, future in taken]
            with suppress(RuntimeError):  # whoever asked is gone, and the loop with him
                futures[0].get_loop().call_soon_threadsafe(_settle, futures, answers)

    def _take(self) -> list[tuple[Asked, asyncio.Future[Told]]]:
        """What the next round asks; nothing once it is closed and all is done."""
        with self.changed:
            while self.is_open and not self.queue:
                self.changed.wait()
            weight, count = 0, 0
            for question, _ in self.queue:
                weight += self.weigh(question)
                if count and weight > self.most:
                    break
                count += 1
            taken, self.queue = self.queue[:count], self.queue[count:]
            return taken


def _settle(futures: Sequence[asyncio.Future[Told]], answers: Sequence[Told | Exception]) -> None:
    """Give each its answer; those who gave up waiting get none."""
    for future, answer in zip(futures, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
