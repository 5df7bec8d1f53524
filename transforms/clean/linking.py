"""Which account of a CRM a source's customer is, by declared rules in their order; never by a guess."""

from collections.abc import Sequence

import polars as pl

from schemas.config import Identity
from transforms.clean.directory import Crms
from transforms.clean.salesforce_ids import whole_id

LEGAL_FORMS = """
ab ag as asa bv co company corp corporation gmbh inc incorporated kg kft limited llc llp lp ltd nv oy oyj plc pte pty sa
sarl sas se sl sp spa spzoo sro srl ug
"""
"""Words at a name's end that say what a company is by law, and not what it is called."""


def domain_of(text: pl.Expr) -> pl.Expr:
    """The domain of a site's or of an e-mail address, in small letters and without www; NULL where there is none."""
    host = (
        text.str.strip_chars()
        .str.to_lowercase()
        .str.replace(r"^[a-z][a-z0-9+.-]*://", "")
        .str.replace(r"^[^/@]*@", "")
        .str.replace(r"[/:?#].*$", "")
        .str.replace(r"^www\.", "")
        .str.strip_chars(".")
    )
    return pl.when(host.str.contains(r"^[^\s@]+\.[^\s@.]{2,}$")).then(host)


def plain_name(name: pl.Expr) -> pl.Expr:
    """A company's name in small letters, without signs, double blanks, and words for what it is by law."""
    words = name.str.to_lowercase().str.replace_all(r"[.']", "").str.replace_all(r"[^\p{L}\p{N}]+", " ")
    plain = words.str.strip_chars().str.replace(rf"( ({'|'.join(LEGAL_FORMS.split())}))+$", "")
    return pl.when(plain.str.len_chars() > 0).then(plain)


def linked_by_rules(identities: pl.DataFrame, exported: pl.DataFrame, crms: Crms, identity: Identity) -> pl.DataFrame:
    """Rows of `account_links` for customers of whom no export tells a link: by the first rule that finds one account.

    A rule finds the accounts of the CRM whose ids the source names, or else of all, that have the same id, domain or
    name as the customer; if they are none or several, the next rule is asked. Of a domain where anybody may have an
    address nobody is known. `exported`: the links that exports tell.
    """
    are_accounts = identities["export_source"].is_in(crms.names)
    if are_accounts.all() or not are_accounts.any():
        return exported.clear()
    known = identities.with_columns(
        domain=domain_of(pl.col("domain")), name=plain_name(pl.col("name")), source="export_source"
    ).with_columns(domain=pl.when(~pl.col("domain").is_in(identity.free_mail_domains)).then("domain"))
    is_account = pl.col("source").is_in(crms.names)
    accounts, customers = known.filter(is_account), known.filter(~is_account)
    told = exported.select("source", customer_id="source_account_id")
    customers = customers.join(told, on=["source", "customer_id"], how="anti", maintain_order="left")
    named = pl.DataFrame(
        [(source, crms.of(source)) for source in customers["source"].unique().sort()],
        {"source": pl.String, "crm": pl.String},
        orient="row",
    )
    open_ones, found = customers.join(named, on="source", how="left", maintain_order="left"), []
    for rule in identity.rules:
        its = accounts.select(
            crm_source="source",
            account_id="customer_id",
            key=whole_id(pl.col("customer_id")) if rule == "crm_id" else rule,
            **{name: name for name in ("export_file", "export_line", "exported_at")},
        ).drop_nulls("key")
        # People copy an id of Salesforce from where it has 15 signs; the same are ids of 18.
        key = whole_id(pl.col("crm_id")) if rule == "crm_id" else pl.col(rule)
        asked = open_ones.select("source", "customer_id", "crm", key=key).drop_nulls("key")
        pairs = asked.join(its, on="key", how="inner", maintain_order="left").filter(
            pl.col("crm").is_null() | (pl.col("crm") == pl.col("crm_source"))
        )
        one = pairs.filter(pl.struct("crm_source", "account_id").n_unique().over("source", "customer_id") == 1)
        one = one.unique(["source", "customer_id"], keep="first", maintain_order=True)
        found.append(one.with_columns(rule=pl.lit(rule)))
        open_ones = open_ones.join(one, on=["source", "customer_id"], how="anti", maintain_order="left")
    return _links(found, exported)


def _links(found: Sequence[pl.DataFrame], exported: pl.DataFrame) -> pl.DataFrame:
    links = [
        one.select(
            pl.col("crm_source").alias("export_source"),
            "export_file",
            "export_line",
            "exported_at",
            "source",
            pl.col("customer_id").alias("source_account_id"),
            "account_id",
            "rule",
        )
        for one in found
    ]
    return pl.concat([exported.clear(), *(link.select(exported.columns).cast(exported.schema) for link in links)])
