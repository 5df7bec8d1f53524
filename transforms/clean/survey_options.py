"""What the config may say of a survey tool: which of its questions are NPS, CSAT or CES, and whose the answers are."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.bounds import MOST_SCORE
from schemas.feedback import LOW
from schemas.form import Told
from schemas.settings import Number, Text

OF_NPS = (0.0, 10.0)
"""The scale on which NPS is asked: by the definition of the metric."""


def _in_one_line(name: str) -> str:
    if not (plain := " ".join(name.split())):
        raise ValueError("expected some text")
    return plain


Title = Annotated[str, Field(max_length=2_000), AfterValidator(_in_one_line)]
"""What a question is called, which may be as long as the question; however many blanks and line ends are in it."""


class Question(BaseModel):
    """A question that customers are asked, and what its answers mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    question: Title = Field(description="Its id or ref, its title, or the column of the files that has it")
    kind: Literal["nps", "csat", "ces"] = Field(description="What it asks for")
    scale: tuple[Number, Number] | None = Field(
        default=None, description="Lowest and highest answer; default: 0 to 10 of NPS, else what the files tell"
    )
    direction: Literal["high_is_good", "low_is_good"] = Field(default="high_is_good", description="Which end is good")
    survey: Text | None = Field(
        default=None, description="Survey or form that it belongs to, by its id; default: whichever has it"
    )
    words: dict[Title, Number | None] = Field(
        default_factory=dict, description="Scores of answers in words; null: such an answer is none"
    )
    comment: Title | None = Field(default=None, description="Question whose answer is the comment on this one")

    @field_validator("scale")
    @classmethod
    def _right_way_up(cls, scale: tuple[float, float] | None) -> tuple[float, float] | None:
        if scale and not -MOST_SCORE <= scale[0] < scale[1] <= MOST_SCORE:
            raise ValueError("expected scale: [lowest, highest]")
        return scale

    @model_validator(mode="after")
    def _says_direction(self) -> Self:
        if self.direction == LOW and self.kind != "ces":
            raise ValueError("expected direction: low_is_good of a question of kind ces alone")
        return self

    @property
    def ends(self) -> tuple[float, float] | None:
        """Lowest and highest answer, as far as the config tells them."""
        return self.scale or (OF_NPS if self.kind == "nps" else None)


class SurveyOptions(BaseModel):
    """What the config may say of a source of a survey tool's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    questions: tuple[Question, ...] = Field(default=(), description="Questions that are NPS, CSAT or CES")
    account: Text | None = Field(
        default=None,
        description="What has the account of a response: a hidden field, embedded data, a custom variable or a column",
    )
    respondent: Text | None = Field(default=None, description="What has the id of the person asked, likewise")
    ticket: Text | None = Field(default=None, description="What has the ticket that a response is about, likewise")
    instants: tuple[Text, ...] = Field(
        default=(), description="How times in CSV files are spelled, as strptime names it, where it is otherwise"
    )

    @field_validator("questions")
    @classmethod
    def _once(cls, questions: tuple[Question, ...]) -> tuple[Question, ...]:
        named = [(one.question, one.survey) for one in questions]
        if len(set(named)) < len(named) or any((name, None) in named for name, survey in named if survey):
            raise ValueError("two questions are the same; expected one, or the survey of each")
        return questions

    @field_validator("instants")
    @classmethod
    def _are_spelled(cls, told: tuple[str, ...]) -> tuple[str, ...]:
        if any("%" not in one for one in told):
            raise ValueError("expected a way of spelling like %d.%m.%Y %H:%M:%S")
        return told


Options = TypeVar("Options", bound=SurveyOptions)


def options_of(told: Told, kind: type[Options]) -> Options:
    """What the config says; of a source of which it says nothing, nothing."""
    return told.options if isinstance(told.options, kind) else kind()


def whose(options: SurveyOptions) -> Mapping[str, str]:
    """The columns of responses in which it may stand whose they are: by ours what the config calls it."""
    named = {"account": options.account, "respondent": options.respondent, "ticket": options.ticket}
    return {ours: theirs for ours, theirs in named.items() if theirs}


def columns_of_answers(options: SurveyOptions) -> tuple[str, ...]:
    """The questions whose answers may stand each in a column of its own."""
    named = [name for one in options.questions for name in (one.question, one.comment) if name]
    return tuple(dict.fromkeys(named))


def spelled(options: SurveyOptions) -> tuple[str, ...]:
    """How times in CSV files are spelled."""
    return options.instants
