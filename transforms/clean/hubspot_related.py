"""What HubSpot's records belong to: a stage of a pipeline, and a company."""

from collections.abc import Mapping

import polars as pl

Frames = Mapping[str, pl.DataFrame]
PRIMARY_NUMBERS = {"deal": ["5", "6"], "ticket": ["25", "26"]}
"""HubSpot's numbers for a record and its primary company, from either side; a portal's own kinds may have the same."""
PRIMARY_WORDS = {
    "deal": ["deal_to_company", "deal_to_primary_company"],
    "ticket": ["ticket_to_company", "ticket_to_primary_company"],
}
PRIMARY_PROPERTY = {"deal": "hs_primary_associated_company", "ticket": "hs_primary_company_id"}


def is_there() -> pl.Expr:
    """Whether a record was not deleted; where nothing says so, it was not."""
    return ~pl.col("is_deleted").fill_null(value=False)


def staged(rows: pl.DataFrame, of: Frames, kind: str, pipeline: str, stage: str) -> pl.DataFrame:
    """The records with their pipelines and stages: an id of a stage means something within its pipeline alone."""
    pipelines, stages = f"{kind}_pipelines", f"{kind}_stages"
    return rows.join(
        of[pipelines].select(pl.col(f"{pipelines}.id").alias(pipeline), f"{pipelines}.label"),
        on=pipeline,
        how="left",
        maintain_order="left",
    ).join(
        of[stages].drop(f"{stages}.export_{name}" for name in ("source", "file", "line")).drop(f"{stages}.exported_at"),
        left_on=[pipeline, stage],
        right_on=[f"{stages}.pipeline", f"{stages}.id"],
        how="left",
        maintain_order="left",
    )


def companies_of(of: Frames, kind: str) -> pl.DataFrame:
    """By deal or ticket the company it counts for, as record and company: its primary one, else that of the least id.

    A record is told of a company once for each way in which they belong together, and may belong to many.
    """
    links, lists, named, theirs = f"{kind}_companies", f"{kind}_lists", f"{kind}_associations", f"company_{kind}s"
    rows, is_hubspots = of[f"{kind}s"], (pl.col(f"{links}.category") == "HUBSPOT_DEFINED").fill_null(value=True)
    no, yes = pl.lit(value=False), pl.lit(value=True)
    # What was a floating-point number on its way keeps a point.
    own = pl.col(PRIMARY_PROPERTY[kind]).str.extract(r"^(\d{1,18})(?:\.0+)?$")
    shown = {"associated_primary": yes, "associated": no}
    told = [
        of[links].select(
            record=f"{links}.record",
            company=f"{links}.company",
            primary=pl.col(f"{links}.type_id").is_in(PRIMARY_NUMBERS[kind]) & is_hubspots,
        ),
        of[lists].select(record=f"{lists}.record", company=f"{lists}.value", primary=no),
        of[named].select(
            record=f"{named}.record",
            company=f"{named}.company",
            primary=pl.col(f"{named}.type").is_in(PRIMARY_WORDS[kind]),
        ),
        of[theirs].select(record=f"{theirs}.record", company=f"{theirs}.company", primary=no),
        rows.select(record="id", company=own, primary=yes),
        *(
            rows.select(record="id", company=pl.col(name).str.extract_all(r"\d+"), primary=primary).explode("company")
            for name, primary in shown.items()
        ),
    ]
    every = pl.concat(told).drop_nulls(["record", "company"]).with_columns(pl.col("primary").fill_null(value=False))
    # What a source fills is asked of examples, too, whose ids are no numbers.
    ordered = every.sort(~pl.col("primary"), pl.col("company").cast(pl.Int64, strict=False))
    return ordered.unique("record", keep="first", maintain_order=True).select("record", "company")
