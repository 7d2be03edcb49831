"""What agencies of the demo send when they put records about people right: later files, in the feeds' own format."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from synthetic.agencies import FEEDS, Feed
from tests.gate_support import write_drop

# Where a feed names a person: forename, surname, birth date, sex, postcode, NHS number; None where it has no such one.
COLUMNS: dict[str, tuple[str | None, ...]] = {
    "acute_trust.ed_attendance": ("Forename", "Surname", "DateOfBirth", "Sex", "Postcode", "NHSNumber"),
    "community_health.patient": ("Forename", "Surname", "DateOfBirth", "Sex", "Postcode", "NHSNumber"),
    "csc.person": ("pers_forename", "pers_surname", "pers_dob", "pers_sex", None, "pers_common_child_id"),
    "earlyhelp.person": ("eh_forename", "eh_surname", "eh_dob", "eh_sex", "eh_postcode", "eh_nhs_number"),
    "education.pupil": ("ForenameYP", "SurnameYP", "DOB", "Sex", "Postcode", None),
    "police.missing": ("subject_forename", "subject_surname", "subject_dob", "subject_sex", "postcode", None),
    "police.ppn": ("subject_forename", "subject_surname", "subject_dob", "subject_sex", "postcode", None),
}
_HEALTH_SEX = {"M": "1", "F": "2"}
_FEEDS: dict[str, Feed] = {feed.label: feed for feed in FEEDS}


@dataclass(frozen=True)
class Described:
    """How a person is described: what `COLUMNS` names, in that order."""

    forename: str
    surname: str
    born: date
    sex: str
    postcode: str
    nhs_number: str

    def words(self, feed: Feed) -> dict[str, str]:
        """Column -> what stands in it in a file of the feed."""
        sex = _HEALTH_SEX[self.sex] if feed.agency in ("acute_trust", "community_health") else self.sex
        said = (self.forename, self.surname, f"{self.born:{feed.date_format}}", sex, self.postcode, self.nhs_number)
        return {column: word for column, word in zip(COLUMNS[feed.label], said, strict=True) if column}


def sent_first(landing: Path, label: str) -> list[dict[str, str]]:
    """The rows of a feed's first file, as it lies in a landing folder that nobody has read yet."""
    feed = _FEEDS[label]
    (file,) = (landing / feed.agency / feed.name).glob("*.csv")
    with file.open(encoding=feed.encoding, newline="") as lines:
        return list(csv.DictReader(lines))


def correct(landing: Path, first: Path, people: Mapping[tuple[str, str, str], Described], extracted: datetime) -> None:
    """Each record (agency, feed, source key) from now on describes another person.

    Args:
        landing: where the files go.
        first: a landing folder with the feeds' first files.
        people: whom the record describes.
        extracted: naive UTC; the file is received an hour later.
    """
    for label in sorted({f"{agency}.{feed}" for agency, feed, _ in people}):
        feed = _FEEDS[label]
        changed, rest = [], []
        for row in sent_first(first, label):
            who = people.get((feed.agency, feed.name, "\x1f".join(row[column].strip() for column in feed.key)))
            if who is None:
                rest.append(row)
            else:
                changed.append(row | who.words(feed) | ({"row_state": "updated"} if "row_state" in row else {}))
        send(landing, label, [*rest, *changed] if feed.mode == "full" else changed, extracted)


def notices(landing: Path, first: Path, people: Mapping[str, Described], extracted: datetime) -> None:
    """New police notifications by reference, like the last of the first file in all but whom they are about."""
    feed = _FEEDS["police.ppn"]
    like = sent_first(first, feed.label)[-1]
    new = {"subject_no": "1", "niche_nominal_id": "", "row_state": "new"}
    rows = [like | who.words(feed) | new | {"ppn_ref": reference} for reference, who in people.items()]
    send(landing, feed.label, rows, extracted)


def send(landing: Path, label: str, rows: Iterable[Mapping[str, str]], extracted: datetime) -> None:
    """A file of a feed with these rows, and its manifest."""
    feed = _FEEDS[label]
    text = io.StringIO()
    lines = csv.DictWriter(text, feed.column_names, lineterminator="\n")
    lines.writeheader()
    told = list(rows)
    lines.writerows(told)
    write_drop(
        landing,
        text.getvalue().encode(feed.encoding),
        extracted=extracted,
        mode=feed.mode,
        name=f"{feed.name}_{extracted:%Y%m%d}_{feed.mode}.csv",
        agency=feed.agency,
        feed=feed.name,
        count=len(told),
    )
