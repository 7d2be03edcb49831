"""What a pack declares about risk: `risk.yml` (features, target, windows, gates) and `rules.yml` (named patterns).

Everything that is particular to one partnership's question is declared there and checked here, when the pack is
loaded: a feature that reads a forbidden attribute, a rule about a feature nobody declared or a gate without its
threshold is refused before any row is read. No engine code knows the name of an agency, an event or a feature.

Kinds of feature. `D` is the as-of date, `w` = window_weeks, `p` = prior_weeks, `o` = offset_weeks; a row is seen only
if it was known at the knowledge cut-off of `D` (see `asof.py`).

| kind              | value                                                                                     |
|-------------------|-------------------------------------------------------------------------------------------|
| count             | events with `D-7(o+w) < occurred_on <= D-7o`                                              |
| sum               | the same, summing `value`                                                                 |
| days_since        | days from the latest event to `D`; `7w` when there is none within the window               |
| distinct_agencies | agencies with at least one event in the window                                            |
| distinct_types    | event types with at least one event in the window                                         |
| change            | count in the window, less the count of the `p` weeks before it scaled to the same length   |
| count_since_end   | events after the latest end, in `D-7w < ended_on <= D`, of an episode; 0 when none ended  |
| open_episode      | 1 when an episode is open on `D`                                                          |
| episode_days      | days since the earliest start of an episode open on `D`, at most `7w`; 0 when none is open |
| episodes_started  | episodes that began in the window                                                         |
| episodes_ended    | episodes that ended in the window                                                         |
| household_moves   | household spells of the person that began in the window                                   |
| household_size    | people of the spine in the person's household on `D`                                      |
| relative_to_peers | the base feature less its mean over the cohort of the same week and peer group            |
| age               | age in years on `D`                                                                       |
| age_band          | 1 when the age in months lies in `[from_months, to_months)`                               |

A source may tell of one thing in the story of every child of a home: a placement of the family is one row of the
housing file and an event of each child. In the scopes household and household_others a thing counts once. `once: row`
(the default) takes rows with the same source row, event type and detail for one thing; `once: incident` also those of
the same agency, event type and moment: police send a row for each child of one incident, with nothing else in common.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from models.risk.drift_declare import Drift
from models.risk.gate_declare import ASKED_ANYWHERE, Evaluation, Fairness, Gate, Registration, Strict

EVENT_KINDS = frozenset(
    {"count", "sum", "days_since", "distinct_agencies", "distinct_types", "change", "count_since_end"}
)
EPISODE_KINDS = frozenset({"open_episode", "episode_days", "episodes_started", "episodes_ended"})
# Kinds that read episodes: what happened since an episode ended takes events and episodes.
READ_EPISODES = EPISODE_KINDS | {"count_since_end"}
WINDOWED = EVENT_KINDS | {"episode_days", "episodes_started", "episodes_ended", "household_moves"}
SCOPES = ("person", "household_others", "household")
# A maximum over the *other* members of a household cannot be had by subtracting one's own.
PERSON_OR_HOUSEHOLD = frozenset({"days_since", "episode_days"})
# Kinds for which it matters that a thing told of several children is one thing.
COUNTED = frozenset({"count", "sum", "change", "episodes_started", "episodes_ended"})
NO_SCOPE = frozenset({"count_since_end", "household_moves", "household_size", "relative_to_peers", "age", "age_band"})

Kind = Literal[
    "count",
    "sum",
    "days_since",
    "distinct_agencies",
    "distinct_types",
    "change",
    "count_since_end",
    "open_episode",
    "episode_days",
    "episodes_started",
    "episodes_ended",
    "household_moves",
    "household_size",
    "relative_to_peers",
    "age",
    "age_band",
]
# What evidence.py can tell about a reason: the only fields a sentence template may use.
SENTENCE_FACTS = frozenset(
    {"count", "things", "agencies", "from_agencies", "between", "since", "latest", "window", "before"}
    | {"total", "days", "kinds", "prior_count", "first_on", "last_on"}
)


class DeclarationError(ValueError):
    """A pack's risk.yml or rules.yml cannot be used; the message names the entry and what is wrong with it."""


