"""Our own description of the API, played against the API by a machine that means no good."""

import warnings

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from .conftest import Site
from .test_api import key

with warnings.catch_warnings():  # what others' modules complain of while they load
    warnings.simplefilter("ignore")
    import schemathesis

EXAMPLES = 5  # of each call, with and without sense; there are some two hundred calls


# Hypothesis looks whether `random` is drawn from while it makes a case; the site, a thread of this
# process, may do so at any moment.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.slow
def test_no_call_breaks_whatever_it_is_told(site: Site) -> None:
    """R111, P8: whatever a program sends, the answer is one of ours and never a crash."""
    site.set_up()
    program = key(site, "owner")
    described = program.ask("GET", "/api/openapi.json").json()
    broken: list[str] = []
    tried = 0
    for found in schemathesis.openapi.from_dict(described).get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def play(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            case.path_parameters = (case.path_parameters or {}) | {"store_id": 1}
            answer = case.call(
                base_url=site.url, headers={"Authorization": f"Bearer {program.token}"}
            )
            if answer.status_code >= 500:
                broken.append(f"{case.method} {case.formatted_path}: {case.body!r:.300}")

        play()
    assert not broken, "\n".join(broken[:5])
    assert tried > 100
