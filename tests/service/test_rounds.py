"""Requests that wait together are answered together, and each gets its own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import isthmus
from isthmus.errors import MissingValueError
from isthmus.service.refusals import Refusal
from isthmus.service.rounds import Rounds
from isthmus.service.served import Question, Served
from tests.tasks.conftest import Tumours


def test_what_waits_is_one_round_and_none_is_refused_once_accepted() -> None:
    began, go, rounds = threading.Event(), threading.Event(), list[list[int]]()

    def work(numbers: list[int]) -> Sequence[int | Exception]:
        rounds.append(numbers)
        began.set()
        go.wait()
        return [ValueError("odd") if number % 2 else 10 * number for number in numbers]

    async def ask() -> list[Any]:
        desk: Rounds[int, int] = Rounds(work, weigh=lambda number: number, most=10)
        first = asyncio.create_task(desk.ask(0))
        await asyncio.to_thread(began.wait)
        others = [asyncio.create_task(desk.ask(number)) for number in (1, 2, 8, 40, 4)]
        await asyncio.sleep(0)
        others[1].cancel()
        go.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        desk.close()
        with pytest.raises(Refusal, match="it ends"):
            await desk.ask(1)
        return answers

    answers = asyncio.run(ask())
    assert rounds == [[0], [1, 2], [8], [40], [4]]
    assert [answers[i] for i in (0, 3, 4, 5)] == [0, 80, 400, 40]
    assert isinstance(answers[1], ValueError)
    assert isinstance(answers[2], asyncio.CancelledError)


def test_a_full_queue_refuses_and_a_broken_round_breaks_no_other() -> None:
    go = threading.Event()

    def work(numbers: list[int]) -> Sequence[int | Exception]:
        go.wait()
        if 0 in numbers:
            raise ZeroDivisionError("a round")
        return numbers

    async def ask() -> list[Any]:
        desk: Rounds[int, int] = Rounds(work, most=1, waiting=2)
        asked = [asyncio.create_task(desk.ask(number)) for number in range(4)]
        await asyncio.sleep(0.05)
        go.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        desk.close()
        return answers

    answers = asyncio.run(ask())
    assert isinstance(answers[0], ZeroDivisionError)
    assert answers[1] == 1
    assert sum(isinstance(answer, Refusal) for answer in answers) in (1, 2)


def test_requests_together_have_the_bits_that_each_has_alone(
    detector: isthmus.AnomalyDetector, tumours: Tumours
) -> None:
    served = Served(detector, "tumours", "v")
    rows = np.concatenate([tumours.malignant, tumours.benign])
    sizes = [1, 1, 3, 64, 1, 200, 7]
    parts = np.split(rows[: sum(sizes)], np.cumsum(sizes)[:-1])
    found: list[Any] = served.judge_all([Question(part, len(part)) for part in parts])
    assert [one.scores.tolist() for one in found] == [detector.anomaly_score(part).tolist() for part in parts]
    narrow = parts[0].astype(np.float32)
    mixed: list[Any] = served.judge_all([Question(part, len(part)) for part in (parts[0], narrow, parts[2])])
    assert mixed[1].scores.tolist() == detector.anomaly_score(narrow).tolist()
    assert mixed[2].scores.tolist() == detector.anomaly_score(parts[2]).tolist()


def test_a_request_that_cannot_be_used_spoils_no_other(detector: isthmus.AnomalyDetector, tumours: Tumours) -> None:
    served, good = Served(detector, "tumours", "v"), tumours.benign[:2]
    bad = np.full_like(good, np.nan)
    found: list[Any] = served.judge_all([Question(rows, 2) for rows in (good, bad, good)])
    assert isinstance(found[1], MissingValueError)
    assert found[0].scores.tolist() == found[2].scores.tolist() == detector.anomaly_score(good).tolist()
