"""Thirty nights of linkage: whose person changes although nothing was sent about them; is the past still told right?

People come from `benchmarks.people_at_size`. Every night some records are new, some change (moved, renamed, a date or a
number put right or wrong), some are deleted, and now and then somebody decides that two persons are one, or that two
records are not. The simulation keeps its own log of who each record was after each night, and of everything it touched:

    churn     records that nobody touched whose person id is another one than the night before; by what happened to the
              two persons, and by what that night brought for one of them. It is told in two readings of *untouched*:
              ``itself``, whose own content did not change; and ``and_its_person``, none of whose person's records, as
              that person was the night before or is now, is new, changed, deleted or decided about that night. The bar
              is held against the first, which is the harder one
    history   "who was this record on that date", asked of the ledger as it stands after the last night, for every
              record and night, against the log
    by name   the same churn if a person were called by its least record, as clusters are called without a ledger

Example: python -m benchmarks.linkage_churn --records 60000 --nights 30
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from benchmarks.linkage_million import CANONICAL
from benchmarks.linkage_scores import score
from benchmarks.machine import machine
from benchmarks.people_at_size import People, make_people
from synthetic.randomness import stream

RESULTS = Path(__file__).parent / "results"
MIGRATIONS = Path(__file__).parent.parent / "governance" / "migrations" / "identity"
FIRST_NIGHT = datetime(2026, 10, 5, 1)
BAR = 0.0002
LATE_SHARE, CHANGED_SHARE, DELETED_SHARE = 0.09, 0.002, 0.0005
DECIDED_ON = {5: "must_link", 9: "cannot_link", 14: "must_link", 20: "cannot_link"}
CAUSES = (
    "merge", "split", "move", "by_decision", "by_new_record", "by_changed_record", "by_deleted_record", "by_nothing",
    "back_to_an_earlier_person",
)  # fmt: skip
"""The person merged into another, with a redirect; it was parted; the record moved between two persons who both go on.
Then by the first of what that night brought for either person: somebody decided about one of its records; it gained,
holds or lost a record that is new, changed or deleted; nothing. Of all: how many were that person before."""
_KINDS = {
    "decided": "by_decision", "new": "by_new_record", "changed": "by_changed_record", "deleted": "by_deleted_record",
}  # fmt: skip
OPEN = "timestamp '9999-12-31'"


class Town:
    """Records in a database in memory, night by night, and the simulation's own log.

    A record is known by its row number in ``people.records``; ``log[night]`` is the person id of each, None if it has
    none that night.
    """

    def __init__(self, people: People, nights: int, seed: int) -> None:
        import duckdb

        self.people, self.rng = people, stream(seed, "churn")
        self.con = duckdb.connect(config={"threads": 2})
        self.con.execute(CANONICAL)
        for migration in sorted(MIGRATIONS.glob("*.sql")):
            self.con.execute(migration.read_text("utf-8"))
        rows = people.records
        self.sent_on = np.zeros(len(rows), dtype="int64")
        late = self.rng.random(len(rows)) < LATE_SHARE
        self.sent_on[late] = self.rng.integers(1, nights + 1, int(late.sum()))
        self.gone = np.zeros(len(rows), dtype=bool)
        self.keys = self._keys(rows["source_key"])
        self.row_of = {key: n for n, key in enumerate(self.keys)}
        self.current = rows.drop(columns="known_from").assign(record_key=self.keys)
        self.log: list[np.ndarray] = []
        self._send(np.flatnonzero(self.sent_on == 0), rows["known_from"].to_numpy())

    def _keys(self, source_key: pd.Series) -> list[str]:
        self.con.register("named", pd.DataFrame({"source_key": source_key}))
        return [key for (key,) in self.con.sql("select md5(source_key)::uuid::varchar from named").fetchall()]

    def _send(self, rows: np.ndarray, known_from: Any) -> None:
        since = known_from[rows] if isinstance(known_from, np.ndarray) else known_from
        self.con.register("sent", self.current.iloc[rows].assign(known_from=since))
        self.con.execute(f"insert into canonical.person_record by name select *, {OPEN} as known_to from sent")

    def _close(self, rows: np.ndarray, at: datetime) -> None:
        self.con.register("closing", pd.DataFrame({"record_key": [self.keys[n] for n in rows]}))
        self.con.execute(
            f"update canonical.person_record set known_to = $at where known_to = {OPEN} and record_key in "
            "(select record_key::uuid from closing)",
            {"at": at},
        )

    def day(self, night: int) -> np.ndarray:
        """What is sent before a night; by record what became of it (one of ``_KINDS``, "" for nothing)."""
        at = FIRST_NIGHT + timedelta(days=night, hours=-8)
        became = np.where(self.sent_on == night, "new", "").astype(object)
        self._send(np.flatnonzero(self.sent_on == night), at)
        here = np.flatnonzero((self.sent_on < night) & ~self.gone)
        draw = self.rng.random(len(here))
        deleted = here[draw < DELETED_SHARE]
        changed = here[(draw >= DELETED_SHARE) & (draw < DELETED_SHARE + CHANGED_SHARE)]
        self._close(np.concatenate([deleted, changed]), at)
        self.gone[deleted] = True
        self._change(changed)
        self._send(changed, at)
        became[deleted], became[changed] = "deleted", "changed"
        return became

    def _change(self, rows: np.ndarray) -> None:
        """Another record's value in one column: a home, a surname, a date, or a number (which may join or part)."""
        others = self.rng.integers(0, len(self.current), len(rows))
        # A number is as often put right (the same person's) as taken from somebody else.
        same = np.maximum(rows - 1, 0)
        right = self.rng.random(len(rows)) < 0.7
        for kind, columns in enumerate((["postcode", "uprn"], ["surname"], ["birth_date"], ["nhs_number"])):
            mine = self.rng.integers(0, 4, len(rows)) == kind
            source = np.where(right, same, others)[mine] if kind > 1 else others[mine]
            for column in columns:
                place = self.current.columns.get_loc(column)
                self.current.iloc[rows[mine], place] = self.current.iloc[source, place].to_numpy()

    def decide(self, night: int) -> np.ndarray:
        """A decision of somebody before this night, if there is one; returns the rows it names."""
        kind = DECIDED_ON.get(night)
        pair = self._pair(kind) if kind else None
        if pair is None:
            return np.zeros(0, dtype="int64")
        at = FIRST_NIGHT + timedelta(days=night, hours=-6)
        self.con.execute(
            "insert into linkage.clerical_decision (decision_id, record_key_l, record_key_r, decision, decided_by, "
            "decided_at, reason) values ($id, $l, $r, $kind, 'benchmark', $at, 'simulated')",
            {"id": f"D{night}", "l": self.keys[pair[0]], "r": self.keys[pair[1]], "kind": kind, "at": at},
        )
        return np.array(pair)

    def _pair(self, kind: str) -> tuple[int, int] | None:
        """Two records for a decision: of one true person in two persons, or of two records in one person."""
        here = np.flatnonzero([one is not None for one in self.log[-1]])
        rows = pd.DataFrame({"row": here, "person": self.log[-1][here], "truth": self.people.person[here]})
        if kind == "must_link":
            first = rows.drop_duplicates(["truth", "person"])
            split = first[first.duplicated("truth", keep=False)].sort_values(["truth", "row"])
            return tuple(split["row"].iloc[:2].tolist()) if len(split) > 1 else None
        pairs = rows[rows.groupby("person")["row"].transform("size") == 4].sort_values(["person", "row"])
        return tuple(pairs["row"].iloc[:2].tolist()) if len(pairs) > 1 else None

    def remember(self) -> np.ndarray:
        """Log who each record is now."""
        rows = self.con.sql(
            f"select record_key::varchar, person_id from linkage.person_assignment where known_to = {OPEN}"
        ).fetchall()
        out = np.full(len(self.keys), None, dtype=object)
        for key, person in rows:
            out[self.row_of[key]] = person
        # A deleted record has nobody it is; what the ledger still holds of it is the past.
        out[self.gone] = None
        self.log.append(out)
        return out

    def asked(self) -> dict[str, int]:
        """Ask the ledger who each record was at noon after each night; how many answers differ from the log."""
        wrong = total = 0
        for night, logged in enumerate(self.log):
            noon = FIRST_NIGHT + timedelta(days=night, hours=11)
            answers = self.con.execute(
                "select record_key::varchar, person_id from linkage.person_assignment "
                "where known_from <= $noon and known_to > $noon",
                {"noon": noon},
            ).fetchall()
            told = np.full(len(self.keys), None, dtype=object)
            for key, person in answers:
                wrong += told[self.row_of[key]] is not None
                told[self.row_of[key]] = person
            known = np.array([one is not None for one in logged])
            total += int(known.sum())
            wrong += int((told[known] != logged[known]).sum())
        return {"asked": total, "wrong": int(wrong)}


