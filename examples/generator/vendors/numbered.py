"""Ids as vendors have them that number what they know: the company's own have letters."""


def numbered(name: str) -> str:
    """The digits of an id behind a one, so that none of its noughts is lost; of none there is none."""
    digits = "".join(sign for sign in name if sign.isdigit())
    return f"1{digits}" if digits else ""
