"""Who: the accounts of Tidewater Software, and the people who look after them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random

from examples.generator.chance import day_between, one_of, pick, stream
from examples.generator.days import AS_OF, FIRST_DAY, months_between

COUNTRIES = {
    "DE": ("EMEA", 26.0), "FR": ("EMEA", 9.0), "GB": ("EMEA", 10.0), "NL": ("EMEA", 7.0), "ES": ("EMEA", 5.0),
    "US": ("Americas", 24.0), "CA": ("Americas", 6.0), "BR": ("Americas", 3.0),
    "AU": ("APAC", 5.0), "SG": ("APAC", 3.0),
}  # fmt: skip
INDUSTRIES = {
    "Logistics": 18.0, "Manufacturing": 20.0, "Retail": 15.0, "Healthcare": 12.0,
    "Professional services": 20.0, "Education": 8.0, "": 7.0,
}  # fmt: skip
SIZES = {"1-10": 22.0, "11-50": 34.0, "51-200": 24.0, "201-1000": 12.0, "1000+": 4.0, "": 4.0}
OWNERS = ("Ana Brandt", "Joris Maas", "Lena Okafor", "Piet Lindqvist", "Sofia Reyes", "Tom Adler")
FIRST_WORDS = (
    "Amber", "Birch", "Cedar", "Copper", "Delta", "Elm", "Falcon", "Granite", "Harbour", "Indigo", "Juniper", "Kestrel",
    "Larch", "Marble", "North", "Oak", "Pebble", "Quarry", "River", "Slate", "Thistle", "Umber", "Valley", "Willow",
)  # fmt: skip
SECOND_WORDS = (
    "Analytics", "Bakeries", "Care", "Clinics", "Dairy", "Engineering", "Foods", "Freight", "Glass", "Insurance",
    "Labs", "Logistics", "Metals", "Outfitters", "Paper", "Partners", "Plastics", "Schools", "Supply", "Tools",
)  # fmt: skip

BULK_FIRST_QUARTER = 82
BULK_LATER = 184
LINKED_EVERY = 29


@dataclass
class Life:
    """One stay of an account: [start, end), of which [start, paid_from) is on trial; paid_from None = never paid."""

    start: date
    paid_from: date | None
    end: date | None


@dataclass
class Account:
    """A customer. `account_id` is what the CRM calls it, `billing_id` what the billing system does."""

    account_id: str
    start: date
    case: str | None = None
    billing_id: str = ""
    name: str = ""
    industry: str = ""
    country: str = ""
    region: str = ""
    size: str = ""
    csm_owner: str = ""
    signup_on: date = FIRST_DAY
    is_internal: bool = False
    in_crm: bool = True
    currency: str = "EUR"
    lives: list[Life] = field(default_factory=list)
    pauses: list[tuple[date, date]] = field(default_factory=list)
    cause: str | None = None
    strains: list[tuple[date, date, float]] = field(default_factory=list)
    is_stalled: bool = False
    mood: float = 0.8
    adoption: float = 0.8

    def in_service(self, day: date) -> bool:
        """Whether the account may use the product on the day (on trial or paid, and not paused)."""
        if any(first <= day < until for first, until in self.pauses):
            return False
        return any(life.start <= day and (life.end is None or day < life.end) for life in self.lives)

    def strain(self, day: date) -> float:
        """How badly things go on the day: 0 is well, 1 is very badly. Zero unless a decline or dip was planted."""
        worst = 0.0
        for first, until, depth in self.strains:
            if first <= day < until:
                age = (day - first).days
                worst = max(worst, depth * (0.45 if age < 20 else 0.75 if age < 45 else 1.0))
        return worst

    def departures(self) -> list[date]:
        """The days on which the account stopped being a paying customer."""
        return [life.end for life in self.lives if life.paid_from and life.end and life.end > life.paid_from]


def make_accounts(seed: int, staged: Sequence[tuple[str, date]]) -> list[Account]:
    """All accounts in the order of their first day: about 90 in the first three months, then some each month."""
    rng = stream(seed, "company")
    starts: list[tuple[date, str]] = [(day, case) for case, day in staged]
    starts += [(_start(rng, FIRST_DAY, date(2024, 7, 31)), "") for _ in range(BULK_FIRST_QUARTER)]
    starts += [(_start(rng, date(2024, 8, 1), date(2026, 10, 20)), "") for _ in range(BULK_LATER)]
    names = [f"{first} {second}" for first in FIRST_WORDS for second in SECOND_WORDS]
    rng.shuffle(names)
    accounts = []
    for number, (day, case) in enumerate(sorted(starts), start=1):
        account = Account(f"A{number:04d}", day, case or None, name=names[number - 1])
        _describe(stream(seed, "company", account.account_id), account)
        account.billing_id = f"cus_{400 + number}" if not case and number % LINKED_EVERY == 5 else account.account_id
        accounts.append(account)
    return accounts


def _start(rng: Random, first: date, last: date) -> date:
    """A first day; a quarter of all contracts begin on the first of a month."""
    day = day_between(rng, first, last)
    months = list(months_between(first, last))
    return one_of(rng, months) if rng.random() < 0.25 else min(day, AS_OF)


def _describe(rng: Random, account: Account) -> None:
    """Segments (some left empty), owner, currency and temper of an account."""
    account.country = pick(rng, {country: weight for country, (_, weight) in COUNTRIES.items()})
    account.region = COUNTRIES[account.country][0]
    if rng.random() < 0.04:
        account.country, account.region = "", ""
    account.industry = pick(rng, INDUSTRIES)
    account.size = pick(rng, SIZES)
    account.csm_owner = one_of(rng, OWNERS) if rng.random() < 0.9 else ""
    account.signup_on = max(FIRST_DAY, date.fromordinal(account.start.toordinal() - rng.randrange(25)))
    pays_dollars = {"Americas": 0.92, "APAC": 0.55}.get(account.region, 0.12)
    account.currency = "USD" if rng.random() < pays_dollars else "EUR"
    account.mood = 0.55 + 0.45 * rng.random()
    account.adoption = 0.5 + 0.5 * rng.random()
