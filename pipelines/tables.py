"""Which tables there are by month, and what each is made from."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from inspect import signature

import polars as pl

from pipelines.project import Project
from schemas.catalogue import CANONICAL, FACTS
from schemas.config import Config
from transforms.events.features import feature_month
from transforms.events.usage import fct_feature_account_month, fct_usage_account_month
from transforms.facts.accounts import dim_account_month
from transforms.facts.alerts import account_alert
from transforms.facts.backtest import HORIZON, health_backtest
from transforms.facts.billing import fct_invoice
from transforms.facts.cohorts import REASON_MONTHS, churn_reason_month, cohort_retention
from transforms.facts.drivers import metric_driver, metric_driver_account
from transforms.facts.feedback import fct_survey_response
from transforms.facts.health import fct_health_input, fct_health_score
from transforms.facts.mrr import fct_mrr_account_currency_month, fct_mrr_account_month
from transforms.facts.relations import metric_relation
from transforms.facts.renewals import fct_renewal
from transforms.facts.success import fct_csm_activity, fct_milestone
from transforms.facts.support import fct_ticket
from transforms.facts.themes import feedback_theme_month
from transforms.facts.trials import MONTHS_AHEAD, fct_trial
from transforms.metrics.catalogue import CATALOGUE, metric_assets
from transforms.metrics.definition import Metric
from warehouse.lineage import ALL, Input, Node, code_fingerprint, digest, expected_builds

READABLE = {*CANONICAL, *FACTS, "dim_account", "dim_account_month"}
"""What a parameter of a fact's or a metric's function may name, beside the calendar and the config."""
METRICS = "metrics"
"""Key of `back` for the metrics a table reads."""
TO_THE_END = 1200
"""Months ahead that no history reaches."""
EVENT_SIZED = {"usage_events": 1}
"""Canonical tables of which a month reads only itself and so many months before; the others are read whole."""


@dataclass(frozen=True)
class MonthlyTable:
    """A fact or dimension by month: the function that makes it, and the months it reads of other monthly tables."""

    function: Callable[..., pl.DataFrame]
    metrics: tuple[Metric, ...] = ()
    """The metrics whose values or parts it reads, under `metric_month` or `metric_account_month`."""
    back: Mapping[str, int | None] = field(default_factory=dict)
    ahead: Mapping[str, int] = field(default_factory=dict)
    provisional_days: int = 0
    """Days after month end until passing days change nothing any more."""

    @property
    def name(self) -> str:
        """Table, contract, asset and function share one name."""
        return self.function.__name__

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The tables its parameters name, and the assets of its metrics."""
        tables = [
            Input(name, self.back.get(name, EVENT_SIZED.get(name, 0)), self.ahead.get(name, 0))
            for name in signature(self.function).parameters
            if name in READABLE
        ]
        assets = dict.fromkeys(metric.asset for metric in self.metrics)
        return (*tables, *(Input(asset, self.back.get(METRICS, 0)) for asset in assets))


LEADING = tuple(
    metric
    for metric in CATALOGUE.values()
    if metric.signal == "leading"
    and metric.rollup in {"sum", "ratio"}
    and not metric.company_only
    # What waits for weeks after the month has seen the departure that it seems to foretell.
    and metric.provisional_days <= 1
)
RATIOS = tuple(metric for metric in CATALOGUE.values() if metric.rollup == "ratio")

MONTHLY_TABLES: dict[str, MonthlyTable] = {
    table.name: table
    for table in (
        MonthlyTable(dim_account_month),
        MonthlyTable(fct_mrr_account_month, back={"fx_rates": ALL}),
        MonthlyTable(fct_mrr_account_currency_month, back={"fx_rates": ALL}),
        # An invoice is paid at the rate of a later month than that of its issue, which may not be known yet.
        MonthlyTable(fct_invoice, back={"fx_rates": ALL}, ahead={"fx_rates": TO_THE_END}),
        MonthlyTable(fct_renewal, back={"fx_rates": ALL}),
        # A trial is followed for three months after the one it started in.
        MonthlyTable(
            fct_trial,
            back={"fx_rates": ALL},
            ahead={"subscription_items": MONTHS_AHEAD, "fx_rates": MONTHS_AHEAD},
            provisional_days=31 * MONTHS_AHEAD,
        ),
        MonthlyTable(churn_reason_month, back={"churn_events": REASON_MONTHS}, ahead={"churn_events": REASON_MONTHS}),
        MonthlyTable(cohort_retention, back={"fct_mrr_account_month": ALL}),
        MonthlyTable(fct_ticket),
        # A survey sent later about a ticket takes the place of the ticket's rating.
        MonthlyTable(fct_survey_response, back={"tickets": ALL}, ahead={"survey_responses": 2}),
        MonthlyTable(fct_usage_account_month),
        MonthlyTable(fct_feature_account_month),
        MonthlyTable(feature_month, back={"fct_feature_account_month": 1, "fct_mrr_account_month": 1}),
        # Comments of a year by the day of the answer; the survey may have been sent long before.
        MonthlyTable(feedback_theme_month, back={"survey_responses": ALL, "churn_events": 11}),
        MonthlyTable(fct_milestone),
        MonthlyTable(fct_csm_activity),
        MonthlyTable(
            fct_health_input,
            back={
                "fct_usage_account_month": 3,
                "fct_ticket": 0,
                "fct_survey_response": ALL,
                "fct_invoice": 2,
                "fct_csm_activity": ALL,
            },
        ),
        MonthlyTable(fct_health_score, back={"fct_health_input": 1, "fct_mrr_account_month": 1}),
        MonthlyTable(health_backtest, back={"fct_health_score": HORIZON, "fct_mrr_account_month": HORIZON}),
        MonthlyTable(metric_relation, LEADING, back={METRICS: ALL, "fct_mrr_account_month": ALL}),
        MonthlyTable(account_alert, back={"fct_health_score": 1, "fct_health_input": 1, "fct_usage_account_month": 3}),
        MonthlyTable(metric_driver, RATIOS, back={METRICS: 1}),
        MonthlyTable(metric_driver_account, RATIOS, back={METRICS: 1}),
    )
}
"""Every table by month, in the order in which they can be built."""


