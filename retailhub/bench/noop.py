"""A Celery application with the product's own settings and one task that does nothing, for comparison."""

from __future__ import annotations

from celery import Celery

app = Celery("bench")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_default_queue = "bench"


@app.task(name="bench.nothing")
def nothing(tell: str = "") -> None:
    """Do nothing; the last of a row leaves a mark at ``tell`` so that the end is seen."""
    if tell:
        with open(tell, "w") as mark:
            mark.write("done")
