"""Currencies: ISO 4217 codes in force, from a library, and those withdrawn since, which past amounts still carry."""

import datetime as dt

from iso4217 import Currency

WITHDRAWN = """
1981-12 ESA GWE ILP MZE RHD
1983-06 MTP
1984-11 MLF
1985-07 ARP LSM
1986-12 BRB GNS GQE PES
1987-12 BOP UGS
1989-12 ALK BRC GNE LAJ MVQ UYN ZWC
1990-12 ARY BEC BEL BGJ BGK BRN BUK CSJ DDM ILR ISJ LUC LUL NIC PEH ROK SUR UGW VNC YUD
1991-12 AOK PEI YDD
1992-01 ARA
1993-12 BRE CSK LTT MXP UYP
1994-12 BRR ESB LVR RUR ZRZ
1995-12 GEK HRD YUN ZAL
1996-09 UAK
1997-12 GWP PLZ
1998-12 BAD SDP
1999-01 XEU
1999-12 XRE ZRN
2000-02 AON AOR
2000-09 ECS ECV
2001-01 BYB
2001-04 TJR
2002-03 ATS BEF DEM ESP FIM FRF GRD IEP ITL LUF NLG PTE
2002-11 TPE
2003-01 AFA
2003-07 ADP YUM
2003-11 BGL
2003-12 SRG
2004-11 CHC
2004-12 MGF
2005-06 ROL
2005-10 AYM
2005-12 AZM TRL
2006-06 MZM
2006-09 ZWN
2006-10 CSD XFO
2007-01 SIT
2007-06 GHP
2007-07 SDD
2008-01 CYP GHC MTL VEB
2008-08 ZWD
2009-01 SKK TMM
2009-06 ZWR
2011-01 EEK
2013-01 ZMK
2013-11 XFU
2014-01 LVL
2014-03 USS
2015-01 LTL
2017-01 BYR
2018-01 MRO STD
2018-08 VEF
2021-06 CUC
2023-01 HRK
2023-12 SLL
2024-09 ZWL
2025-07 ANG
2026-01 BGN
"""
"""Codes that ISO 4217 no longer lists as of January 2026, by the month of withdrawal (before 2000 by the year)."""
WITHDRAWN_WITHOUT_MINOR_UNIT = frozenset(
    ["ADP", "BEF", "BYB", "BYR", "ESP", "GRD", "ITL", "LUF", "MGF", "PTE", "ROL", "TPE", "TRL"]
)
"""Those of them that had no minor unit; all others had two digits."""


def _by_code() -> dict[str, dt.date]:
    lines = [line.split() for line in WITHDRAWN.strip().split("\n")]
    return {code: dt.date.fromisoformat(f"{month}-01") for month, *codes in lines for code in codes}


WITHDRAWN_SINCE = _by_code()
"""Month from which a currency is withdrawn."""
MINOR_DIGITS = {code: 0 if code in WITHDRAWN_WITHOUT_MINOR_UNIT else 2 for code in WITHDRAWN_SINCE} | {
    currency.code: int(currency.exponent or 0) for currency in Currency
}
"""Decimal digits of every currency there is or was (a yen has none)."""
CODES = sorted(MINOR_DIGITS)