def settings(config: Config, names: Iterable[str]) -> str:
    """The config's sections that a function reads, as text."""
    known = {
        "currency": config.reporting.currency,
        "time_zone": config.reporting.time_zone,
        "segments": config.segments,
    }
    told = {name: known[name] for name in names if name in known}
    # as_of is told apart: how far it reaches into a month differs by table.
    sections = [name for name in names if name in Config.model_fields and name not in {*known, "as_of"}]
    told |= {name: getattr(config, name) for name in sections}
    return digest({k: v.model_dump(mode="json") if hasattr(v, "model_dump") else v for k, v in told.items()})


def metric_inputs(metrics: Iterable[Metric]) -> tuple[Input, ...]:
    """The monthly tables, dim_account and metric assets that an asset's metrics are made from."""
    wanted: dict[str, Input] = {"dim_account_month": Input("dim_account_month")}
    own = {metric.name for metric in metrics}

    def want(name: str, back: int | None, ahead: int = 0) -> None:
        before = wanted.get(name, Input(name))
        deepest = ALL if ALL in (back, before.back) else max(back or 0, before.back or 0)
        wanted[name] = Input(name, deepest, max(ahead, before.ahead))

    for metric in metrics:
        for name in metric.parameters:
            if name in READABLE:
                want(name, metric.look_back, metric.look_ahead)
        if metric.observations:
            want(metric.observations.table, ALL)
        for name in (*metric.operands, *filter(None, [metric.null_with])):
            if name in CATALOGUE and name not in own:
                want(CATALOGUE[name].asset, 0)
    return tuple(wanted.values())


def nodes(project: Project) -> tuple[Node, ...]:
    """Every table and metric asset by month, in the order in which they can be built."""
    config = project.config
    tables = [
        Node(
            table.name,
            table.inputs,
            code_fingerprint(table.function.__module__),
            settings(config, signature(table.function).parameters),
            needs=tuple(CANONICAL) if "exported" in signature(table.function).parameters else (),
            reads_columns=True,
            provisional_days=table.provisional_days,
        )
        for table in MONTHLY_TABLES.values()
    ]
    framework = code_fingerprint("transforms.metrics.roll_up")
    metrics = []
    for asset, members in metric_assets().items():
        code = digest(framework, *(code_fingerprint(metric.module) for metric in members))
        asks = [metric.unknown_when for metric in members if metric.unknown_when]
        sections = {name for metric in members for name in metric.parameters} | {"segments", "minimums", "finance"}
        sections |= {name for ask in asks for name in signature(ask).parameters}
        days = max(metric.provisional_days for metric in members)
        told = settings(config, sorted(sections))
        needs = tuple(sorted({need for metric in members for need in (*metric.needs, *metric.without)}))
        begins = any(metric.history_months for metric in members)
        needs = tuple(CANONICAL) if asks else needs
        metrics.append(Node(asset, metric_inputs(members), code, told, days, needs, begins, bool(asks)))
    return tuple(_ordered([*tables, *metrics]))


def expected(project: Project, as_of: dt.date) -> dict[tuple[str, dt.date], dict[str, str]]:
    """What every month of every table must be made from, as things are now."""
    exported = project.exported()
    told = []
    for node in nodes(project):
        tables = {table: sorted(columns) for table, columns in exported.columns.items() if table in node.needs}
        missing = {need: exported.missing([need]) for need in node.needs}
        begins = exported.begins if node.begins else None
        told.append(replace(node, settings=digest(node.settings, tables if node.reads_columns else missing, begins)))
    return expected_builds(told, project.content(), project.months(as_of), as_of)


def _ordered(nodes: list[Node]) -> list[Node]:
    """The tables and metric assets, each after those it is made from."""
    names, done, out, left = {node.name for node in nodes}, set[str](), list[Node](), list(nodes)
    while left:
        ready = [node for node in left if all(i.table not in names or i.table in done for i in node.inputs)]
        if not ready:
            raise ValueError(f"tables are made from each other: {', '.join(node.name for node in left)}")
        out += ready
        done |= {node.name for node in ready}
        left = [node for node in left if node not in ready]
    return out