class Feature(Strict):
    """One feature of the panel; the only place where its name, kind, theme, sign, label and sentence are written."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,59}$")]
    kind: Kind
    theme: str
    label: str
    sentence: str = ""
    scope: Literal["person", "household_others", "household"] = "person"
    once: Literal["row", "incident"] = "row"
    monotone: Literal[-1, 0, 1] = 0
    model: bool = True
    protective: bool = False
    events: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    episodes: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    window_weeks: int | None = Field(default=None, ge=1, le=520)
    prior_weeks: int | None = Field(default=None, ge=1, le=520)
    offset_weeks: int = Field(default=0, ge=0, le=520)
    base: str | None = None
    floor: int = Field(default=0, ge=0)
    from_months: int | None = None
    to_months: int | None = None

    @model_validator(mode="after")
    def _complete(self) -> Feature:
        wants = {
            "events": self.kind in EVENT_KINDS,
            "episodes": self.kind in READ_EPISODES,
            "window_weeks": self.kind in WINDOWED,
            "prior_weeks": self.kind == "change",
            "base": self.kind == "relative_to_peers",
            "to_months": self.kind == "age_band",
        }
        for field, needed in wants.items():
            given = getattr(self, field) not in (None, ())
            if given != needed:
                raise ValueError(
                    f"feature {self.name}: {field} {'is missing' if needed else 'has no meaning'} for {self.kind}"
                )
        if self.scope == "household_others" and self.kind in PERSON_OR_HOUSEHOLD:
            raise ValueError(f"feature {self.name}: {self.kind} cannot leave out the person, use scope household")
        if self.scope != "person" and self.kind in NO_SCOPE:
            raise ValueError(f"feature {self.name}: {self.kind} has no scope")
        if self.offset_weeks and self.kind not in {"count", "sum", "distinct_agencies", "distinct_types"}:
            raise ValueError(f"feature {self.name}: offset_weeks has no meaning for {self.kind}")
        if self.once == "incident" and (self.scope == "person" or self.kind not in EVENT_KINDS):
            raise ValueError(f"feature {self.name}: once: incident is for events of a household")
        unknown = template_fields(self.sentence) - SENTENCE_FACTS
        if unknown:
            raise ValueError(f"feature {self.name}: the sentence uses {sorted(unknown)}, which evidence cannot fill")
        return self

    @property
    def weeks(self) -> int:
        """The window in weeks, for kinds that have one (checked when loaded)."""
        return self.window_weeks or 0

    @property
    def weeks_before(self) -> int:
        """The period of comparison in weeks, for kinds that have one (checked when loaded)."""
        return self.prior_weeks or 0

    @property
    def reach_weeks(self) -> int:
        """Weeks before the as-of date that the feature may look at; 0 when it only looks at the day itself."""
        return self.weeks + self.weeks_before + self.offset_weeks


class NeverFeature(Strict):
    """An attribute no feature may read, and why (the deny-list)."""

    term: str
    why: str


class NeverException(Strict):
    """Where the SQL behind the facts uses a denied column without a fact carrying it, and why that is so."""

    term: str
    model: str
    why: str


class Target(Strict):
    """The outcome: rows of `marts.label` with this name."""

    name: str
    description: str
    horizon_days: int = Field(ge=7)
    maturity_days: int = Field(ge=0)
    minimum_positives: int = Field(ge=1)


class Training(Strict):
    """Which past Sundays the model learns from and how; the search space is fixed here, not found by trying."""

    step_weeks: int = Field(default=4, ge=1)
    window_weeks: int = Field(default=156, ge=4)
    # History there has to be before the first week learnt from. A feature may reach further, and uses what there is.
    lookback_weeks: int = Field(default=52, ge=0)
    # The fewest weeks of history worth learning from; with them the history gate reckons what is needed.
    least_weeks: int = Field(default=26, ge=1)
    negatives_per_positive: int = Field(default=10, ge=1)
    folds: int = Field(default=2, ge=2, le=10)
    seed: int = 20261005
    candidates: tuple[Literal["logistic", "boosting", "blend"], ...] = ("logistic", "boosting")
    # A later candidate is taken over an earlier, simpler one only when it is better by this share.
    prefer_earlier_within: float = Field(default=0.02, ge=0)
    logistic: dict[str, float] = Field(default_factory=dict)
    boosting: dict[str, float] = Field(default_factory=dict)


class Comparators(Strict):
    """What the model has to beat: a declared count, the rules, and a draw."""

    contact_count: str


class Channels(Strict):
    """How a team's places are shared between model and rules, and for how long nobody is listed again."""

    model_share: float = Field(default=0.75, ge=0, le=1)
    relist_after_weeks: int = Field(default=12, ge=0)


