"""What an agency's data led to, in counts: how many children stood on lists and in notices on its evidence.

Read from the frozen documents. Keys of persons stay in here: what goes out are numbers, which whoever shows them
suppresses where they are small.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date

from governance.hub_store import HubStore

# (persons by the Sunday they were first listed on) -> those of them for whom an assessment followed.
Followed = Callable[[Mapping[str, date]], Collection[str]]


@dataclass(frozen=True)
class Contribution:
    """Children, each counted once.

    Attributes:
        listed: on a weekly list with this agency's evidence behind a reason.
        noticed: in a notice to their own worker with a line of this agency's.
        assessed: of those listed, with an assessment that began after the list.
    """

    listed: int = 0
    noticed: int = 0
    assessed: int = 0


def contributions(store: HubStore, since: date, until: date, followed: Followed) -> dict[str, Contribution]:
    """By agency what its evidence led to on the newest versions of the documents of weeks after `since` to `until`.

    Args:
        since, until: Sundays; the first is left out.
        followed: answers for whom an assessment followed.
    """
    listed: dict[str, dict[str, date]] = {}
    noticed: dict[str, set[str]] = {}
    for facts in store.issued():
        if not since < facts.as_of_date <= until:
            continue
        document = store.document(facts.document_id)
        if facts.kind == "weekly_list.v1":
            for family in document["families"]:
                for child in family["children"]:
                    for agency in {line["agency"] for reason in child["reasons"] for line in reason["evidence"]}:
                        first = listed.setdefault(agency, {})
                        key = child["person_key"]
                        first[key] = min(first.get(key, facts.as_of_date), facts.as_of_date)
        elif facts.kind == "notice.v1":
            for child in document["children"]:
                for agency in {line["agency"] for line in child["lines"] if line["agency"]}:
                    noticed.setdefault(agency, set()).add(child["person_key"])
    return {
        agency: Contribution(
            listed=len(listed.get(agency, {})),
            noticed=len(noticed.get(agency, ())),
            assessed=len(followed(listed[agency])) if agency in listed else 0,
        )
        for agency in sorted(listed.keys() | noticed.keys())
    }