def _persons_of(rows: np.ndarray, log: list[np.ndarray]) -> set[str]:
    """Who these records were the night before, and are now."""
    return {person for night in log[-2:] for person in night[rows] if person is not None}


def _causes(moved: np.ndarray, log: list[np.ndarray], became: np.ndarray, events: pd.DataFrame) -> Counter[str]:
    """Of untouched records whose person changed tonight: how many by what (``CAUSES``)."""
    before, now = log[-2], log[-1]
    told = set(events[["person_id", "event", "other_person_id"]].itertuples(index=False, name=None))
    brought = {kind: _persons_of(became == kind, log) for kind in _KINDS}
    out: Counter[str] = Counter()
    for row in moved.tolist():
        merged = (before[row], "merged", now[row]) in told
        parted = (now[row], "split", before[row]) in told or (now[row], "reinstated", None) in told
        out["merge" if merged else "split" if parted else "move"] += 1
        either = {before[row], now[row]}
        out[next((_KINDS[kind] for kind in _KINDS if either & brought[kind]), "by_nothing")] += 1
        out["back_to_an_earlier_person"] += any(night[row] == now[row] for night in log[:-2])
    return out


def least_name(person: np.ndarray) -> np.ndarray:
    """Persons called by their first record, -1 where there is none."""
    code = pd.factorize(person)[0]
    first = np.full(code.max(initial=-1) + 2, -1)
    known = np.flatnonzero(code >= 0)[::-1]
    first[code[known]] = known
    return first[code]


