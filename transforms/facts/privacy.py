"""What of persons leaves the house: their ids hashed, their words left out, unless the config says otherwise."""

import json
from hashlib import blake2b

import polars as pl

from schemas.config import Privacy
from schemas.contract import Contract


def hashed(ids: pl.Series, sources: pl.Series, secret: bytes) -> pl.Series:
    """Keyed hash of persons' ids: an id of a source gives one hash in every table; none can be guessed without the key.

    Equal ids of two sources are two persons. Null stays null.

    Raises:
        ValueError: there is no key, so that whoever knows an id would know its hash.
    """
    if not secret:
        raise ValueError("persons' ids are hashed with a key, and the key is empty")
    named = pl.DataFrame({"source": sources, "id": ids}, schema={"source": pl.String, "id": pl.String})
    distinct = named.drop_nulls("id").unique()
    digests = [blake2b(json.dumps(known).encode(), key=secret, digest_size=8).hexdigest() for known in distinct.rows()]
    known = distinct.with_columns(pl.Series("hash", digests, dtype=pl.String))
    return named.join(known, on=["source", "id"], how="left", nulls_equal=True, maintain_order="left")["hash"]


def publishable(frame: pl.DataFrame, contract: type[Contract], privacy: Privacy, secret: bytes) -> pl.DataFrame:
    """The frame as it may be published: `personal` columns hashed or emptied, unless `privacy` allows them."""
    columns = []
    for field in contract.fields():
        if field.personal == "id" and not privacy.publish_person_ids:
            columns.append(hashed(frame[field.name], frame["source"], secret).alias(field.name))
        if field.personal == "text" and not privacy.publish_comments:
            columns.append(pl.Series(field.name, [None] * frame.height, dtype=field.dtype))
    return frame.with_columns(columns)
