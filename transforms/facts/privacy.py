"""What of persons leaves the house: their ids hashed, their words left out, unless the config says otherwise."""

from hashlib import blake2b

import polars as pl

from schemas.config import Privacy
from schemas.contract import Contract


def hashed(ids: pl.Series, secret: bytes) -> pl.Series:
    """Keyed hash of persons' ids: one id gives one hash in every table, and none can be guessed without the key.

    Null stays null.

    Raises:
        ValueError: there is no key, so that whoever knows an id would know its hash.
    """
    if not secret:
        raise ValueError("persons' ids are hashed with a key, and the key is empty")
    distinct = ids.drop_nulls().unique()
    digests = [blake2b(str(known).encode(), key=secret, digest_size=8).hexdigest() for known in distinct]
    return ids.replace_strict(distinct, pl.Series(digests, dtype=pl.String), default=None, return_dtype=pl.String)


def publishable(frame: pl.DataFrame, contract: type[Contract], privacy: Privacy, secret: bytes) -> pl.DataFrame:
    """The frame as it may be published: `personal` columns hashed or emptied, unless `privacy` allows them."""
    columns = []
    for field in contract.fields():
        if field.personal == "id" and not privacy.publish_person_ids:
            columns.append(hashed(frame[field.name], secret).alias(field.name))
        if field.personal == "text" and not privacy.publish_comments:
            columns.append(pl.Series(field.name, [None] * frame.height, dtype=field.dtype))
    return frame.with_columns(columns)