def run(records: int, nights: int, seed: int, console: Console) -> dict[str, Any]:
    """The whole simulation."""
    from governance.order import order_hash_with
    from models.linkage import LinkageSettings, link, write

    people = make_people(records, seed)
    town = Town(people, nights, seed)
    model, settings = _model(town.con), LinkageSettings()
    events: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    by_night: list[dict[str, float]] = []
    always = np.ones(len(town.keys), dtype=bool)
    started = time.monotonic()
    for night in track(range(nights + 1), "nights", console=console):
        became = town.day(night) if night else np.full(len(town.keys), "new", dtype=object)
        if night:
            became[town.decide(night)] = "decided"
        touched = became != ""
        result = link(
            town.con,
            model=model,
            settings=settings,
            now=FIRST_NIGHT + timedelta(days=night),
            run_id=f"night {night}",
            order_hash=order_hash_with(b"benchmark"),
            areas={},
        )
        write(town.con, result)
        town.con.execute(
            "insert into linkage.night values (?, ?, 'benchmark', false, '', 0)",
            [FIRST_NIGHT + timedelta(days=night), f"night {night}"],
        )
        now = town.remember()
        if night == 0:
            continue
        before = town.log[-2]
        events.update(result.events["event"].value_counts().to_dict())
        here = np.array([a is not None and b is not None for a, b in zip(before, now, strict=True)]) & ~touched
        moved = np.flatnonzero(here & (before != now))
        changed = len(moved)
        causes.update(_causes(moved, town.log, became, result.events))
        alike = _persons_of(touched, town.log)
        apart = here & ~np.isin(before.astype(str), list(alike)) & ~np.isin(now.astype(str), list(alike))
        renamed = int((least_name(before)[here] != least_name(now)[here]).sum())
        always &= ~touched & here
        by_night.append(
            {"untouched": int(here.sum()), "changed": changed, "share": changed / int(here.sum()),
             "untouched_and_its_person": int(apart.sum()),
             "changed_though_its_person": int((before != now)[apart].sum()),
             "changed_if_named_by_least_record": renamed, "new_changed_deleted": int(touched.sum())}
        )  # fmt: skip
    return _report(town, by_night, events, causes, always, records, seed, time.monotonic() - started)


