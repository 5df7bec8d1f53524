"""Whose a source's customers are: what tells it."""

from schemas.contract import column
from schemas.customers import Export


class Identities(Export):
    """One row per customer of a source, with what may tell which account of the CRM it is."""

    customer_id: str = column("Customer, as rows of the source name it")
    crm_id: str = column("Account in the CRM, as a field of the source names it", optional=True)
    domain: str = column("Domain of its site, or of the address it is billed at, in small letters", optional=True)
    name: str = column("Name of the company", optional=True)

    class Config:
        unique = ["export_source", "customer_id"]
