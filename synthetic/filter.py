"""The forward filter: what can be believed about hidden need from the true event history.

See `difficulty` for what it is for, and for what is exact and what is approximate about it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.attendance import school_weeks, unauthorised_table, week_chance
from synthetic.context import Context
from synthetic.history import open_weeks
from synthetic.latent import Floats, Hazards, Steps, boosted, child_steps, family_steps
from synthetic.parameters import Dynamics

HORIZON_WEEKS = 26
BLOCKED_WEEKS = 5
Ints = NDArray[np.int64]
Beliefs = NDArray[np.float32]


def found_hazards(dynamics: Dynamics, hazards: Hazards, holiday: bool, known: bool) -> Floats:
    """Weekly chance of a referral that finds need: [age, family level, child level]."""
    flag = np.array(known)
    refer_family = boosted(hazards.referral_family, flag, dynamics.known_boost)
    refer_child = boosted(hazards.referral_child, flag, dynamics.known_boost)
    keep = 1 - dynamics.nfa_share
    contact_family = np.array([k.contact for k in dynamics.kinds_family])
    contact_child = np.array([k.contact for k in dynamics.kinds_child])
    family = (hazards.family * contact_family[:, None] * refer_family).sum(axis=0) * keep
    table = hazards.child_holiday if holiday else hazards.child
    child = (table * contact_child[:, None, None, None] * refer_child[:, None]).sum(axis=0) * keep
    both = 1 - (1 - family[None, :, None]) * (1 - child)
    return both * _found(dynamics, hazards, flag)


def _found(dynamics: Dynamics, hazards: Hazards, known: NDArray[np.bool_]) -> Floats:
    """Chance that an assessed referral finds need, [..., family level, child level] with the shape of `known` in
    front.
    """
    return np.where(known, dynamics.known_found, 1.0)[..., None, None] * hazards.found


class Filter:
    """The forward filter; `belief_family` [type, level, family], `belief_child` [level, child]."""

    def __init__(self, context: Context, away: NDArray[np.bool_], onroll: NDArray[np.bool_]) -> None:
        self.c, self.d, self.h = context, context.parameters.laws, context.hazards
        self.away, self.onroll = away, onroll
        self.nf, self.nc = self.d.family_levels, self.d.child_levels
        pop, history = context.population, context.history
        self.first = np.searchsorted(pop.family_of, np.arange(pop.families))
        self.with_children = np.flatnonzero(np.bincount(pop.family_of, minlength=pop.families) > 0)
        shares = (1 - self.d.strained_share, self.d.strained_share)
        prior = np.array([share * law for share, law in zip(shares, self.h.family_laws, strict=True)], dtype=np.float32)
        self.family = np.repeat(prior[:, :, None], pop.families, axis=2)
        self.child = np.repeat(self.h.child_law.astype(np.float32)[:, None], pop.children, axis=1)
        self.chains = family_steps(self.d)
        self.chain_child = child_steps(self.d)
        self.quiet_family = (1 - self.h.family.sum(axis=0)).astype(np.float32)
        self.quiet_child = [(1 - t.sum(axis=0)).astype(np.float32) for t in (self.h.child, self.h.child_holiday)]
        self.absent = unauthorised_table(self.d, context.parameters.world != "no-signal")
        self.family_event = _by_week(history.family_event, context.parameters.weeks)
        self.child_event = _by_week(history.child_event, context.parameters.weeks)
        referral = history.referral.assign(week=(history.referral["day"] - history.start) // 7)
        self.referral = _by_week(referral[~referral["nfa"].astype(bool)], context.parameters.weeks)
        contact = history.contact
        seen = contact[contact["outcome"] != 3]
        self.decided = [
            np.unique(seen["event"].to_numpy()[seen["family_channel"].to_numpy().astype(bool) == side])
            for side in (True, False)
        ]
        self.helped_contact = [
            np.unique(
                seen["event"].to_numpy()[
                    (seen["family_channel"].to_numpy().astype(bool) == side) & (seen["outcome"] == 1).to_numpy()
                ]
            )
            for side in (True, False)
        ]
        weeks = school_weeks(context.low, context.high)
        self.school = {(monday - history.start) // 7: (len(days) / 5, breaking) for monday, days, breaking in weeks}
        self.open_days = open_weeks(history.start, context.parameters.weeks)

    def week(self, week: int) -> None:
        """Read one more week."""
        pop, history = self.c.population, self.c.history
        helped = history.help_family[week]
        for kind, chain in enumerate(self.chains):
            self.family[kind] = _moved(self.family[kind], chain, helped, self.d.help_down)
        self.child = _moved(self.child, self.chain_child, helped[pop.family_of], self.d.help_down)
        home = history.active_week[week] & ~history.care_week[week]
        who = np.flatnonzero(home)
        fam = pop.family_of[who]
        like_family = self._family_likelihood(week, np.unique(fam))
        like = self._child_likelihood(week, who, fam)
        message = np.ones((self.nf, pop.children), dtype=np.float32)
        for x in range(self.nf):
            total = np.zeros(len(who), dtype=np.float32)
            for y in range(self.nc):
                total += self.child[y, who] * like[x, y]
            message[x, who] = total
        product = np.ones((self.nf, pop.families), dtype=np.float32)
        product[:, self.with_children] = np.multiply.reduceat(message, self.first[self.with_children], axis=1)
        self.family *= (like_family * product)[None]
        norm = np.zeros(pop.families, dtype=np.float32)
        for kind in range(2):
            for x in range(self.nf):
                norm += self.family[kind, x]
        self.family /= np.maximum(norm, 1e-30)
        level = self.family[0] + self.family[1]
        rest = level[:, fam] / np.maximum(message[:, who], 1e-30)
        new = np.zeros((self.nc, len(who)), dtype=np.float32)
        for y in range(self.nc):
            for x in range(self.nf):
                new[y] += rest[x] * like[x, y]
            new[y] *= self.child[y, who]
        norm = np.zeros(len(who), dtype=np.float32)
        for y in range(self.nc):
            norm += new[y]
        self.child[:, who] = new / np.maximum(norm, 1e-30)

    def _family_likelihood(self, week: int, families: Ints) -> Beliefs:
        like = np.ones((self.nf, self.c.population.families), dtype=np.float32)
        like[:, families] = self.quiet_family[:, None]
        event = self.family_event[week]
        family, kind = event["family"].to_numpy(), event["kind"].to_numpy()
        part = self.h.family[kind]
        known = self.c.history.known_family[week, family][:, None]
        share = self._decision(
            event, boosted(self.h.referral_family[kind], known, self.d.known_boost), self.h.early_help[None], 0
        )
        like[:, family] = (part * share).T
        return like

    def _child_likelihood(self, week: int, who: Ints, fam: Ints) -> Beliefs:
        """[family level, child level, child in who]: of the week's events, absence, and referral outcomes."""
        pop = self.c.population
        day = self.c.history.start + 7 * week
        age = np.clip((day - pop.birth[who]) * 100 // 36525, 0, 17)
        holiday = 0 if self.open_days[week] > 0 else 1
        quiet = self.quiet_child[holiday]
        share, breaking = self.school.get(week, (0.0, False))
        secondary = (age >= 11).astype(np.int64)
        flag = self.away[week, who]
        status = np.where(self.onroll[week, who], 1 + secondary * 2 + flag, 0)
        chance = week_chance(self.absent, share, breaking)
        factor = [np.ones_like(chance[0])] + [f for s in range(2) for f in (1 - chance[s], chance[s])]
        like = np.empty((self.nf, self.nc, len(who)), dtype=np.float32)
        code = status * 18 + age
        for x in range(self.nf):
            for y in range(self.nc):
                cell = np.array([quiet[:, x, y] * f[x, y] for f in factor], dtype=np.float32).ravel()
                like[x, y] = cell[code]
        history = self.c.history
        place = np.full(pop.children, -1, dtype=np.int64)
        place[who] = np.arange(len(who))
        event = self.child_event[week]
        event = event[place[event["child"].to_numpy()] >= 0]
        child, kind = event["child"].to_numpy(), event["kind"].to_numpy()
        ages = np.clip((day - pop.birth[child]) * 100 // 36525, 0, 17)
        table = self.h.child_holiday if holiday else self.h.child
        part = table[kind, ages]
        known = self.c.history.known_family[week, pop.family_of[child]][:, None, None]
        decision = self._decision(
            event, boosted(self.h.referral_child[kind], known, self.d.known_boost), self.h.early_help[None, :, None], 1
        )
        ratio = part * decision / np.maximum(quiet[ages], 1e-9)
        like[:, :, place[child]] *= np.moveaxis(ratio, 0, -1).astype(np.float32)
        referral = self.referral[week]
        referral = referral[place[referral["child"].to_numpy()] >= 0]
        found = referral["found"].to_numpy().astype(bool)
        likely = _found(self.d, self.h, history.known_family[week, pop.family_of[referral["child"].to_numpy()]])
        outcome = np.where(found[:, None, None], likely, 1 - likely)
        like[:, :, place[referral["child"].to_numpy()]] *= np.moveaxis(outcome, 0, -1).astype(np.float32)
        return like

    def _decision(self, event: pd.DataFrame, refer: Floats, early: Floats, side: int) -> Floats:
        """Likelihood of what the front door made of each contact, by level (one where there was none or the case
        was open).
        """
        rows = event["row"].to_numpy()
        known = np.isin(rows, self.decided[side])
        helped = np.isin(rows, self.helped_contact[side])
        shape = (len(event),) + (1,) * (refer.ndim - 1)
        referred = event["referral"].to_numpy().astype(bool)
        other = (1 - refer) * np.where(helped.reshape(shape), early, 1 - early)
        return np.where(
            (known & referred).reshape(shape), refer, np.where((known & ~referred).reshape(shape), other, 1.0)
        )


def _by_week(event: pd.DataFrame, weeks: int) -> list[pd.DataFrame]:
    event = event.assign(row=event.index.to_numpy()).sort_values("week", kind="stable")
    edges = np.searchsorted(event["week"].to_numpy(), np.arange(weeks + 1))
    return [event.iloc[edges[i] : edges[i + 1]] for i in range(weeks)]


def _moved(belief: Beliefs, chain: Steps, helped: NDArray[np.bool_], help_down: float) -> Beliefs:
    """One step of a chain on beliefs [level, n]."""
    top = len(chain.up) - 1
    out = np.zeros_like(belief)
    faster = np.where(helped, np.float32(help_down), np.float32(1.0))
    for i in range(top + 1):
        down = np.float32(chain.down[i]) * faster
        up, shock = np.float32(chain.up[i]), np.float32(chain.shock[i])
        out[max(i - 1, 0)] += belief[i] * down
        out[min(i + 1, top)] += belief[i] * up
        out[min(i + chain.size, top)] += belief[i] * shock
        out[i] += belief[i] * (1 - up - shock - down)
    return out


def future_chance(
    context: Context, week: int, tables: list[tuple[Floats, Floats]], known_weeks: int, open_days: Ints
) -> Floats:
    """Chance of need found in the 26 weeks after `week`: [age, type, family level, child level].

    `tables` are the weekly chances (term, holiday) of an unknown and of a known family; the family stays known
    `known_weeks` more. A referral that finds no need keeps the child out of reach while it is assessed (five weeks).
    """
    d = context.parameters.laws
    families = [chain.matrix() for chain in family_steps(d)]
    child = child_steps(d).matrix()
    safe = np.ones((18, 2, d.family_levels, d.child_levels))
    later = [safe] * BLOCKED_WEEKS
    found = [_found(d, context.hazards, np.array(known)) for known in (False, True)]
    for ahead in range(week + HORIZON_WEEKS, week, -1):
        known = 1 if ahead - week <= known_weeks else 0
        table = tables[known][0 if open_days[ahead] > 0 else 1]
        blocked = table * ((1 - found[known]) / found[known])
        safe = safe * (1 - table - blocked)[:, None] + later[0] * blocked[:, None]
        later = [*later[1:], safe]
        moved = np.zeros_like(safe)
        for y in range(d.child_levels):
            moved += child[:, y][None, None, None, :] * safe[..., y : y + 1]
        safe = np.zeros_like(moved)
        for kind in range(2):
            for x in range(d.family_levels):
                safe[:, kind] += families[kind][:, x][None, :, None] * moved[:, kind, x : x + 1]
    return 1 - safe
