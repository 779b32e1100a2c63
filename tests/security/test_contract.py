"""S3: the API contract is true. Schemathesis asks the application by its own OpenAPI; MINSHENG_CONTRACT_CASES sets how often."""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.app import create_app
from api.wiring import House
from models.labels import Role

CASES = int(os.environ.get("MINSHENG_CONTRACT_CASES", "250"))
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def ask_often(operation: Any, mode: GenerationMode, token: str, times: int) -> tuple[int, str]:
    """How many cases were asked, and the first failure."""
    asked = 0

    @settings(
        max_examples=times, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        nonlocal asked
        asked += 1
        # A schema cannot say that a query has to parse or that a period must not end before it begins: those answer 400, documented.
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, excluded_checks=[positive_data_acceptance])

    try:
        ask()
    except FailureGroup as failure:
        return asked, f"{operation.label} {mode.value}: {str(failure.exceptions[0])[:1_500]}"
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # an operation without parameters has no wrong input
    return asked, ""


@pytest.mark.crash  # the full count under `make crash`
@pytest.mark.timeout(1_800)
def test_the_application_keeps_its_own_contract(house: House) -> None:
    """Every operation, with input that fits and input that does not: documented status, type and shape, and never a 500."""
    house.users.add("all", "open-sesame-2026", Role.OPERATOR)
    token = house.users.issue_token("all")
    # A text longer than its field allows may be longer than a body may be: 413 refuses it as well as 422.
    refusals = {"negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 409, 413, 415, 422, 429]}}
    config = schemathesis.Config.from_dict({"checks": refusals})
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(house), config=config)
    operations = [found.ok() for found in schema.get_all_operations()]
    times = max(1, CASES // (len(operations) * len(MODES)))
    found = [ask_often(operation, mode, token, times) for operation in operations for mode in MODES]
    asked, failures = sum(count for count, _ in found), [failure for _, failure in found if failure]
    print(f"\nS3: {asked} cases over {len(operations)} operations, {len(failures)} failures")  # noqa: T201 - the figure of the promise
    assert not failures, "\n\n".join(failures)
    assert asked >= CASES * 0.4
