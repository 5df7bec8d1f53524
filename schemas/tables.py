"""Every table there is, by name."""

from schemas import billing, customers, feedback, identity, metrics, operations, product, success, support
from schemas.contract import Contract


def _by_name(*contracts: type[Contract]) -> dict[str, type[Contract]]:
    return {contract.table(): contract for contract in contracts}


CANONICAL = _by_name(
    identity.Identities,
    customers.AccountLinks,
    customers.Accounts,
    billing.SubscriptionItems,
    billing.Invoices,
    billing.Renewals,
    support.Tickets,
    feedback.SurveyResponses,
    product.UsageEvents,
    success.Milestones,
    success.CsmActivities,
    success.ChurnEvents,
    billing.Costs,
    billing.FxRates,
)
"""What every vendor's export is turned into."""

LARGE = frozenset({product.UsageEvents.table()})
"""Those that may be larger than a machine: an engine for such tables reads them where they lie."""

DIMENSIONS = _by_name(
    customers.DimAccount,
    customers.DimAccountMonth,
    customers.DimMonth,
    metrics.DimMetric,
    metrics.MetricOperand,
    metrics.MetricTarget,
    success.DimMilestone,
    billing.UpcomingRenewal,
)
FACTS = _by_name(
    billing.FctMrrAccountMonth,
    billing.FctMrrAccountCurrencyMonth,
    billing.FctMrrItemMonth,
    billing.FctInvoice,
    billing.FctRenewal,
    billing.FctTrial,
    billing.CohortRetention,
    support.FctTicket,
    feedback.FctSurveyResponse,
    product.FctUsageAccountMonth,
    product.FctFeatureAccountMonth,
    product.FeatureMonth,
    success.FctMilestone,
    success.FctCsmActivity,
    success.ChurnReasonMonth,
    billing.FctCostMonth,
    success.FctHealthInput,
    success.FctHealthScore,
)
VALUES = _by_name(metrics.MetricPart, metrics.MetricMonth)
EXPLANATIONS = _by_name(
    feedback.FeedbackThemeMonth,
    metrics.MetricDriver,
    metrics.MetricDriverAccount,
    metrics.MetricRelation,
    success.HealthBacktest,
    success.AccountAlert,
)
"""What is made of metric values: the tables that say why, and where to act."""
OPERATIONS = _by_name(
    operations.Quarantine,
    operations.ExportFile,
    operations.LeftOut,
    operations.Invariant,
    operations.Publication,
    operations.MetricRestatement,
    operations.IdentityCoverage,
)

PUBLISHED = {**DIMENSIONS, **FACTS, **VALUES, **EXPLANATIONS, **OPERATIONS}
"""The tables analysts see, all in schema main."""

WHOLE = _by_name(customers.DimAccount, customers.AccountVersion, billing.UpcomingRenewal)
"""Dimensions without months: what the months see of them is told like that of canonical tables."""

SUMS = _by_name(metrics.RelationPart)
"""By month what an explanation adds up over all months, so that one month costs what it holds."""

BOOKKEEPING = _by_name(
    customers.AccountVersion,
    operations.Build,
    operations.ContentMonth,
    operations.Ingest,
    operations.EventDay,
    operations.EventAccount,
    operations.SourceMonth,
    operations.SourceAccount,
    operations.AccountKey,
    operations.MetricKey,
)
INTERNAL = {**SUMS, **BOOKKEEPING}
"""The working database's own tables, in schema lineage."""
