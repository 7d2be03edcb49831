"""Risk: who might be talked about this week, why, and whether the model may say so at all.

The way through: `declare` (what the pack asks) -> `relations`, `grids`, `kinds`, `panel` (every feature as known at
every week; `panel_sql` is its oracle) -> `labels`, `splits` (outcomes as known then) -> `train`, `logistic`,
`calibrate` -> `evaluate`, `gates` (may it speak?) -> `select`, `rules`, `listing`, `evidence`, `explain` (the list and
its reasons) -> `registry`, `plots`.
`backtest` is the one code path of the past and of the list; `run.run_weekly` is the way in.

Nothing here knows an agency, reads a clock or a path, or writes anything: relations and settings in, results out.
"""
