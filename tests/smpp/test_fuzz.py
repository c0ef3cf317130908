"""Five seconds of the fuzzer; `python -m tests.smpp.fuzz --seconds 600` is for longer evenings."""

import pytest

from ringdove.smpp import codec, fields
from ringdove.smpp.pdu import Tlvs
from tests.smpp import fuzz


@pytest.mark.slow
def test_no_octets_break_a_reader() -> None:
    """Packets, "need more" or a protocol error, whatever comes; the quick way like the general."""
    figures = fuzz.fuzz(5)
    assert not figures.findings
    assert figures.executions > 500 and figures.edges > 500 and figures.inputs > len(fuzz.SEEDS)


@pytest.mark.slow
def test_the_fuzzer_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that stumbles over a third parameter, if it is empty, is found within seconds."""
    read_tlvs = fields.read_tlvs

    def stumbling(octets: bytes, at: int, lenient: bool) -> Tlvs:
        found = read_tlvs(octets, at, lenient)
        if len(found) > 2 and not found[-1][1]:
            raise IndexError("stumbled")
        return found

    def stop(finding: str) -> None:
        if "stumbled" in finding:
            raise StopIteration(finding)

    monkeypatch.setattr(codec, "read_tlvs", stumbling)
    with pytest.raises(StopIteration):
        fuzz.fuzz(12, seed=1, say=stop)
