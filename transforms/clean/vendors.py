"""Every form an export can have: those of one system's own files, and each vendor as each writer writes it."""

from schemas.form import Form
from schemas.vendor import Vendor, form_of
from schemas.writer import WRITERS
from transforms.clean import canonical, hubspot, ravenstack, stripe, zendesk

VENDORS: dict[str, Vendor] = {vendor.name: vendor for vendor in (hubspot.VENDOR, stripe.VENDOR, zendesk.VENDOR)}
"""By the name the config uses as `form`, beside `written_by`."""

FORMS: dict[str, Form] = {
    **{form.name: form for form in (canonical.FORM, ravenstack.FORM)},
    **{f"{v.name}/{writer}": form_of(v, WRITERS[writer]) for v in VENDORS.values() for writer in v.writers},
}
"""By what `Source.written` says."""
