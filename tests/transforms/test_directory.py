import polars as pl
import pytest

from schemas.billing import Invoices
from schemas.customers import AccountLinks, Accounts
from schemas.product import UsageEvents
from tests.frames import at, rows
from transforms.clean.directory import Crms, Directory
from transforms.clean.resolve import AmbiguousAccountWarning, internal_accounts, resolve, under_names

TWO = Crms(("crm", "partners"))
NO_LINKS = AccountLinks.blank()


def told(*accounts: tuple[str, str], **more: object) -> pl.DataFrame:
    """What CRMs tell: (source, id) of each account."""
    return rows(Accounts, *({"export_source": source, "account_id": its_id, **more} for source, its_id in accounts))


def link(customer: tuple[str, str], account: str, by: str = "crm") -> pl.DataFrame:
    """That the customer of a source is the account, as the source `by` says."""
    source, its_id = customer
    given = {"source": source, "source_account_id": its_id, "account_id": account, "export_source": by}
    return rows(AccountLinks, given)


def ids(accounts: pl.DataFrame, links: pl.DataFrame = NO_LINKS, crms: Crms = TWO) -> list[str]:
    return sorted(under_names(accounts, links, crms)["account_id"])


def account_of(
    source: str, its_id: str, accounts: pl.DataFrame, links: pl.DataFrame = NO_LINKS, crms: Crms = TWO
) -> str:
    """The account of an invoice that a source sends to a customer of its own."""
    invoice = rows(Invoices, {"export_source": source, "invoice_id": "N1", "account_id": its_id})
    return resolve(invoice, under_names(accounts, links, crms), links, crms)["account_id"].item()


BOTH_HAVE_1 = told(("crm", "1"), ("crm", "2"), ("partners", "1"), ("partners", "3"))


def test_one_id_in_two_crms_is_two_accounts():
    assert ids(told(("crm", "1"), ("partners", "1"))) == ["1", "partners:1"]


def test_an_account_of_the_second_crm_has_its_name_also_where_its_id_is_free():
    assert ids(told(("crm", "1"), ("partners", "3"))) == ["1", "partners:3"]


def test_a_second_crm_renames_no_account_of_the_first():
    alone = ids(told(("crm", "1"), ("crm", "2")), crms=Crms(("crm",)))
    assert alone == ["1", "2"]
    assert set(alone) <= set(ids(BOTH_HAVE_1))


def test_the_order_of_rows_names_nobody():
    assert ids(BOTH_HAVE_1.reverse()) == ids(BOTH_HAVE_1) == ["1", "2", "partners:1", "partners:3"]


def test_a_crm_names_its_own_accounts():
    assert account_of("crm", "1", BOTH_HAVE_1) == "1"
    assert account_of("partners", "1", BOTH_HAVE_1) == "partners:1"


def test_a_crm_names_none_of_another_crm():
    assert account_of("crm", "3", BOTH_HAVE_1) == "crm:3"
    assert account_of("partners", "2", BOTH_HAVE_1) == "partners:2"


def test_a_source_without_accounts_names_that_of_the_only_crm_that_has_the_id():
    assert account_of("billing", "2", BOTH_HAVE_1) == "2"
    assert account_of("billing", "3", BOTH_HAVE_1) == "partners:3"


def test_an_id_of_accounts_in_two_crms_is_neither_and_somebody_is_told():
    with pytest.warns(AmbiguousAccountWarning, match="1 account ids that billing names"):
        assert account_of("billing", "1", BOTH_HAVE_1) == "billing:1"


def test_the_config_can_say_whose_ids_a_source_names():
    said = Crms(TWO.names, {"billing": "partners"})
    assert account_of("billing", "1", BOTH_HAVE_1, crms=said) == "partners:1"
    assert account_of("billing", "2", BOTH_HAVE_1, crms=said) == "billing:2"


def test_a_link_makes_accounts_of_two_crms_one_that_its_own_crm_describes():
    crm = told(("crm", "1"), industry="Retail", exported_at=at("2024-01-01"))
    partners = told(("partners", "7"), industry="Banking", exported_at=at("2024-02-01"))
    both, same = pl.concat([crm, partners]), link(("partners", "7"), "1")
    assert under_names(both, same, TWO).select("account_id", "industry").rows() == [("1", "Retail")]
    assert account_of("partners", "7", both, same) == "1"
    assert account_of("billing", "7", both, same) == "1"


