"""`isthmus backtest`: a labelled history lived through again under several policies."""

from __future__ import annotations

from pathlib import Path

from isthmus.cli.output import PLAIN, Output


def backtest(
    history: Path,
    /,
    *,
    policy: Path,
    report: Path | None = None,
    output: Output = PLAIN,
) -> None:
    """Say what each policy would have cost: alerts a day, time to detect, episodes missed.

    Args:
        history: Labelled rows with a time, in one file.
        policy: A TOML file: which columns tell the time and the label, the detector, prices, and policies by name.
        report: A page to write as well.
        output: How to answer.
    """
    from isthmus.cli.rows import rows_in_memory
    from isthmus.tasks.backtest.backtest import backtest as replay
    from isthmus.tasks.backtest.policy import Plan

    plan = Plan.read(policy)
    rows = rows_in_memory(history)
    output.say(f"replaying {history.name} under {len(plan.policies)} policies")
    found = replay(rows, plan)
    facts = found.to_json()
    if report is not None:
        from isthmus.tasks.backtest.page import page

        facts["report"] = str(page(found, history.name).write(report))
    output.answer("\n".join(found.sentences()), facts)
