"""The doctor says what is wrong and what to do about it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from ringdove.kit.crypto import Sealer, new_key
from ringdove.records.health import Edge, Server
from ringdove.settings import Settings
from ringdove.workers import doctor

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVER = Server(version_num=180004, version="18.4", encoding="UTF8", is_safe=True, clock=NOW)


def examine(settings: Settings) -> dict[str, list[doctor.Finding]]:
    by_area: dict[str, list[doctor.Finding]] = {}
    for finding in asyncio.run(doctor.examine(settings)):
        assert finding.level == "ok" or finding.do, finding
        by_area.setdefault(finding.area, []).append(finding)
    return by_area


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(home=tmp_path, database_url=database_url, public_url="https://sms.example.com")


def test_a_sound_installation_only_lacks_its_store(settings: Settings) -> None:
    found = examine(settings)
    assert [f.level for f in found.pop("shop")] == ["warn"]
    rest = [f for area in found.values() for f in area if f.level != "ok"]
    assert [f for f in rest if "fsync" not in f.says] == []  # tests run without it
    assert set(found) == {"settings", "disk", "secrets", "database", "schema", "clock"}


def test_a_server_that_is_away_ends_the_examination(settings: Settings) -> None:
    found = examine(replace(settings, database_url="postgresql://x@127.0.0.1:1/x"))
    assert found["database"][0].level == "bad"
    assert "RINGDOVE_DATABASE_URL" in found["database"][0].do
    assert "schema" not in found


def test_an_empty_database_names_the_command(settings: Settings, empty_database_url: str) -> None:
    found = examine(replace(settings, database_url=empty_database_url))
    assert found["schema"][0].level == "bad"
    assert "ringdove migrate" in found["schema"][0].do
    assert "gateway" not in found


def test_gateways_and_shops_are_named_with_their_trouble(settings: Settings) -> None:
    settings = replace(settings, secrets_key=new_key())
    sealer = Sealer.from_settings(settings.secrets_key, settings.key_file)
    lost = Sealer.from_settings(new_key(), settings.key_file)
    with psycopg.connect(settings.database_url) as link:
        link.execute(
            "INSERT INTO store (id, name, country, time_zone, languages, currency, quiet_from,"
            " quiet_until, bucket_base, bucket_span, created_at)"
            " VALUES (1, 'Bloom', 'BY', 'Europe/Minsk', '{be}', 'BYN', '21:00', '09:00', 0, 1, %s)",
            [NOW],
        )
        for number, name, secrets in [
            (1, "A1", sealer.seal({})),
            (2, "MTS", sealer.seal({})),
            (3, "Old", lost.seal({})),
        ]:
            link.execute(
                "INSERT INTO gateway (id, store_id, kind, channel, name, secrets, created_at)"
                " VALUES (%s, 1, 'smpp', 'sms', %s, %s, %s)",
                [number, name, secrets, NOW],
            )
        link.execute("INSERT INTO gateway_state VALUES (1, 'bound', '', %s)", [NOW])
        link.execute("INSERT INTO gateway_state VALUES (2, 'refused', 'bad password', %s)", [NOW])
    gateways = examine(settings)["gateway"]
    assert [f.level for f in gateways] == ["ok", "bad", "bad"]
    assert "bad password" in gateways[1].says
    assert "RINGDOVE_SECRETS_KEY" in gateways[2].do


@pytest.mark.parametrize(("apart_s", "level"), [(0, "ok"), (5, "warn"), (-5, "warn"), (90, "bad")])
def test_clocks_apart(apart_s: int, level: str) -> None:
    assert doctor.clocks(NOW, NOW + timedelta(seconds=apart_s)).level == level


@pytest.mark.parametrize(
    "server",
    [
        replace(SERVER, version_num=140011, version="14.11"),
        replace(SERVER, encoding="SQL_ASCII"),
        replace(SERVER, is_safe=False),
    ],
)
def test_servers_that_will_not_do(server: Server) -> None:
    assert doctor.engine(SERVER).level == "ok"
    assert doctor.engine(server).level == "bad"


@pytest.mark.parametrize(
    ("url", "level"),
    [("", "warn"), ("sms.example.com", "bad"), ("http://x.by", "warn"), ("https://x.by", "ok")],
)
def test_the_address_that_shops_are_told(url: str, level: str) -> None:
    assert doctor.public_address(url, url or "http://127.0.0.1:8000").level == level


@pytest.mark.parametrize(("free", "level"), [(9 * 2**30, "ok"), (2**30, "warn"), (2**20, "bad")])
def test_room_on_the_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, level: str
) -> None:
    usage = doctor.shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert doctor.disk(tmp_path / "not" / "there").level == level


def test_a_key_file_open_to_others(tmp_path: Path) -> None:
    (tmp_path / "secrets.key").write_text(new_key())
    (tmp_path / "secrets.key").chmod(0o644)
    sealer, finding = doctor.secrets_key(Settings(home=tmp_path))
    assert sealer is None
    assert "chmod 600" in finding.do


def test_a_paused_gateway_and_one_that_was_never_tried() -> None:
    one = Edge("Bloom", "smpp", "A1", b"", None, None, None, None)
    assert doctor.edge("gateway", one, None).level == "ok"
    assert doctor.edge("gateway", replace(one, paused_at=NOW), None).level == "warn"
    assert doctor.edge("gateway", replace(one, secrets=b"x"), None).level == "bad"


def test_events_that_nobody_answers_are_said() -> None:
    """Without workers everything is taken and nothing said: the doctor must see it."""
    assert doctor.backlog(0) == []
    (one,) = doctor.backlog(7)
    assert one.level == "bad" and "7 events" in one.says and "ringdove work" in one.do


def test_an_address_that_cannot_be_read_is_not_repeated(tmp_path: Path) -> None:
    """It may hold a password."""
    wrong = Settings(home=tmp_path, database_url="postgresql:/user:s3cret@host name")
    said = " ".join(one.says + one.do for one in asyncio.run(doctor.examine(wrong)))
    assert "cannot be read" in said and "s3cret" not in said
