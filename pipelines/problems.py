"""Problems with a message of their own: shown to a person as one paragraph, without a stack trace."""

from __future__ import annotations


def expected_problems() -> tuple[type[Exception], ...]:
    """Every exception whose message already says what happened and what to do next."""
    from data_quality.code_sets import CodeSetProblem
    from data_quality.contract import ContractRefused
    from data_quality.expectations.stops import OverrideRefused
    from governance.audit import AuditBroken
    from governance.backup import BackupProblem
    from governance.hub_store import HubStoreProblem
    from governance.keys import KeyProblem
    from governance.migrations import SchemaTooNew
    from governance.seal import SealBroken
    from governance.zones import ZoneProblem
    from models.linkage import BarrierBroken, ModelMismatch
    from models.risk.declare import DeclarationError
    from models.risk.registry import ModelFileError
    from models.risk.rescore import CannotRescore
    from pipelines.dbt_assembly import AssemblyProblem
    from pipelines.dbt_runs import DbtProblem
    from pipelines.hub import HubProblem
    from pipelines.list_stops import ListStopped
    from pipelines.partnership import PartnershipProblem
    from pipelines.replay import ReplayProblem
    from pipelines.settings import PackNotFound
    from review.release import ReleaseProblem
    from synthetic.demo import DemoMissingError, WorldEndsError

    return (
        AssemblyProblem,
        AuditBroken,
        BackupProblem,
        BarrierBroken,
        CannotRescore,
        CodeSetProblem,
        ContractRefused,
        DbtProblem,
        DeclarationError,
        DemoMissingError,
        HubProblem,
        HubStoreProblem,
        KeyProblem,
        ListStopped,
        ModelFileError,
        ModelMismatch,
        OverrideRefused,
        PackNotFound,
        PartnershipProblem,
        ReleaseProblem,
        ReplayProblem,
        SchemaTooNew,
        SealBroken,
        WorldEndsError,
        ZoneProblem,
    )
