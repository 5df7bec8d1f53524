"""Every form an export can have: those of one system's own files, and each vendor as each writer writes it."""

from collections.abc import Iterator, Mapping

from schemas.form import Form
from schemas.vendor import Vendor, form_of
from schemas.writer import WRITERS
from transforms.clean import (
    canonical,
    hubspot,
    mapped,
    qualtrics,
    ravenstack,
    salesforce,
    stripe,
    surveymonkey,
    typeform,
    zendesk,
)

VENDORS: dict[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        hubspot.VENDOR,
        qualtrics.VENDOR,
        salesforce.VENDOR,
        stripe.VENDOR,
        surveymonkey.VENDOR,
        typeform.VENDOR,
        zendesk.VENDOR,
    )
}
"""By the name the config uses as `form`, beside `written_by`."""


class _Forms(Mapping[str, Form]):
    """The forms, each made when it is first asked for: a company has few of them, and to make all takes a while."""

    def __init__(self) -> None:
        self._made = {form.name: form for form in (canonical.FORM, mapped.FORM, ravenstack.FORM)}
        self._written = {f"{v.name}/{writer}": (v, WRITERS[writer]) for v in VENDORS.values() for writer in v.writers}
        self._names = (*self._made, *self._written)

    def __getitem__(self, name: str) -> Form:
        if name not in self._made:
            self._made[name] = form_of(*self._written[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


FORMS: Mapping[str, Form] = _Forms()
"""By what `Source.written` says."""
