"""The weekly loop: need moves, events arise, the front door decides, help begins.

Each week every family and every child draws at most one event of its own channel (see `latent.Hazards`), so the
history is exactly the kind of history the filter in `difficulty` knows how to read. Everything that has no bearing on
what follows (times of day, officers' grades, school marks ...) is added afterwards by the modules of each agency.

Worked example: family 12 at level 4 draws a domestic-abuse incident on Tuesday; it leads to a contact (chance 0.62)
for both children at home; the screener refers (chance grows with need); the elder child's assessment finds need, the
younger's does not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from synthetic.history import PATH_CIN, PATH_CLA, PATH_CP, PATH_NONE, History, Rows, open_weeks
from synthetic.latent import Hazards, boosted, child_steps, family_steps
from synthetic.parameters import AREA_TEAMS, WorldParameters
from synthetic.population import Population
from synthetic.randomness import lognormal_days, stream

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Simulation:
    """State of the running world. Use `simulate`."""

    def __init__(self, parameters: WorldParameters, population: Population, hazards: Hazards, area: Ints) -> None:
        self.p, self.d, self.pop, self.h = parameters, parameters.laws, population, hazards
        # Need and harm have a stream of their own, read in the same amounts every week: what is seen of a
        # family, and by
        # whom, cannot shift them.
        self.need = stream(parameters.seed, "need")
        self.rng = stream(parameters.seed, "simulation")
        self.start = int(np.datetime64(parameters.start, "D").astype(np.int64))
        self.first = np.searchsorted(population.family_of, np.arange(population.families))
        self.count = np.bincount(population.family_of, minlength=population.families)
        seen = np.array(parameters.observation.area)[area] * np.array(parameters.observation.group)[population.group]
        self.most = float(seen.max())
        self.seen = seen / self.most
        self.family_kinds, self.child_kinds = self.d.kinds_family, self.d.kinds_child
        self.observed_family = np.array([k.observed for k in self.family_kinds])
        self.observed_child = np.array([k.observed for k in self.child_kinds])
        self.cum_family = self._cumulative(hazards.family, self.observed_family)
        self.cum_child = tuple(
            self._cumulative(t.reshape(len(self.child_kinds), -1), self.observed_child)
            for t in (hazards.child, hazards.child_holiday)
        )
        self.contact_family = np.array([k.contact for k in self.family_kinds])
        self.contact_child = np.array([k.contact for k in self.child_kinds])
        settled, strained = family_steps(self.d)
        self.chains = ((~population.strained, settled), (population.strained, strained))
        self.chain_child = child_steps(self.d)
        self.x = np.zeros(population.families, dtype=np.int8)
        for which, law in zip((~population.strained, population.strained), hazards.family_laws, strict=True):
            self.x[which] = np.searchsorted(np.cumsum(law)[:-1], self.need.random(int(which.sum())), side="right")
        self.y = np.searchsorted(
            np.cumsum(hazards.child_law)[:-1], self.need.random(population.children), side="right"
        ).astype(np.int8)
        self.early_until = np.zeros(population.families, dtype=np.int64)
        self.known = np.zeros(population.families, dtype=bool)
        self.open_until = np.zeros(population.children, dtype=np.int64)
        self.care_until = np.zeros(population.children, dtype=np.int64)
        self.family_event = Rows("week", "family", "kind", "day", "contact", "referral")
        self.child_event = Rows("week", "child", "kind", "day", "contact", "referral")
        self.contact = Rows("child", "day", "family_channel", "kind", "event", "outcome", "referral")
        self.referral = Rows(
            "child",
            "day",
            "family_channel",
            "kind",
            "nfa",
            "found",
            "path",
            "family_level",
            "child_level",
            "assessment_days",
            "plan_days",
            "close_day",
        )
        self.early_help = Rows("family", "day", "end_day", "reason")
        self.care = Rows("child", "day", "end_day")

    def _cumulative(self, table: NDArray[np.float64], observed: Bools) -> NDArray[np.float64]:
        """Cumulative chances by kind; observed kinds are drawn at the highest intensity and thinned afterwards."""
        return np.cumsum(np.where(observed[:, None], table * self.most, table), axis=0)

    def initial_care(self, day: int) -> None:
        """Children already in care on day one: 67 per 10,000, more often from families in need."""
        pop = self.pop
        present = np.flatnonzero((pop.child_from <= day) & (pop.child_to > day) & ~pop.to_be_adopted)
        weight = (self.x[pop.family_of[present]] + self.y[present] + 0.3) ** 2
        key = self.rng.random(len(present)) * weight
        chosen = np.sort(present[np.argsort(-key, kind="stable")[: round(len(present) * 67 / 10_000)]])
        # Care spells have a long tail: what remains of them on a given day is as long as a whole one.
        end = day + 30 + (self.rng.standard_exponential(len(chosen)) * self.d.cla_days).astype(np.int64)
        before = day - (self.rng.standard_exponential(len(chosen)) * self.d.cla_days * 0.8).astype(np.int64)
        end = np.minimum(end, pop.child_to[chosen])
        self.care.add(chosen, np.maximum(before, pop.birth[chosen] + 2), end)
        self.open_until[chosen] = end
        self.care_until[chosen] = end

    def week(self, week: int, school: bool) -> tuple[Bools, Bools, Bools, Bools, Bools, Bools]:
        """One week; returns (active, open or just closed, early help open) by child as on its Sunday, and (helped
        family, in
        care, known family) as at its start."""
        pop, day = self.pop, self.start + 7 * week
        active = (pop.child_from <= day) & (pop.child_to > day + 6)
        adopt = np.flatnonzero(pop.to_be_adopted & active & (pop.child_to - 500 <= day) & (self.care_until <= day))
        if len(adopt):
            self.care.add(adopt, np.full(len(adopt), day + 2), pop.child_to[adopt])
            self.open_until[adopt] = self.care_until[adopt] = pop.child_to[adopt]
        case_open = active & (self.open_until > day)
        helped = self.early_until > day
        helped[pop.family_of[case_open]] = True
        draw = self.need.random(pop.families)
        for which, chain in self.chains:
            self.x[which] = chain.move(self.x[which], draw[which], helped[which], self.d.help_down)
        self.y = self.chain_child.move(self.y, self.need.random(pop.children), helped[pop.family_of], self.d.help_down)
        in_care = self.care_until > day
        self.known = np.zeros(pop.families, dtype=bool)
        self.known[pop.family_of[(self.open_until <= day) & (self.open_until > day - 365)]] = True
        self._family_events(week, day, active, in_care)
        self._child_events(week, day, active, in_care, school)
        sunday = day + 6
        closed = self.open_until + 28 > sunday
        return active, active & closed, active & (self.early_until > sunday)[pop.family_of], helped, in_care, self.known

    def _family_events(self, week: int, day: int, active: Bools, in_care: Bools) -> None:
        pop, rng = self.pop, self.rng
        home = np.zeros(pop.families, dtype=bool)
        home[pop.family_of[active & ~in_care]] = True
        draw = self.need.random(pop.families)
        hit = np.flatnonzero(home & (draw < self.cum_family[-1][self.x]))
        kind = (self.cum_family[:, self.x[hit]] <= draw[hit]).sum(axis=0)
        hit, kind = self._thin(hit, kind, self.seen[hit], self.observed_family)
        n = len(hit)
        when = day + (rng.random(n) * 7).astype(np.int64)
        x = self.x[hit]
        is_help = np.array([k.name == "early_help" for k in self.family_kinds])[kind]
        contact = rng.random(n) < self.contact_family[kind]
        refer = contact & (
            rng.random(n) < boosted(self.h.referral_family[kind, x], self.known[hit], self.d.known_boost)
        )
        early = contact & ~refer & (rng.random(n) < self.h.early_help[x])
        nfa = rng.random(n) < self.d.nfa_share
        rows = self.family_event.add(np.full(n, week), hit, kind, when, contact, refer)
        self._start_help(hit[is_help], when[is_help], 0)
        self._start_help(hit[early], when[early], 1)
        # One contact per child at home; children about to be born are included when the family is referred.
        into = np.repeat(np.arange(n), self.count[hit] * contact)
        child = _expand(self.first[hit], self.count[hit] * contact)
        unborn = (
            (pop.child_from[child] == pop.birth[child])
            & (pop.birth[child] > day + 6)
            & refer[into]
            & (pop.birth[child] <= day + 7 * self.d.unborn_weeks)
            & (x[into] >= 2)
        )
        keep = (active[child] & ~in_care[child]) | unborn
        self._front_door(
            child[keep],
            when[into[keep]],
            True,
            kind[into[keep]],
            rows[into[keep]],
            refer[into[keep]],
            early[into[keep]],
            nfa[into[keep]],
            day,
        )

    def _child_events(self, week: int, day: int, active: Bools, in_care: Bools, school: bool) -> None:
        pop, rng = self.pop, self.rng
        nc = self.d.child_levels
        age = np.clip((day - pop.birth) * 100 // 36525, 0, 17)
        level = np.where(in_care, np.minimum(self.x[pop.family_of], 1), self.x[pop.family_of]).astype(np.int64)
        cell = age * (self.d.family_levels * nc) + level * nc + self.y
        table = self.cum_child[0 if school else 1]
        draw = self.need.random(pop.children)
        hit = np.flatnonzero(active & (draw < table[-1][cell]))
        kind = (table[:, cell[hit]] <= draw[hit]).sum(axis=0)
        hit, kind = self._thin(hit, kind, self.seen[pop.family_of[hit]], self.observed_child)
        n = len(hit)
        school_kind = np.array([k.school for k in self.child_kinds])[kind]
        when = day + (rng.random(n) * np.where(school_kind, 5, 7)).astype(np.int64)
        contact = rng.random(n) < self.contact_child[kind]
        fam = pop.family_of[hit]
        share = boosted(self.h.referral_child[kind, self.x[fam], self.y[hit]], self.known[fam], self.d.known_boost)
        refer = contact & (rng.random(n) < share)
        early = contact & ~refer & (rng.random(n) < self.h.early_help[self.x[fam]])
        nfa = rng.random(n) < self.d.nfa_share
        rows = self.child_event.add(np.full(n, week), hit, kind, when, contact, refer)
        self._start_help(pop.family_of[hit[early]], when[early], 1)
        self._front_door(
            hit[contact],
            when[contact],
            False,
            kind[contact],
            rows[contact],
            refer[contact],
            early[contact],
            nfa[contact],
            day,
        )

    def _thin(self, hit: Ints, kind: Ints, seen: NDArray[np.float64], observed: Bools) -> tuple[Ints, Ints]:
        keep = ~observed[kind] | (self.rng.random(len(hit)) < seen)
        return hit[keep], kind[keep]

    def _start_help(self, family: Ints, day: Ints, reason: int) -> None:
        """Open early help where none is open (one family may be hit twice in a week: the first counts)."""
        if not len(family):
            return
        family, where = np.unique(family, return_index=True)
        day = day[where]
        fresh = self.early_until[family] <= day
        family, day = family[fresh], day[fresh] + 5
        end = day + lognormal_days(self.rng, len(family), self.d.early_help_days, 0.6)
        self.early_help.add(family, day, end, np.full(len(family), reason))
        self.early_until[family] = end

    def _front_door(
        self,
        child: Ints,
        when: Ints,
        family_channel: bool,
        kind: Ints,
        event: Ints,
        refer: Bools,
        early: Bools,
        nfa: Bools,
        day: int,
    ) -> None:
        if not len(child):
            return
        rng, pop = self.rng, self.pop
        contact_day = np.minimum(when + (rng.random(len(child)) * 2).astype(np.int64), day + 6)
        was_open = self.open_until[child] > contact_day
        refer = refer & ~was_open
        # Two family events in one week: only the first referral of a child opens a case.
        order = np.flatnonzero(refer)
        _, once = np.unique(child[order], return_index=True)
        refer = np.zeros(len(child), dtype=bool)
        refer[order[once]] = True
        outcome = np.where(was_open, 3, np.where(refer, 2, np.where(early, 1, 0)))
        link = np.full(len(child), -1, dtype=np.int64)
        who, x, y = child[refer], self.x[pop.family_of[child[refer]]], self.y[child[refer]]
        m = len(who)
        again = np.where(self.known[pop.family_of[who]], self.d.known_found, 1.0)
        found = ~nfa[refer] & (rng.random(m) < self.h.found[x, y] * again)
        assess = np.clip(lognormal_days(rng, m, self.d.assessment_days, 0.42), 8, 63)
        # Higher need leads more often to protection or care; the share is right on average, the person
        # deciding is not exact.
        tilt = (x.astype(np.int64) + y) / 5.0
        turn = rng.random(m)
        care_cut = self.d.cla_share * tilt
        path = np.where(
            turn < care_cut, PATH_CLA, np.where(turn < care_cut + self.d.cp_share * tilt, PATH_CP, PATH_CIN)
        )
        path = np.where(found, path, PATH_NONE)
        cin = lognormal_days(rng, m, self.d.cin_days, 1.6)
        protect = lognormal_days(rng, m, self.d.cp_days, 0.5) + 110
        care = 40 + (rng.standard_exponential(m) * self.d.cla_days).astype(np.int64)
        plan = np.where(path == PATH_CLA, care, np.where(path == PATH_CP, protect, np.where(path == PATH_CIN, cin, 0)))
        opened = contact_day[refer]
        close = np.where(nfa[refer], opened + 2, opened + assess + plan)
        close = np.minimum(close, np.maximum(pop.child_to[who], opened + 2))
        link[refer] = self.referral.add(
            who, opened, np.full(m, family_channel), kind[refer], nfa[refer], found, path, x, y, assess, plan, close
        )
        self.contact.add(child, contact_day, np.full(len(child), family_channel), kind, event, outcome, link)
        self.open_until[who] = close
        self.care_until[who] = np.where(path == PATH_CLA, close, self.care_until[who])
        self._start_help_after(who, opened + assess, found | nfa[refer])

    def _start_help_after(self, who: Ints, day: Ints, not_wanted: Bools) -> None:
        """Some assessments without need lead to early help; it is booked now and starts after the assessment."""
        step = ~not_wanted & (self.rng.random(len(who)) < self.d.early_help_from_no_need)
        self._start_help(self.pop.family_of[who[step]], day[step], 2)


def _expand(first: Ints, count: Ints) -> Ints:
    """Concatenated ranges first[i] .. first[i] + count[i] - 1."""
    total = int(count.sum())
    offset = np.repeat(np.cumsum(count) - count, count)
    return np.repeat(first, count) + np.arange(total) - offset


def simulate(
    parameters: WorldParameters,
    population: Population,
    hazards: Hazards,
    area: Ints,
    progress: Callable[[str, float], None] | None = None,
) -> History:
    """Run every week of burn-in, seen history and future. `area` is the index of each family's home team."""
    if len(area) != population.families or (len(area) and int(area.max()) >= len(AREA_TEAMS)):
        raise ValueError("area must give one team index per family")
    sim = Simulation(parameters, population, hazards, area)
    weeks = parameters.weeks
    days_open = open_weeks(sim.start, weeks)
    sim.initial_care(sim.start)
    family_level = np.zeros((weeks, population.families), dtype=np.int8)
    child_level = np.zeros((weeks, population.children), dtype=np.int8)
    states = [
        np.zeros((weeks, population.families if i in (3, 5) else population.children), dtype=bool) for i in range(6)
    ]
    for week in range(weeks):
        now = sim.week(week, bool(days_open[week] > 0))
        family_level[week], child_level[week] = sim.x, sim.y
        for kept, value in zip(states, now, strict=True):
            kept[week] = value
        if progress and week % 20 == 0:
            progress("weeks", week / weeks)
    return History(
        sim.start,
        family_level,
        child_level,
        sim.family_event.frame(),
        sim.child_event.frame(),
        sim.contact.frame(),
        sim.referral.frame(),
        sim.early_help.frame(),
        sim.care.frame(),
        states[1],
        states[2],
        states[0],
        states[3],
        states[4],
        states[5],
    )