class RiskConfig(Strict):
    """`risk.yml` as a whole; `load` is the way in."""

    version: int
    registered_on: date
    registrations: tuple[Registration, ...] = ()
    target: Target
    training: Training
    evaluation: Evaluation
    comparators: Comparators
    channels: Channels = Channels()
    themes: dict[str, str]
    gates: tuple[Gate, ...]
    fairness: Fairness = Fairness()
    drift: Drift = Drift()
    never_features: tuple[NeverFeature, ...]
    never_exceptions: tuple[NeverException, ...] = ()
    never_alone: tuple[str, ...] = ()
    # What came to people with an outcome, after "was" or "were": the words of every frequency.
    outcome_words: str = "found to need more help"
    features: tuple[Feature, ...]

    @model_validator(mode="after")
    def _consistent(self) -> RiskConfig:
        seen: dict[str, Feature] = {}
        for feature in self.features:
            if feature.name in seen:
                raise ValueError(f"feature {feature.name} is declared twice")
            if feature.theme not in self.themes:
                raise ValueError(f"feature {feature.name}: theme {feature.theme} is not declared")
            if feature.base is not None and (
                feature.base not in seen or seen[feature.base].kind in {"relative_to_peers", "age", "age_band"}
            ):
                raise ValueError(f"feature {feature.name}: base {feature.base} must be a feature declared before it")
            for event in set(feature.events) & set(self.never_alone):
                if len(feature.events) == 1 and feature.floor < 2:
                    raise ValueError(f"feature {feature.name}: a single {event} may not count on its own (floor >= 2)")
            seen[feature.name] = feature
        if self.comparators.contact_count not in seen:
            raise ValueError(f"comparator {self.comparators.contact_count} is not a declared feature")
        for attribute in self.fairness.attributes:
            if attribute.feature is not None and attribute.feature not in seen:
                raise ValueError(f"attribute {attribute.name}: {attribute.feature} is not a declared feature")
        lacking = [kind for kind in ASKED_ANYWHERE if kind not in {gate.kind for gate in self.gates}]
        if lacking:
            raise ValueError(
                f"gates: of every model is asked {', '.join(lacking)}, and no gate of that kind is declared"
            )
        self._refuse_never_features(seen)
        return self

    def _refuse_never_features(self, by_name: Mapping[str, Feature]) -> None:
        """Refuse a feature that names a denied attribute itself or through the feature it is built on."""
        for feature in self.features:
            lineage = [feature] + ([by_name[feature.base]] if feature.base else [])
            for step in lineage:
                words = {step.name, *step.events, *step.details, *step.episodes, *step.outcomes}
                for never in self.never_features:
                    hit = next((w for w in sorted(words) if mentions(w, never.term)), None)
                    if hit is not None:
                        raise ValueError(
                            f"feature {feature.name} reads {hit}: {never.term} is never used ({never.why})"
                        )

    def feature(self, name: str) -> Feature:
        """The declaration of one feature; KeyError when it is not declared."""
        for feature in self.features:
            if feature.name == name:
                return feature
        raise KeyError(name)

    @property
    def model_features(self) -> tuple[str, ...]:
        """Names of the features the model is fitted on, in declared order."""
        return tuple(f.name for f in self.features if f.model)


class Condition(Strict):
    """A comparison of one declared feature with a number."""

    feature: str
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Condition:
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"condition on {self.feature} has no bound")
        return self


class Several(Strict):
    """At least so many of these conditions."""

    at_least: int = Field(ge=2)
    of: tuple[Condition, ...]

    @model_validator(mode="after")
    def _enough(self) -> Several:
        if len(self.of) < self.at_least:
            raise ValueError(f"{self.at_least} of {len(self.of)} conditions can never hold")
        return self


class Rule(Strict):
    """A named pattern: all conditions of `all`, at least one of `any` when there are some, and as many of `several` as
    it asks for."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,59}$")]
    title: str
    sentence: str
    why: str
    evidence: str
    deadline_working_days: int = Field(ge=0, le=60)
    questions: tuple[str, ...]
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    several: Several | None = None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition it reads."""
        return (*self.all, *self.any, *(self.several.of if self.several else ()))

    @model_validator(mode="after")
    def _complete(self) -> Rule:
        if not self.all:
            raise ValueError(f"rule {self.id} has no condition that must hold")
        unknown = template_fields(self.sentence) - SENTENCE_FACTS
        if unknown:
            raise ValueError(f"rule {self.id}: the sentence uses {sorted(unknown)}, which evidence cannot fill")
        return self


class RuleBook(Strict):
    """`rules.yml` as a whole."""

    version: int
    rules: tuple[Rule, ...]


def load_risk(raw: Mapping[str, Any]) -> RiskConfig:
    """Check the parsed risk.yml and return it; DeclarationError says in words what is wrong and where."""
    try:
        return RiskConfig.model_validate(raw)
    except ValueError as error:
        raise DeclarationError(f"risk.yml: {_plain(error)}") from error


def load_rules(raw: Mapping[str, Any], config: RiskConfig) -> RuleBook:
    """Check the parsed rules.yml against the declared features; DeclarationError as above."""
    try:
        book = RuleBook.model_validate(raw)
    except ValueError as error:
        raise DeclarationError(f"rules.yml: {_plain(error)}") from error
    names = {f.name for f in config.features}
    ids = [r.id for r in book.rules]
    if len(set(ids)) != len(ids):
        raise DeclarationError("rules.yml: two rules have the same id")
    for rule in book.rules:
        for name in [rule.evidence, *(c.feature for c in rule.conditions)]:
            if name not in names:
                raise DeclarationError(f"rules.yml: rule {rule.id} is about {name}, which risk.yml does not declare")
    return book


def template_fields(template: str) -> set[str]:
    """The names between braces in a sentence template."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def mentions(word: str, term: str) -> bool:
    """Whether a declared word holds the denied term as whole underscore-separated parts."""
    return f"_{term.lower()}_" in f"_{word.lower()}_"


def _plain(error: ValueError) -> str:
    """A pydantic error as one line a pack's author can act on, without its links and input dump."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return str(error)
    return "; ".join(
        f"{'.'.join(str(p) for p in item['loc'])}: {str(item['msg']).removeprefix('Value error, ')}".lstrip(": ")
        for item in errors(include_url=False, include_input=False)
    )
