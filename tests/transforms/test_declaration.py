"""What a function declares that it reads, and how a wrong declaration is told."""

from dataclasses import replace

import pytest

from schemas.config import Alerts
from tests.frames import config
from transforms import catalogue
from transforms.declaration import (
    FILED,
    SO_FAR,
    THE_MONTH,
    History,
    Months,
    Whole,
    check_declaration,
    depth,
    window_of,
)
from transforms.refusals import DeclarationError


def reads_an_unknown_table(fct_tickets): ...


def reads_a_ticket(fct_ticket): ...


def reads_items(subscription_items): ...


class TestAParameter:
    def test_that_names_nothing_is_told_with_its_function_and_what_comes_nearest(self):
        told = r"reads_an_unknown_table: the parameter fct_tickets .*; fct_ticket comes nearest"
        with pytest.raises(DeclarationError, match=told):
            check_declaration(reads_an_unknown_table, {})

    def test_may_name_a_table_a_section_of_the_config_or_what_is_at_hand(self):
        def reads_much(fct_ticket, dim_month, as_of, currency, exported, secret, health, alerts): ...

        check_declaration(reads_much, {"fct_ticket": SO_FAR})


class TestAWindow:
    def test_on_what_is_no_parameter_is_refused(self):
        with pytest.raises(DeclarationError, match="how far it reads fct_invoice, which is none of its parameters"):
            check_declaration(reads_a_ticket, {"fct_invoice": SO_FAR})

    def test_on_a_table_by_month_is_one_of_months(self):
        with pytest.raises(DeclarationError, match="fct_ticket is read by months"):
            check_declaration(reads_a_ticket, {"fct_ticket": History()})
        with pytest.raises(DeclarationError, match="fct_ticket is read by months"):
            check_declaration(reads_a_ticket, {"fct_ticket": Whole()})

    def test_on_a_history_is_none_of_months(self):
        with pytest.raises(DeclarationError, match="subscription_items is a history"):
            window_of("subscription_items", {"subscription_items": Months(back=1)})

    def test_that_is_not_named_is_the_month_itself_or_what_was_known_by_its_end(self):
        assert window_of("fct_ticket", {}) == window_of("tickets", {}) == THE_MONTH == Months(back=0, ahead=0)
        assert window_of("subscription_items", {}) == window_of("dim_account", {}) == History(ahead=0, plans=0)

    @pytest.mark.parametrize(
        ("reads", "told"),
        [
            ({"health": SO_FAR}, "health has no months, and so no window"),
            ({"as_of": SO_FAR}, "as_of has no months, and so no window"),
            ({"service_periods": Months(back=5)}, "its own inputs say how far back it reads"),
            ({"fct_ticket": Months(back=-1)}, "a depth is not below 0"),
            ({"fct_ticket": Months(back=lambda healt: 1)}, "its depth asks for healt, no section of the config"),
            ({"subscription_items": Months(back=1)}, "subscription_items is a history"),
            ({"fct_ticket": Months(by="solved_month")}, "fct_ticket has no days of its own under solved_month"),
            ({"tickets": Months(by="solved_at")}, "tickets has no days of its own under solved_at"),
            ({"fct_ticket": FILED}, "fct_ticket is made by month, and so from the first one on"),
            ({"tickets": Months(by="status")}, "tickets has no days of its own under status"),
        ],
    )
    def test_that_would_do_nothing_or_cannot_be_met_is_refused(self, reads, told):
        def reads_much(health, as_of, service_periods, fct_ticket, subscription_items, tickets): ...

        with pytest.raises(DeclarationError, match=told):
            check_declaration(reads_much, reads)

    def test_may_go_by_another_column_of_a_canonical_table_that_holds_days(self):
        def reads_tickets(tickets): ...

        check_declaration(reads_tickets, {"tickets": Months(by="last_solved_at")})


class TestADepth:
    def test_may_be_a_number_or_what_the_config_says(self):
        def twice_the_days(alerts: Alerts) -> int:
            return 2 * alerts.renewal_within_days

        asked = config(alerts={"renewal_within_days": 30})
        assert (depth(7, asked), depth(None, asked), depth(twice_the_days, asked)) == (7, None, 60)


class TestTheCatalogue:
    def test_refuses_a_table_without_a_contract_and_names_what_comes_nearest(self, monkeypatch):
        tables = dict(catalogue.MONTHLY_TABLES)
        tables["fct_tickets"] = tables.pop("fct_ticket")
        monkeypatch.setattr(catalogue, "MONTHLY_TABLES", tables)
        with pytest.raises(
            DeclarationError, match=r"fct_tickets has a function and no contract .*; fct_ticket comes nearest"
        ):
            catalogue.check_declarations()

    def test_refuses_a_contract_that_no_function_fills(self, monkeypatch):
        tables = {name: table for name, table in catalogue.MONTHLY_TABLES.items() if name != "fct_ticket"}
        monkeypatch.setattr(catalogue, "MONTHLY_TABLES", tables)
        with pytest.raises(DeclarationError, match="fct_ticket has a contract and no function of that name"):
            catalogue.check_declarations()

    def test_refuses_a_metric_that_needs_what_no_table_has(self, monkeypatch):
        wrong = replace(catalogue.CATALOGUE["fcr"], needs=("tickets.reopenss",))
        monkeypatch.setattr(catalogue, "CATALOGUE", {"fcr": wrong})
        told = r"fcr needs tickets.reopenss, which no canonical table has; tickets\.reopens comes nearest"
        with pytest.raises(DeclarationError, match=told):
            catalogue.check_declarations()

    @pytest.mark.parametrize("text", ["After {alerts.days} days.", "After {days}.", "After {."])
    def test_refuses_a_definition_that_names_what_the_config_has_not(self, monkeypatch, text):
        def fcr() -> None: ...

        fcr.__doc__ = text
        monkeypatch.setattr(
            catalogue, "CATALOGUE", {"fcr": replace(catalogue.CATALOGUE["fcr"], function=fcr, reads={})}
        )
        with pytest.raises(DeclarationError, match=r"the docstring of fcr has in braces what is no section\.key"):
            catalogue.check_declarations()
