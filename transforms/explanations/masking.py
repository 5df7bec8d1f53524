"""Free text without what would tell who is meant."""

import polars as pl

PLACEHOLDER = r"\[(?:email|phone|name)\]"
_NAME = r"\p{Lu}(?:\.|[\p{L}'’-]*)"
_NAMES = rf"(?:(?i:mr|mrs|ms|miss|dr|prof|herr|frau|madame|monsieur)\b\.?\s+)*{_NAME}(?:\s+{_NAME}){{0,2}}"
_GREETING = (
    r"(?i:hello|hi|hey|dear|greetings|good\s+(?:morning|afternoon|evening|day)|hallo|guten\s+(?:tag|morgen|abend)|"
    r"liebe[rs]?|sehr\s+geehrte[rs]?|bonjour|hola)"
)
_CLOSING = r"(?i:regards|best\s+wishes|cheers|sincerely|yours|grüßen?|gruß)"
_THANKS = r"(?i:thanks|thank\s+you|danke)"
_INTRODUCTION = r"(?i:my\s+name\s+is|i\s+am|i['’]m|mein\s+name\s+ist|ich\s+bin)"
MASKS = (
    (r"[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+", "[email]"),
    (r"[+(]{0,2}\d(?:[\s().\/-]{0,3}\d){6,}", "[phone]"),
    (r"(^|\s)@[\p{L}\p{N}_.-]+", "${1}[name]"),
    (rf"\b({_GREETING}\s+){_NAMES}", "${1}[name]"),
    (rf"\b({_GREETING}\s+)[\p{{L}}'’-]+(?:[ \t]+[\p{{L}}'’-]+)?(\s*[,!\n])", "${1}[name]${2}"),
    (rf"\b({_CLOSING}[\s,.!–-]+){_NAMES}", "${1}[name]"),
    (rf"\b({_THANKS}\s+){_NAMES}", "${1}[name]"),
    (rf"\b((?:{_THANKS}|(?i:best|br|lg|vg|mfg))\s*[,.!\n–-]\s*){_NAMES}\s*$", "${1}[name]"),
    (rf"\b({_INTRODUCTION}\s+){_NAMES}", "${1}[name]"),
    (rf"(\n\s*|[–—]\s*){_NAMES}\s*$", "${1}[name]"),
)
"""What is replaced by what, in this order: addresses, numbers of seven digits and more, handles, names that are
greeted, sign, are thanked or introduce themselves, and names alone at the end. Rather a word too many than a name."""


def masked(text: pl.Expr) -> pl.Expr:
    """The text without e-mail addresses, telephone numbers, and names where people are addressed, or sign."""
    for pattern, instead in MASKS:
        text = text.str.replace_all(pattern, instead)
    return text
