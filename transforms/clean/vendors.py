"""Every form an export can have: those of one system's own files, and each vendor as each writer writes it."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from schemas.form import Form
from schemas.vendor import Vendor, form_of
from schemas.writer import WRITERS
from transforms.clean import canonical, mapped, ravenstack

NAMES = (
    "amplitude",
    "chargebee",
    "freshdesk",
    "hubspot",
    "intercom",
    "mixpanel",
    "posthog",
    "qualtrics",
    "recurly",
    "salesforce",
    "segment",
    "stripe",
    "surveymonkey",
    "typeform",
    "zendesk",
)
"""By what the config uses as `form`, and its module here is called."""


class _Vendors(Mapping[str, Vendor]):
    """The vendors; the module of each is loaded when it is first asked for, as a company has few of them."""

    def __getitem__(self, name: str) -> Vendor:
        if name not in NAMES:
            raise KeyError(name)
        found: Vendor = import_module(f"transforms.clean.{name}").VENDOR
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


VENDORS: Mapping[str, Vendor] = _Vendors()
"""By the name the config uses as `form`, beside `written_by`."""


class _Forms(Mapping[str, Form]):
    """The forms, each made when it is first asked for: to make all takes a while."""

    def __init__(self) -> None:
        own = (canonical.FORM, mapped.FORM, ravenstack.FORM)
        self._own = tuple(form.name for form in own)
        self._made = {form.name: form for form in own}

    def __getitem__(self, name: str) -> Form:
        if name not in self._made:
            vendor, _, writer = name.partition("/")
            if writer not in VENDORS[vendor].writers:
                raise KeyError(name)
            self._made[name] = form_of(VENDORS[vendor], WRITERS[writer])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (f"{name}/{writer}" for name, vendor in VENDORS.items() for writer in vendor.writers)

    def __len__(self) -> int:
        return sum(1 for _ in self)


FORMS: Mapping[str, Form] = _Forms()
"""By what `Source.written` says."""
