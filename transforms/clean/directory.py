"""Whose a customer's id is: the accounts of the CRMs, and what the ids of other sources mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl


@dataclass(frozen=True)
class Crms:
    """The sources that export accounts, in the order of the config, and whose account ids each source names.

    An account's id as the first CRM has it stands as it is; an account of another CRM is `source:id`, whether or not
    its id is taken. So equal ids of two CRMs are two accounts, and neither an export nor a CRM that is added below
    renames an account.
    """

    names: tuple[str, ...] = ()
    named_by: Mapping[str, str] | None = None
    """Of a source the CRM whose ids it names; that of a source that is not here is found by the id."""

    def account(self, crm: str, its_id: str) -> str:
        """The id of a CRM's account."""
        return its_id if crm == self.names[0] else f"{crm}:{its_id}"

    def of(self, source: str) -> str | None:
        """The CRM whose ids the source names, if that is known: its own, if it is one."""
        return (self.named_by or {}).get(source) or (source if source in self.names else None)


class Directory:
    """The accounts there are, and what an id of a source stands for."""

    def __init__(self, crms: Crms, accounts: Sequence[str], account_links: pl.DataFrame) -> None:
        """`accounts`: the ids of all accounts of the CRMs, as `Crms.account` makes them."""
        columns = ("source", "source_account_id", "export_source", "account_id")
        rows = account_links.select(columns).unique().iter_rows()
        self.crms = crms
        self._links = {(source, its_id): (by, account) for source, its_id, by, account in rows}
        moved = {crms.account(*customer) for customer in self._links if customer[0] in crms.names}
        self._known = {*accounts, *moved}

    def account(self, source: str, its_id: str) -> tuple[str, bool]:
        """The account of a source's customer id; and whether it could be several CRMs', and nothing says whose it is.

        A link decides first; then an equal id in the CRM whose ids the source names, or, where that is not known, in
        the only CRM that has it. An id that no CRM or more than one has is an account of its own, `source:id`; without
        a CRM every id stands for itself.
        """
        if found := self.linked(source, its_id):
            return found, False
        named = self._named(source, its_id)
        if len(named) == 1:
            return named.pop(), False
        return f"{source}:{its_id}" if self.crms.names else its_id, bool(named)

    def linked(self, source: str, its_id: str) -> str | None:
        """The account that a link leads the customer to, also over an account that is itself led on."""
        if (source, its_id) not in self._links:
            return None
        account = self._target(source, its_id)
        return self._led_on.get(account, account)

    def _named(self, source: str, its_id: str) -> set[str]:
        """The accounts of that id, in the CRM whose ids the source names or else in all."""
        crm = self.crms.of(source)
        asked = [self.crms.account(one, its_id) for one in ((crm,) if crm else self.crms.names)]
        return {self._led_on.get(account, account) for account in asked if account in self._known}

    def _target(self, source: str, its_id: str) -> str:
        """The account that a link names: as the CRM of the source that sent it does, by its whole id, or by chance."""
        by, account = self._links[source, its_id]
        if (crm := self.crms.of(by)) and self.crms.account(crm, account) in self._known:
            return self.crms.account(crm, account)
        everywhere = {self.crms.account(one, account) for one in self.crms.names} & self._known
        return everywhere.pop() if len(everywhere) == 1 and account not in self._known else account

    @cached_property
    def _led_on(self) -> dict[str, str]:
        """The accounts of CRMs that a link says are another's, with the one to which it and links of that one lead."""
        of_crms = [customer for customer in self._links if customer[0] in self.crms.names]
        led = {self.crms.account(*customer): self._target(*customer) for customer in of_crms}
        return {account: _at_end(led, account) for account in led}


def _at_end(led: Mapping[str, str], account: str) -> str:
    """Where a way over accounts that are led on ends; one that comes back to itself ends before it does."""
    passed = [account]
    while (following := led.get(passed[-1])) is not None and following not in passed:
        passed.append(following)
    return passed[-1]