def _model(con: Any) -> Any:
    """A model trained on the first night's records."""
    from models.linkage import LinkageModel, LinkageSettings, duck
    from models.linkage.edges import quarantine_shared
    from models.linkage.nodes import contract, node_frame
    from models.linkage.standardise import standardise
    from models.linkage.train import train

    settings = LinkageSettings()
    known, _ = standardise(duck.read_records(con, FIRST_NIGHT, "canonical", "linkage"), settings)
    node = contract(known, np.zeros(len(known), dtype=bool))
    return LinkageModel.from_files(train(quarantine_shared(node_frame(known, node), settings)[0], settings))


def _report(
    town: Town,
    by_night: list[dict[str, float]],
    events: Counter[str],
    causes: Counter[str],
    always: np.ndarray,
    records: int,
    seed: int,
    seconds: float,
) -> dict[str, Any]:
    untouched, changed = (sum(int(one[name]) for one in by_night) for name in ("untouched", "changed"))
    renamed = sum(int(one["changed_if_named_by_least_record"]) for one in by_night)
    first, last = town.log[0][always], town.log[-1][always]
    here = np.array([one is not None for one in town.log[-1]])
    share = changed / max(untouched, 1)
    worst = max(one["share"] for one in by_night)
    history = town.asked()
    return {
        "records": records,
        "nights": len(by_night),
        "seed": seed,
        "seconds_per_night": round(seconds / (len(by_night) + 1), 2),
        "load_average": round(os.getloadavg()[0], 2),
        "churn": {
            "untouched_record_nights": untouched,
            "changed": changed,
            "share": round(share, 8),
            "worst_night_share": round(worst, 8),
            "and_its_person": {
                "untouched_record_nights": sum(int(one["untouched_and_its_person"]) for one in by_night),
                "changed": sum(int(one["changed_though_its_person"]) for one in by_night),
            },
            "untouched_throughout": int(always.sum()),
            "of_those_another_person_at_the_end": int((first != last).sum()),
            "share_if_named_by_least_record": round(renamed / max(untouched, 1), 8),
        },
        "changed_how": {name: causes.get(name, 0) for name in CAUSES},
        "events": dict(sorted(events.items())),
        "decisions": len(DECIDED_ON.keys() & set(range(1, len(by_night) + 1))),
        "history": history,
        "accuracy_of_the_last_night": score(pd.factorize(town.log[-1][here])[0], town.people.person[here]).as_dict(),
        "by_night": [{**one, "share": round(one["share"], 8)} for one in by_night],
        "bars_met": {"share": share < BAR, "every_night": worst < BAR, "history": history["wrong"] == 0},
    }


def main() -> None:
    """Simulate, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    console = Console(stderr=True)
    one = run(arguments.records, arguments.nights, arguments.seed, console)
    churn = one["churn"]
    console.print(
        f"{churn['changed']} of {churn['untouched_record_nights']:,} untouched records changed person in "
        f"{one['nights']} nights: {churn['share']:.5%} (bar: under {BAR:.2%}; by least record "
        f"{churn['share_if_named_by_least_record']:.5%}); {one['history']['wrong']} of {one['history']['asked']:,} "
        "answers about the past were wrong"
    )
    RESULTS.mkdir(exist_ok=True)
    measured_at = datetime.now(UTC)
    one = {"measured_at": measured_at.isoformat(timespec="seconds"), "machine": machine(), **one}
    target = RESULTS / f"linkage_churn_{measured_at:%Y%m%d}.json"
    target.write_text(json.dumps(one, indent=1), encoding="utf-8")
    print(json.dumps(one, indent=1))
    console.print(f"kept in {target.name}")


if __name__ == "__main__":
    main()
