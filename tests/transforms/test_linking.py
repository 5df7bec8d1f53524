"""Which account a customer is, by rules in their order; and that nothing is guessed."""

import polars as pl
import pytest

from schemas.config import Identity
from schemas.customers import AccountLinks
from schemas.identity import Identities
from tests.frames import at
from transforms.clean.directory import Crms
from transforms.clean.linking import domain_of, linked_by_rules, plain_name

CRM = Crms(("crm",))


def identities(*rows: tuple[str, str, str | None, str | None, str | None]) -> pl.DataFrame:
    """Rows of source, customer, crm_id, domain, name."""
    told = [
        {
            "export_source": source,
            "export_file": f"{source}.csv",
            "export_line": line,
            "exported_at": at("2026-10-31"),
            "customer_id": customer,
            "crm_id": crm_id,
            "domain": domain,
            "name": name,
        }
        for line, (source, customer, crm_id, domain, name) in enumerate(rows, 2)
    ]
    return Identities.shaped(pl.DataFrame(told, Identities.dtypes()))


def linked(rows: pl.DataFrame, *exported: tuple[str, str, str], crms: Crms = CRM, **said) -> dict[str, tuple[str, str]]:
    """By customer the account and the rule."""
    sent = [
        {
            "export_source": "crm",
            "export_file": "links.csv",
            "export_line": 2,
            "exported_at": at("2026-10-31"),
            "source": source,
            "source_account_id": customer,
            "account_id": account,
        }
        for source, customer, account in exported
    ]
    links = AccountLinks.shaped(pl.DataFrame(sent, AccountLinks.dtypes()))
    found = linked_by_rules(rows, links, crms, Identity(**said))
    return {
        customer: (account, rule)
        for customer, account, rule in found.select("source_account_id", "account_id", "rule").rows()
    }


ACME = ("crm", "A1", None, "acme.com", "Acme, Inc.")
BOLT = ("crm", "A2", None, "https://www.bolt.io/about", "Bolt GmbH")


def test_the_first_rule_that_finds_one_account_decides():
    rows = identities(
        ACME,
        BOLT,
        ("billing", "by id", "A2", "acme.com", "Acme"),
        ("billing", "by domain", None, "jo@ACME.com", "Bolt"),
        ("billing", "by name", None, "elsewhere.org", "BOLT"),
        ("billing", "unknown", None, "elsewhere.org", "Crate"),
    )
    assert linked(rows) == {"by id": ("A2", "crm_id"), "by domain": ("A1", "domain"), "by name": ("A2", "name")}


def test_a_rule_that_is_not_declared_is_not_asked():
    rows = identities(ACME, ("billing", "c", None, "acme.com", "Acme"))
    assert linked(rows, rules=("name",)) == {"c": ("A1", "name")}
    assert linked(rows, rules=()) == {}


def test_what_several_accounts_share_links_to_none_of_them():
    twin = ("crm", "A9", None, "acme.com", "Acme Holding")
    assert linked(identities(ACME, twin, ("billing", "c", None, "acme.com", "Zeta"))) == {}
    assert linked(identities(ACME, twin, ("billing", "c", None, "acme.com", "Acme"))) == {"c": ("A1", "name")}


def test_where_anybody_may_have_an_address_nobody_is_known():
    rows = identities(("crm", "A1", None, "gmail.com", "Acme"), ("billing", "c", None, "gmail.com", "Jo"))
    assert linked(rows) == {}
    assert linked(rows, free_mail_domains=()) == {"c": ("A1", "domain")}


def test_a_link_that_an_export_tells_stands():
    rows = identities(ACME, BOLT, ("billing", "c", None, "acme.com", "Acme"))
    assert linked(rows, ("billing", "c", "A2")) == {}
    assert linked(rows, ("support", "c", "A2")) == {"c": ("A1", "domain")}, "an id belongs to its source"


def test_only_the_crm_whose_ids_a_source_names_is_asked():
    other = ("old_crm", "B7", None, "acme.com", "Acme")
    rows = identities(ACME, other, ("billing", "c", None, "acme.com", None))
    assert linked(rows, crms=Crms(("crm", "old_crm"))) == {}
    assert linked(rows, crms=Crms(("crm", "old_crm"), {"billing": "old_crm"})) == {"c": ("B7", "domain")}


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("https://www.Acme.co.uk/about?x=1", "acme.co.uk"),
        ("jo.doe+x@mail.acme.com", "mail.acme.com"),
        ("acme.com:8080", "acme.com"),
        ("acme", None),
        ("", None),
        ("not a domain.com", None),
        (None, None),
    ],
)
def test_a_domain_is_that_of_a_site_or_of_an_address(text, domain):
    assert pl.DataFrame({"text": [text]}, {"text": pl.String}).select(domain_of(pl.col("text"))).item() == domain


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Acme, Inc.", "acme"),
        ("ACME  Co. Ltd", "acme"),
        ("Müller & Söhne GmbH", "müller söhne"),
        ("AG", "ag"),
        ("A.B.C. S.A.", "abc"),
        ("!!", None),
    ],
)
def test_a_name_is_compared_without_signs_and_what_a_company_is_by_law(name, plain):
    assert pl.DataFrame({"name": [name]}).select(plain_name(pl.col("name"))).item() == plain


def test_an_id_of_salesforce_with_15_signs_is_that_with_18_and_never_one_of_another_case():
    capital, small = ("crm", "0015500000aBcDeAAK", None, None, None), ("crm", "0015500000aBcdEAAS", None, None, None)
    asked = ("billing", "c", "0015500000aBcDe", None, None)
    assert linked(identities(capital, small, asked)) == {"c": ("0015500000aBcDeAAK", "crm_id")}
    short = ("crm", "0015500000aBcDe", None, None, None)
    assert linked(identities(short, ("billing", "c", "0015500000aBcDeAAK", None, None))) == {
        "c": ("0015500000aBcDe", "crm_id")
    }
    assert linked(identities(small, asked)) == {}
