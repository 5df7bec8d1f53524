"""`make init` without a folder: whose exports there are, who wrote them and where they lie, asked one by one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

from pipelines.commands.proposal import USUAL, Company, Proposed, tables_in
from schemas.currencies import CODES
from schemas.writer import WRITERS
from transforms.clean import canonical, mapped
from transforms.clean.vendors import FORMS, VENDORS
from warehouse.errors import ConfigError
from warehouse.pasted import make


@dataclass(frozen=True)
class Conversation:
    """What is told to a person (`tell`), and what the person answers to a question (`hear`)."""

    tell: Callable[[str], None]
    hear: Callable[[str], str]

    def answer(self, question: str, usual: str = "") -> str:
        """What the person says, or what is usual where that is nothing.

        Raises:
            ConfigError: nobody is there to answer.
        """
        try:
            said = self.hear(f"{question}{f' [{usual}]' if usual else ''}: ")
        except EOFError:
            instead = make("init", FOLDER="exports")
            raise ConfigError(f"nobody answers; this proposes a config from what lies in a folder: {instead}") from None
        return said.strip() or usual

    def choice(self, question: str, known: Mapping[str, str], usual: str = "") -> str:
        """One of the known answers; nothing, where nothing is usual. Another answer is asked for again."""
        while (said := self.answer(question, usual)) not in known and said:
            self.tell(f"  {said} is not one of {', '.join(known)}")
        return said

    def within(self, question: str, usual: str, known: Callable[[str], bool], example: str) -> str:
        """An answer of a kind too large to list."""
        while not known(said := self.answer(question, usual)):
            self.tell(f"  {said} is unknown; expected one like {example}")
        return said


def ask_for_company(asking: Conversation) -> Company:
    """What the company is called, and the currency and the clock of its numbers."""
    zones = available_timezones()
    return Company(
        asking.answer("What is the company called?", USUAL.name),
        asking.within("In which currency is money told?", USUAL.currency, CODES.__contains__, "EUR or USD"),
        asking.within("In which time zone do days begin?", USUAL.time_zone, zones.__contains__, "Europe/Berlin"),
    )


def ask_for_sources(asking: Conversation) -> list[Proposed]:
    """The sources that a person names, one after the other, until nothing is answered.

    Raises:
        ConfigError: none was named.
    """
    forms = {name: vendor.title for name, vendor in VENDORS.items()}
    forms[canonical.FORM.name] = "files in the form that docs/dictionary.md describes"
    asking.tell("Whose exports are there?")
    for name, title in forms.items():
        asking.tell(f"  {name:14}{title}")
    asking.tell(f"What is none of these is `form: {mapped.FORM.name}`: docs/dictionary.md says how columns are named.")
    found = list(_sources(asking, forms))
    if not found:
        raise ConfigError(f"no source was named; expected one at least: {make('init')}")
    return found


def _sources(asking: Conversation, forms: Mapping[str, str]) -> Iterator[Proposed]:
    while vendor := asking.choice("A source's form (nothing: no more)", forms):
        name = f"{vendor}/{_writer(asking, vendor)}" if vendor in VENDORS else vendor
        folder = Path(asking.answer("The folder where its files lie", f"exports/{vendor}"))
        yield Proposed(folder, name, tables_in(folder, FORMS[name]))


def _writer(asking: Conversation, vendor: str) -> str:
    writers = {name: WRITERS[name].title for name in VENDORS[vendor].writers}
    if len(writers) == 1:
        return next(iter(writers))
    for name, title in writers.items():
        asking.tell(f"  {name:14}{title}")
    return asking.choice("Who wrote the files?", writers, next(iter(writers)))
