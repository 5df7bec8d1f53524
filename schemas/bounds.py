"""What a company can have at most: a value beyond is a fault of the export, and its row is rejected.

The bounds are far above the largest company there is, and low enough that sums of rows at the bounds are exact: money
is exact in a DOUBLE, and nine thousand rows at any bound still fit 64 bits.
"""

MOST_MONEY = 10**15
"""Minor units of one amount: ten trillion dollars, or six hundred million dollars in rupiahs, which have two digits."""
MOST_UNITS = 10**9
"""Units or seats of one line: one for every eighth person on earth."""
MOST_EVENTS = 10**10
"""Events or errors of one row of usage, which may be a bundle of a year's."""
MOST_SECONDS = 10**11
"""Time spent in one row of usage: a year of three thousand people who never sleep."""
MOST_TURNS = 10**6
"""Replies to a ticket, or times it was reopened."""
MOST_RATE = 10**9
"""Reporting units for one foreign unit: a Kuwaiti dinar has been worth four million rials."""
MOST_SCORE = 10**6
"""An answer, or an end of its scale."""
LONGEST_INTERVALS = {"day": 3660, "week": 530, "month": 120, "quarter": 40, "year": 10}
"""Billing intervals, at most ten years, in their units."""
PAID_AHEAD_MONTHS = 12
"""An invoice is paid at most a year before it is issued: what was paid earlier was paid for something else."""
