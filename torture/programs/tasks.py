"""A Celery application: `celery -A tasks worker`; `tasks.py FIRST NUMBER` sends some and prints what they return."""

from __future__ import annotations

import os
import sys

from celery import Celery
from work import unit

app = Celery("tasks", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.update(task_default_queue=os.environ["QUEUE"], broker_connection_retry_on_startup=True)


@app.task
def one(number: int) -> str:
    return unit(number)


@app.task
def fails() -> None:
    unit()
    raise RuntimeError("this task fails")


@app.task
def exits() -> None:
    unit(around_ends=False)
    os._exit(3)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["exit"]:
            exits.delay()
        case ["raise"]:
            print(repr(fails.delay().get(timeout=60, propagate=False)))
        case [first, number]:
            for sent in [one.delay(n) for n in range(int(first), int(first) + int(number))]:
                print(sent.get(timeout=60))
