"""Problems with a message of their own: shown to a person as one paragraph, without a stack trace."""

from __future__ import annotations


def expected_problems() -> tuple[type[Exception], ...]:
    """Every exception whose message already says what happened and what to do next."""
    from data_quality.contract import ContractProblem
    from governance.keys import KeyProblem
    from governance.migrations import SchemaTooNew
    from governance.seal import SealBroken
    from governance.zones import ZoneProblem
    from pipelines.hub import HubProblem
    from pipelines.settings import PackNotFound

    return (ContractProblem, KeyProblem, SchemaTooNew, SealBroken, ZoneProblem, HubProblem, PackNotFound)