def test_a_link_to_an_account_that_no_crm_has_leaves_the_description_that_there_is():
    assert under_names(told(("partners", "7"), industry="Banking"), link(("partners", "7"), "X"), TWO).select(
        "account_id", "industry"
    ).rows() == [("X", "Banking")]


def test_a_link_names_accounts_as_the_crm_does_that_sent_it():
    customer = ("billing", "c")
    assert account_of("billing", "c", BOTH_HAVE_1, link(customer, "1", by="crm")) == "1"
    assert account_of("billing", "c", BOTH_HAVE_1, link(customer, "1", by="partners")) == "partners:1"


def test_a_link_of_another_source_names_the_first_crms_account_or_the_only_one_or_a_whole_id():
    customer = ("billing", "c")
    assert account_of("billing", "c", BOTH_HAVE_1, link(customer, "1", by="sheet")) == "1"
    assert account_of("billing", "c", BOTH_HAVE_1, link(customer, "3", by="sheet")) == "partners:3"
    assert account_of("billing", "c", BOTH_HAVE_1, link(customer, "partners:1", by="sheet")) == "partners:1"


def test_a_link_leads_on_over_an_account_that_is_itself_another():
    links = pl.concat([link(("partners", "3"), "2"), link(("billing", "c"), "3", by="partners")])
    assert account_of("billing", "c", BOTH_HAVE_1, links) == "2"


def test_an_internal_account_of_one_crm_leaves_its_namesake_in_the_other():
    ours = pl.concat([told(("crm", "1"), is_internal=True), told(("partners", "1"))])
    kept = under_names(ours, NO_LINKS, TWO)
    assert internal_accounts(kept).to_list() == ["1"]
    invoices = rows(Invoices, *({"export_source": s, "invoice_id": "N", "account_id": "1"} for s in TWO.names))
    assert resolve(invoices, kept, NO_LINKS, TWO)["account_id"].to_list() == ["partners:1"]


def test_without_a_crm_ids_stand_for_themselves_and_billing_and_support_agree():
    nobody = Directory(Crms(), [], NO_LINKS)
    assert nobody.account("billing", "c") == nobody.account("support", "c") == ("c", False)


def test_columns_of_any_name_are_left_as_they_are():
    """Events have a name of their own, and a segment may be called like anything."""
    event = {
        "export_source": "app",
        "event_id": "1",
        "account_id": "2",
        "name": "export",
        "occurred_at": at("2024-01-01"),
    }
    out = resolve(rows(UsageEvents, event), BOTH_HAVE_1, NO_LINKS, TWO)
    assert out.select("account_id", "name").rows() == [("2", "export")]
    segmented = told(("partners", "1")).with_columns(pl.lit(c).alias(c) for c in ("name", "called", "is_led", "linked"))
    out = under_names(segmented, NO_LINKS, TWO)
    assert out.select("account_id", "name", "called", "is_led").rows() == [("partners:1", "name", "called", "is_led")]


def test_a_chain_of_accounts_that_are_led_on_ends_in_the_last_of_them():
    crm = told(("crm", "1"), ("crm", "2"), ("crm", "3"), ("crm", "4"))
    links = pl.concat([link(("crm", "1"), "2"), link(("crm", "2"), "3"), link(("crm", "3"), "4")])
    assert ids(crm, links) == ["4"]
    assert {account_of("crm", its_id, crm, links) for its_id in "1234"} == {"4"}
    assert {account_of("billing", its_id, crm, links) for its_id in "1234"} == {"4"}
    assert account_of("billing", "c", crm, pl.concat([links, link(("billing", "c"), "1")])) == "4"


def test_links_that_come_back_to_where_they_began_end():
    crm = told(("crm", "1"), ("crm", "2"), ("crm", "3"))
    links = pl.concat([link(("crm", "1"), "2"), link(("crm", "2"), "1"), link(("crm", "3"), "3")])
    assert account_of("billing", "3", crm, links) == "3"
    assert account_of("billing", "1", crm, links) in {"1", "2"}
