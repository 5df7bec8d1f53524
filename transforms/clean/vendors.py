"""Every form an export can have, by the name the config uses."""

from schemas.form import Form
from transforms.clean import canonical, ravenstack

FORMS: dict[str, Form] = {form.name: form for form in (canonical.FORM, ravenstack.FORM)}
