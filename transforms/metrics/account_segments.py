"""The segments that accounts are in, month by month: what parts of accounts are summed over."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

KEYS = ["month", "dimension", "segment"]
ACCOUNT = ["month", "account_id"]
PROFILE = "_profile"
"""The number of a combination of segments; no segment has such a name."""


@dataclass(frozen=True)
class AccountSegments:
    """Who is in which segments. Accounts are many, profiles are few: what is summed is summed by profile first."""

    dim_account_month: pl.DataFrame
    names: tuple[str, ...]
    """Columns of dim_account_month, each a dimension whose values are segments."""

    @cached_property
    def profiles(self) -> pl.DataFrame:
        """One row per combination of segments that some account has: its number, PROFILE, and the segments."""
        return self.dim_account_month.select(self.names).unique().with_row_index(PROFILE)

    @cached_property
    def of_accounts(self) -> pl.DataFrame:
        """Month, account_id and profile of every account in every month."""
        rows = self.dim_account_month
        if not self.names:
            return rows.select(*ACCOUNT, pl.lit(0, pl.UInt32).alias(PROFILE))
        return rows.join(self.profiles, on=self.names, nulls_equal=True).select(*ACCOUNT, PROFILE)

    def with_profile(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of accounts in months with their profile: NULL where the account is in no segment in the month.

        A month's and an account's number together are the place of a profile in one long column: to join on the month
        and the account takes three times as long.
        """
        numbered = self._numbered(rows)
        return numbered.with_columns(self._by_place.gather(numbered["_place"]).alias(PROFILE)).drop("_place")

    @cached_property
    def _accounts(self) -> pl.DataFrame:
        return self.dim_account_month.select("account_id").unique().with_row_index("_account")

    @cached_property
    def _months(self) -> pl.DataFrame:
        return self.dim_account_month.select("month").unique().with_row_index("_month")

    def _numbered(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with their place, which is NULL for a month or an account of which nothing is known."""
        numbered = rows.join(self._accounts, on="account_id", how="left").join(self._months, on="month", how="left")
        place = pl.col("_month").cast(pl.Int64) * self._accounts.height + pl.col("_account")
        return numbered.with_columns(place.alias("_place")).drop("_month", "_account")

    @cached_property
    def _by_place(self) -> pl.Series:
        nobody = np.iinfo(np.uint32).max
        profiles = np.full(self._months.height * self._accounts.height, nobody, dtype=np.uint32)
        placed = self._numbered(self.of_accounts)
        profiles[placed["_place"].to_numpy()] = placed[PROFILE].to_numpy()
        return pl.Series(profiles).replace(nobody, None)

    def in_segments(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows (month, profile, account_id …) once in each segment of their profile, with KEYS instead of it."""
        others = [name for name in rows.columns if name not in {"month", PROFILE, "account_id"}]
        segments = [self.profiles.select(PROFILE, dimension=pl.lit(name), segment=name) for name in self.names]
        of_segments = [rows.join(of, on=PROFILE).select(*KEYS, *others) for of in segments]
        no_one = rows.clear().select("month", dimension=pl.lit("", pl.String), segment=pl.lit("", pl.String))
        return pl.concat(of_segments) if of_segments else no_one.with_columns(rows.clear().select(others))

    def there(self, months: pl.DataFrame) -> pl.DataFrame:
        """Every segment that has an account in one of the months, once for each (KEYS)."""
        profiles = self.of_accounts.join(months, on="month", how="semi").select("month", PROFILE).unique()
        return self.in_segments(profiles).unique()
