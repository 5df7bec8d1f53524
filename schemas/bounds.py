"""What a company can have at most: a value beyond is a fault of the export, and its row is rejected.

The bounds are far above the largest company there is, and low enough that sums of rows at the bounds stay exact: an
amount is exact in a DOUBLE, and ten thousand rows of any column still fit 64 bits.
"""

MOST_MONEY = 10**15
"""Minor units: ten trillion dollars, or six hundred million dollars in rupiahs with their two digits."""
MOST_UNITS = 10**9
"""Units or seats of one line: a seat for every second person online."""
MOST_COUNTED = 10**12
"""Events, errors, replies or reopenings in one row: a row may be a bundle of a month's events."""
MOST_SECONDS = 10**12
"""Time spent in one row, seconds: thirty thousand years; a bundle of a year of a million users is in it."""
MOST_RATE = 10**9
"""Reporting units for one foreign unit: a Kuwaiti dinar has been worth four million rials."""
MOST_SCORE = 10**6
"""An answer, or an end of its scale: scales of marks go to 1,000."""
LONGEST_INTERVALS = {"day": 3660, "week": 530, "month": 120, "quarter": 40, "year": 10}
"""Billing intervals of at most ten years, in their units."""
PAID_AHEAD_MONTHS = 12
"""An invoice is paid at most a year before it is issued: what is paid earlier is paid for something else."""
