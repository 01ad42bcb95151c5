from pathlib import Path

from pointsman.app.facts import Prices, facts
from pointsman.cli.demonstration.folder import ANSWER, FRONTIER, HYBRID, Ports, clear, write
from pointsman.core.place import Place
from pointsman.settings.load import Settings, load

PORTS = Ports(gateway=18800, admin=18801, own_gpu=18802, cloud_a=18803, cloud_b=18804)


def loaded(folder: Path, speed: float = 1.0) -> Settings:
    return load(write(folder, PORTS, speed=speed), facts(Prices(lambda: 1_750_000_000_000)))


def test_the_configuration_has_no_mistakes_and_its_places_are_what_the_screen_says(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "demo")
    ladder = settings.snapshot.capabilities[HYBRID].ladder
    assert [(target.name, target.place) for target in ladder] == [("small", Place.PRIVATE), ("mid", Place.CLOUD), ("frontier", Place.CLOUD)]
    assert [target.name for target in settings.snapshot.capabilities[FRONTIER].ladder] == ["frontier"]
    assert ANSWER in settings.snapshot.capabilities
    assert settings.server.listen == "127.0.0.1:18800"


def test_both_capabilities_promise_the_same_so_that_their_costs_can_be_compared(tmp_path: Path) -> None:
    capabilities = loaded(tmp_path).snapshot.capabilities
    ours, theirs = capabilities[HYBRID].output, capabilities[FRONTIER].output
    assert ours is not None
    assert theirs is not None
    assert ours.schema == theirs.schema


def test_hardware_costs_as_much_more_as_the_demo_is_faster_than_life(tmp_path: Path) -> None:
    slow, fast = loaded(tmp_path).snapshot.targets["small"].hardware, loaded(tmp_path, 10).snapshot.targets["small"].hardware
    assert slow is not None
    assert fast is not None
    assert fast.hourly_nano_usd == 10 * slow.hourly_nano_usd
    assert "10 times as fast" in (tmp_path / "pointsman.yaml").read_text()


def test_what_an_earlier_demo_left_goes_and_nothing_else(tmp_path: Path) -> None:
    for name in ("pointsman.db", "pointsman.db-wal", "history.json", "mine.txt"):
        (tmp_path / name).write_text("old")
    (tmp_path / "pointsman.audit" / "0").mkdir(parents=True)
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
