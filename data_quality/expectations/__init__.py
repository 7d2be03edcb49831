"""Expectations of every batch, generated from its contract, and what they said of it.

| module | idea |
|---|---|
| `suite` | which expectations a contract yields |
| `identifiers`, `rows`, `spells`, `groups` | expectations of our own, subclasses of Great Expectations' |
| `validate` | a suite over a frame |
| `metrics`, `lookup` | how they judge rows, and frames of other feeds they look into |
| `observer` | what the gate asks of every batch |
| `standing` | rules that need every current row, and records of other feeds |
| `volume`, `usual_groups` | how many rows a feed usually brings, and from which schools |
| `history` | counts kept of every drop: write, read, by week |
| `stops` | rules whose failure keeps the list from being issued, and who decided otherwise |

Great Expectations takes seconds to import, so no module of the hub imports `suite`, `validate` or the expectations at
its top.
"""
