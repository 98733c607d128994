"""MLflow: the store that `$MLFLOW_TRACKING_URI` names, else MLflow's own default."""

import time
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from disvae.trackers.tracker import Record

_EXPERIMENT, _KEY = "disvae", "disvae.record"
_LONGEST = 500  # characters of an option


class MLflow:
    """A run of the experiment ``disvae``, found again by a tag with the record's key."""

    def __init__(self, record: Record):
        self._client = client = MlflowClient()
        known = client.get_experiment_by_name(_EXPERIMENT)
        experiment = known.experiment_id if known else client.create_experiment(_EXPERIMENT)
        begun = client.search_runs([experiment], f"tags.`{_KEY}` = '{record.key}'")
        if begun:
            self._run = begun[0].info.run_id
            client.update_run(self._run, status="RUNNING")
            return
        made = client.create_run(experiment, run_name=record.name, tags={_KEY: record.key})
        self._run = made.info.run_id
        options = [Param(name, str(value)[:_LONGEST]) for name, value in record.options.items()]
        client.log_batch(self._run, params=options)

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Log the values in one call."""
        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(self._run, metrics=metrics)

    def picture(self, name: str, file: Path, step: int) -> None:
        """Keep the file as an artifact."""
        self._client.log_artifact(self._run, str(file))

    def close(self) -> None:
        """Say that the run ended."""
        self._client.set_terminated(self._run)


TRACKER = MLflow
