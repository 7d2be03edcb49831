"""Where things are: read once from the environment, never from a path written in code.

| variable | meaning | default |
|---|---|---|
| `HUB_PARTNERSHIP` | the pack: a name under `partnerships/` or a folder anywhere | `northmere` |
| `HUB_VAR` | where all state lies, one folder a partnership | `var` |
| `HUB_DROPS` | where the synthetic suppliers keep their world | `drops` |
| `HUB_RETRY_SECONDS` | how long to wait before a failed step is tried again | 10 |
| `HUB_KEEP_RUNS_DAYS` | how long Dagster's history of a run is kept | 90 |
| `HUB_ALERT_SMTP_URL`, `HUB_ALERT_MAIL_TO`, `HUB_ALERT_MAIL_FROM` | mail alerts through this relay | no mail |
| `HUB_ALERT_WEBHOOK` | post alerts to this address | no post |
| `HUB_ALERT_EVERY_HOURS` | the same cause is told again after this | 24 |
| `HUB_KEY_FILE`, `HUB_KEY_*` | the keys (see `governance/keys.py`) | the user's configuration folder |
"""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parent.parent


class PackNotFound(Exception):
    """HUB_PARTNERSHIP names neither a pack of this repository nor a folder."""


class Settings(BaseSettings):
    """Folders of one partnership; every path below is absolute."""

    model_config = SettingsConfigDict(env_prefix="HUB_", frozen=True)

    partnership: str = "northmere"
    var: Path = REPOSITORY / "var"
    drops: Path = REPOSITORY / "drops"
    duckdb_threads: int = 2
    duckdb_memory_limit: str = "6GB"
    retry_seconds: float = 10.0
    keep_runs_days: int = 90
    # They may hold a password, so they print as stars.
    alert_smtp_url: SecretStr | None = None
    alert_webhook: SecretStr | None = None
    alert_mail_to: str | None = None
    alert_mail_from: str | None = None
    alert_every_hours: float = 24.0

    @property
    def pack(self) -> Path:
        """The partnership's folder of contracts, code sets, models and declarations.

        Raises:
            PackNotFound: there is no such folder, or it holds no partnership.yml.
        """
        for folder in (Path(self.partnership).expanduser(), REPOSITORY / "partnerships" / self.partnership):
            if (folder / "partnership.yml").is_file():
                return folder.resolve()
        raise PackNotFound(
            f"HUB_PARTNERSHIP is {self.partnership!r}: no folder of that name with a partnership.yml, "
            f"neither as a path nor under {REPOSITORY / 'partnerships'}."
        )

    @property
    def name(self) -> str:
        """The partnership's name: the name of its folder."""
        return self.pack.name

    @property
    def root(self) -> Path:
        """All state of the partnership."""
        return (self.var / self.name).resolve()

    @property
    def landing(self) -> Path:
        """Zone Z0: where agencies leave their files."""
        return self.root / "landing"

    @property
    def outbox(self) -> Path:
        """Zone Z4: released products, one folder a recipient."""
        return self.root / "outbox"

    @property
    def dbt_folder(self) -> Path:
        """The dbt project assembled for this partnership."""
        return self.root / "dbt"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own history for this partnership."""
        return self.root / "dagster_home"

    @property
    def synthetic_suppliers(self) -> Path:
        """The demo's world and what its agencies have sent so far."""
        return (self.drops / self.name).resolve()
